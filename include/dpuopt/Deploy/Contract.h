//===- Contract.h - what an application must know of a model ------------------------===//
//
// Inputs and outputs as the DPU has them, how a pixel becomes a stored integer, what the
// outputs mean and how a detector's are decoded. As contract.json, as a C++ header and as a
// NumPy module: docs/deploy.md. Knows no graph and no file; who has one fills this in.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_DEPLOY_CONTRACT_H
#define DPUOPT_DEPLOY_CONTRACT_H

#include "dpuopt/Support/Diagnostic.h"
#include <array>

namespace dpuopt {

/// A file the contract is about, by content.
struct ContractFile {
  std::string name; ///< without folder
  uint64_t bytes = 0;
  std::string md5, sha256; ///< lower-case hex
};

/// What is done to the pixels of an image: (pixel - mean) * scale, in the channel order of the model's input.
struct PixelFormat {
  std::vector<double> mean, scale; ///< of pixels from 0 to 255; one per channel, or one for all; empty: 0 and 1
  bool bgr = false;                ///< the model's first channel is blue
  std::string source;              ///< "flags", "calibration data", "prototxt", "contract"
  std::string fit = {};            ///< of pictures of another size: "stretch", "crop", "pad"; "" if not known
  int64_t shortSide = 0;           ///< crop: pixels that the shorter side gets before; 0: as few as possible
};

/// The same and the fix point, in integers: stored = clamp((pixel * multiplier + offset) >> shift), the shift rounding
/// towards minus infinity. Exact for every pixel from 0 to 255.
struct PixelRecipe {
  PixelFormat format; ///< a mean and a scale per channel
  std::vector<int64_t> multiplier, offset;
  unsigned shift = 0;
};

/// A tensor the application hands in or gets back, in NHWC.
struct ContractTensor {
  std::string name;   ///< of the model's input or output, as the model's author called it
  std::string tensor; ///< in the xmodel: the runner is asked by it
  std::vector<int64_t> shape;
  unsigned bits = 32; ///< 32 without a fix point: float
  bool isSigned = true;
  std::optional<int> fixPoint; ///< number = stored integer / 2^fixPoint; none: float

  int64_t elements() const;
  int64_t channels() const { return shape.empty() ? 1 : shape.back(); }
  bool isInt8() const { return fixPoint && bits == 8 && isSigned; }
};

struct ContractInput : ContractTensor {
  std::optional<PixelRecipe> pixels; ///< none: not an image, or nothing is known of its pixels
};

struct ContractOutput : ContractTensor {
  /// "scores" or "probabilities" of classes; of a head "box", "objectness", "classes", joined by '+'; "" if not known.
  std::string role;
  std::optional<unsigned> map; ///< of a head: index in ContractHead::maps
};

/// Channels of one role: number i is `first + i * step` of output `output`.
struct HeadRole {
  int output = -1; ///< index in Contract::outputs; -1: there is none
  int64_t first = 0, count = 0, step = 1;
};

/// One row of the result per cell of its map: cell c (y * width + x) is row `firstRow + c * rowStep`.
struct HeadAnchorBox {
  int64_t firstRow = 0;
  double width = 0, height = 0; ///< anchor or prior in pixels of the input; 0 without
  HeadRole box, objectness, classes;
};

struct HeadMap {
  int64_t height = 0, width = 0, rowStep = 1;
  double strideX = 1, strideY = 1, offsetX = 0, offsetY = 0;
  std::vector<HeadAnchorBox> anchors;
};

/// How boxes come out of maps; the formulas are those of head.json (docs/heads.md).
struct ContractHead {
  std::string kind;                        ///< "yolov5", "yolov8", "yolox", "ssd", ...
  std::string decode = "none";             ///< sigmoid-square, sigmoid-exp, offset-exp, distances, prior, none
  std::string scores = "none", objectness; ///< functions: sigmoid, softmax, none; objectness: "" if there is none
  int64_t classes = 0, bins = 1, rows = 0;
  int64_t background = -1; ///< the class that is none; -1: every class is one
  double xyScale = 1;
  std::array<double, 2> variances{1, 1};
  std::vector<HeadMap> maps;
};

/// A tensor of head.json, to be found among a model's outputs.
struct HeadTensor {
  std::string name;
  std::vector<int64_t> shape; ///< NHWC
  std::string role;
  int map = -1;
};

/// A head as head.json has it: roles name indices in `tensors`, not in Contract::outputs.
struct HeadFile {
  ContractHead head;
  std::vector<HeadTensor> tensors;
};

struct Contract {
  std::string name;  ///< of the model: net of net.onnx
  std::string graph; ///< name of the graph in the xmodel
  /// "dpu": inputs and outputs are those of the one DPU subgraph, as VART has them; "graph": there is none or several,
  /// and they are those of the whole graph, as graph_runner has them.
  std::string interface;
  ContractFile xmodel;
  bool compiled = false;              ///< by the vendor's compiler
  std::optional<ContractFile> source; ///< the float model
  std::string dpu;                    ///< "DPUCZDX8G_ISA1_B4096"
  uint64_t fingerprint = 0;           ///< 0: not known
  int vitisAi = 35;                   ///< the release of the vendor's library that will run it: major * 10 + minor
  std::vector<std::string> dpuSubgraphs;
  std::vector<std::string> cpuOps; ///< types of what is left to others than the DPU
  std::vector<ContractInput> inputs;
  std::vector<ContractOutput> outputs;
  std::optional<ContractHead> head;
  std::vector<std::string> labels;

  /// Index of the output that has the scores of classes; none for other models.
  std::optional<unsigned> scores() const;
  /// Index of the first input with pixels.
  std::optional<unsigned> image() const;
  int64_t batch() const { return inputs.empty() || inputs[0].shape.empty() ? 1 : inputs[0].shape[0]; }
};

/// The stored integer of each pixel value of channel `c`: (pixel - mean) * scale in float, times 2^fixPoint, rounded
/// half up, limited to 8 bits. This is what dpuc run computes.
std::array<int8_t, 256> pixelTable(const PixelFormat &format, size_t c, int fixPoint);
/// Those tables in integers. Errors: a number of means or scales that is neither 1 nor `channels`, numbers out of
/// range.
Result<PixelRecipe> pixelRecipe(const PixelFormat &format, int64_t channels, int fixPoint, DiagEngine &diags);

/// Reads a head.json; `file` names it in diagnostics.
Result<HeadFile> readHead(llvm::StringRef file, llvm::StringRef text, DiagEngine &diags);
/// Finds the head's tensors among the contract's outputs (by name, else by shape) and gives these their roles. Errors:
/// a tensor that is not there.
Status addHead(Contract &contract, const HeadFile &file, DiagEngine &diags);
/// Sets the role of the one output that is scores of classes, in a contract without a head.
void addScores(Contract &contract);

/// contract.json: keys in a fixed order, two spaces of indent.
std::string contractJson(const Contract &contract);

} // namespace dpuopt
#endif
