//===- DataSource.h - samples to calibrate on and to measure with ---------------===//
//
// One text says where samples come from: SOURCE(:OPTION)*
//   fashion-mnist:200          training images of Debian's dataset-fashion-mnist
//   fashion-mnist:test:1000    its test images (both with labels); also spelled fashion-mnist-test
//   photos/                    a folder of .png, .jpg, .jpeg (or of .npy) files, sorted by name. A folder of such
//                              folders has labels: the number of the subfolder, sorted by name
//   photo.png  x.npy  x.bin    one file; .npy and .bin may hold many samples
// and how they become the model's input:
//   200, count=200             at most so many samples (fashion-mnist: 200, its test set: 1000, else all)
//   skip=10                    leave out the first ones
//   divide=255 mean=a/b/c scale=a/b/c std=a/b/c
//                              (pixel / divide - mean) * scale, per channel or one number for all;
//                              std is 1/scale. Images: divide is 255; files of numbers: 1
//   bgr                        channels in reverse order (rgb: not, where that is the default)
//   labels=FILE                lines 'FILE NUMBER': the class of each file of a folder
//   fit=stretch|crop|pad       image to H x W: stretched (default), scaled and centre-cropped, or scaled
//                              and padded (grey 114) with its aspect kept
//   short=256                  fit=crop: length of the shorter side before cropping
//   nhwc                       .npy and .bin samples are H x W x C
//   dtype=f32|u8|i8            numbers in a .bin file (default f32)
// Bilinear scaling with a triangle filter as wide as the reduction (what PIL and torchvision do).
// Knows no graph.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_DATA_DATASOURCE_H
#define DPUOPT_DATA_DATASOURCE_H

#include "dpuopt/IR/Tensor.h"
#include "dpuopt/Support/Diagnostic.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dpuopt {

/// How samples become the model's input; the options in the file header.
struct DataOptions {
  enum class Fit { Stretch, Crop, Pad };
  size_t count = 0; ///< 0: the source's default
  size_t skip = 0;
  double divide = 0; ///< 0: 255 for images, 1 for files of numbers
  std::vector<double> mean, scale;
  bool bgr = false, rgb = false, nhwc = false, nchw = false;
  bool test = false;      ///< fashion-mnist: its test images
  std::optional<int> fix; ///< fix point of stored integers (InputSource.h)
  std::string labels;     ///< file with a class for each file of a folder
  Fit fit = Fit::Stretch;
  int64_t shortSide = 0;
  ElemKind dtype = ElemKind::F32;
};

/// One model input: f32 of the wanted shape. `label` is -1 without one.
struct Sample {
  Tensor input;
  int label = -1;
  std::string name; ///< "train-images-idx3-ubyte.gz[7]", "photos/cat.png"
};

class DataSource {
public:
  virtual ~DataSource() = default;
  virtual size_t size() const = 0;
  /// Sample `i`, read and prepared. Errors name the file and what is wrong with it.
  virtual Result<Sample> load(size_t i, DiagEngine &diags) = 0;
};

/// A source and its options.
struct DataSpec {
  std::string source;
  DataOptions options;
};
/// Takes `spec` apart; errors name the option.
Result<DataSpec> parseDataSpec(llvm::StringRef spec, DiagEngine &diags);
/// Does the source name FashionMNIST (its test images too)?
bool isFashionMnist(llvm::StringRef source);

/// Opens what `spec` names. `wanted` is the static shape of one sample, batch included: NCHW, for images also
/// NHWC, or any shape for files of numbers. Errors: unknown source or option, missing file or package, no
/// samples, a shape that the source cannot fill.
Result<std::unique_ptr<DataSource>> openDataSource(llvm::StringRef spec, llvm::ArrayRef<int64_t> wanted,
                                                   DiagEngine &diags);
Result<std::unique_ptr<DataSource>> openDataSource(DataSpec spec, llvm::ArrayRef<int64_t> wanted, DiagEngine &diags);

} // namespace dpuopt
#endif
