//===- InputSource.h - what a model is fed with, from a file of any kind ----------===//
//
// One text says where an input comes from: SOURCE(:OPTION)*, as for DataSource, and also
//   x.i8  x.u8  x.i16          stored integers at the input's fix point
//   x.f32                      numbers
//   x.bin                      either, by its size
//   x.npy                      integers of the stored width are stored integers, others numbers
//   random  random:SEED        the same ones each time
//   zeros
// Files are in the layout of the model's input; `nchw` or `nhwc` says otherwise, and an array whose shape
// fits one of the two needs neither. `fix=6` is the fix point of stored integers for an input without one.
// A folder is one input after the other, sorted by name. Knows no graph.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_DATA_INPUTSOURCE_H
#define DPUOPT_DATA_INPUTSOURCE_H

#include "dpuopt/Data/DataSource.h"

namespace dpuopt {

/// What an input of a model takes.
struct InputWanted {
  std::string name;
  Type type;                 ///< batch included; a fix type if the model rounds the input to a fix point
  bool channelsLast = false; ///< N x spatial x C? (else N x C x spatial)

  /// "input 'x': 1x28x28x1 (NHWC) of q8.6".
  std::string str() const;
};

/// Opens what each spec names, one after the other; the samples' tensors have the wanted shape, and are f32, stored
/// integers of the wanted fix type, or integers if the input takes integers. `defaults` holds where the spec says
/// nothing (mean, scale, bgr). Errors are one line: what is wanted, and what the file has.
Result<std::unique_ptr<DataSource>> openInput(llvm::ArrayRef<std::string> specs, const InputWanted &wanted,
                                              const DataOptions &defaults, DiagEngine &diags);

/// `t` with its channels moved last, or (`last` false) first; rank 3 to 5, others as they are.
Tensor withChannels(const Tensor &t, bool last);
/// The same for a shape.
Shape shapeWithChannels(llvm::ArrayRef<int64_t> shape, bool last);

/// mean and scale of the prototxt that the vendor's library reads beside an xmodel: per channel in BGR order, of pixels
/// from 0 to 255. Errors: none of them in the file, numbers that are none.
Result<DataOptions> readPrototxt(llvm::StringRef path, DiagEngine &diags);

} // namespace dpuopt
#endif
