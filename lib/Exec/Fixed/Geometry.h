//===- Geometry.h - windows and shapes of fixed ops, checked ----------------------------===//
//
// What a running kernel trusts is found out here: attributes of any kind and size come in, a window
// that fits the declared result goes out. Every function tells why it refuses (see refuse()).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_FIXED_GEOMETRY_H
#define DPUOPT_LIB_EXEC_FIXED_GEOMETRY_H

#include "FixKernel.h"

namespace dpuopt::exec {

/// "It cannot be done": an error of a compiled op; of the quantized form nothing is said, as a float kernel takes over.
Status refuse(const FixRequest &request, const std::string &why);

/// Largest tensor: offsets and sums of offsets stay far from 2^63.
constexpr int64_t MaxFixElements = int64_t(1) << 31;
/// Of operands and results: sums and differences of some of them are small numbers.
constexpr int MaxFixPointMagnitude = 64;

/// N, H, W, C; one spatial axis is a row (H = 1).
struct Image {
  int64_t n = 1, h = 1, w = 1, c = 1;
};
/// A type of rank 3 or 4 as an image; nullopt otherwise.
std::optional<Image> imageOf(const Type &type);

/// The window attributes of convolutions and pools ([w, h] in the file).
struct Window {
  int64_t kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, dilationH = 1, dilationW = 1;
  int64_t padTop = 0, padBottom = 0, padLeft = 0, padRight = 0;
  bool ceil = false;
};
/// Of operand 0 (rank 3 or 4).
Result<Window> readWindow(const FixRequest &request);
/// Do input and result have the sizes that the window makes? A compiled op may have been padded to a whole last window.
Status checkSizes(const FixRequest &request, const Window &window, const Image &in, const Image &out, bool transposed);

/// One of `names` by an attribute that is such a string, or its number (xcompiler 1.1 and earlier); nullopt otherwise.
std::optional<unsigned> choiceOf(const Op &op, llvm::StringRef attribute, llvm::ArrayRef<llvm::StringRef> names,
                                 llvm::StringRef dflt);

} // namespace dpuopt::exec
#endif
