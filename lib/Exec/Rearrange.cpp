//===- Rearrange.cpp - between depth and space ------------------------------------------===//
//
// All are one transposition of a tensor seen with its blocks as axes of their own.
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

/// x as `split`, axes in `order`, as `shape`.
static Result<Tensors> rearrange(const Tensor &x, llvm::ArrayRef<int64_t> split, llvm::ArrayRef<unsigned> order,
                                 llvm::ArrayRef<int64_t> shape) {
  return one(x.reshaped(split).transposed(order).reshaped(shape));
}

static Result<Tensors> depthToSpace(const Call &call) {
  const Tensor &x = call.in();
  int64_t b = call.op.getInt("blocksize");
  if (x.shape().size() != 4 || b < 1 || b > 1 << 15 || x.shape()[1] % (b * b))
    return call.error(fmt::format("{} has no channels for blocks of {}", x.type().str(), b));
  int64_t n = x.shape()[0], c = x.shape()[1] / (b * b), h = x.shape()[2], w = x.shape()[3];
  if (call.op.getString("mode", "DCR") == "CRD")
    return rearrange(x, {n, c, b, b, h, w}, {0, 1, 4, 2, 5, 3}, {n, c, h * b, w * b});
  return rearrange(x, {n, b, b, c, h, w}, {0, 3, 4, 1, 5, 2}, {n, c, h * b, w * b});
}

static Result<Tensors> spaceToDepth(const Call &call) {
  const Tensor &x = call.in();
  int64_t b = call.op.getInt("blocksize");
  if (x.shape().size() != 4 || b < 1 || x.shape()[2] % b || x.shape()[3] % b)
    return call.error(fmt::format("{} cannot be cut into blocks of {}", x.type().str(), b));
  int64_t n = x.shape()[0], c = x.shape()[1], h = x.shape()[2] / b, w = x.shape()[3] / b;
  return rearrange(x, {n, c, h, b, w, b}, {0, 3, 5, 1, 2, 4}, {n, c * b * b, h, w});
}

namespace {
/// NHWC, blocks of s x s; `grouped`: channel = c * s * s + position (pixel shuffle),
/// else position * C + c (reorg).
Result<Tensors> spaceToChannels(const Call &call, int64_t s, bool grouped) {
  const Tensor &x = call.in();
  if (x.shape().size() != 4 || s < 1 || x.shape()[1] % s || x.shape()[2] % s)
    return call.error(fmt::format("{} cannot be cut into blocks of {}", x.type().str(), s));
  int64_t n = x.shape()[0], h = x.shape()[1] / s, w = x.shape()[2] / s, c = x.shape()[3];
  if (grouped)
    return rearrange(x, {n, h, s, w, s, c}, {0, 1, 3, 5, 2, 4}, {n, h, w, c * s * s});
  return rearrange(x, {n, h, s, w, s, c}, {0, 1, 3, 2, 4, 5}, {n, h, w, s * s * c});
}

Result<Tensors> channelsToSpace(const Call &call, int64_t s, bool grouped) {
  const Tensor &x = call.in();
  if (x.shape().size() != 4 || s < 1 || s > 1 << 15 || x.shape()[3] % (s * s))
    return call.error(fmt::format("{} has no channels for blocks of {}", x.type().str(), s));
  int64_t n = x.shape()[0], h = x.shape()[1], w = x.shape()[2], c = x.shape()[3] / (s * s);
  if (grouped)
    return rearrange(x, {n, h, w, c, s, s}, {0, 1, 4, 2, 5, 3}, {n, h * s, w * s, c});
  return rearrange(x, {n, h, w, s, s, c}, {0, 1, 3, 2, 4, 5}, {n, h * s, w * s, c});
}
} // namespace

static Result<Tensors> pixelShuffle(const Call &call) {
  int64_t s = call.op.getInt("scale");
  return call.op.getBool("upscale") ? channelsToSpace(call, s, true) : spaceToChannels(call, s, true);
}

static Result<Tensors> reorg(const Call &call) {
  int64_t s = call.op.getInt("scale");
  return call.op.getBool("reverse") ? channelsToSpace(call, s, false) : spaceToChannels(call, s, false);
}

static Result<Tensors> tiling(const Call &call) {
  int64_t s = call.op.getInt("stride");
  return call.op.getBool("reverse") ? channelsToSpace(call, s, false) : spaceToChannels(call, s, false);
}

llvm::ArrayRef<KernelEntry> exec::rearrangeKernels() {
  static const KernelEntry table[] = {
      {"onnx.DepthToSpace", depthToSpace},
      {"onnx.SpaceToDepth", spaceToDepth},
      {"xir.pixel-shuffle", pixelShuffle},
      {"xir.reorg", reorg},
      {"xir.gstiling", tiling},
  };
  return table;
}
