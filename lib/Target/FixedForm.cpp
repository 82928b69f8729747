//===- FixedForm.cpp - which fixed type XIR has for an op -------------------===//
//
// Rule R0's table: `X` becomes `X-fix` if XIR has that type. Nothing here knows what
// a target can run.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Target/Fusion.h"
#include "dpuopt/Target/Releases.h"
#include "llvm/ADT/StringSwitch.h"

using namespace dpuopt;

llvm::StringRef dpuopt::xirType(const Op &op) {
  llvm::StringRef name = op.name();
  name.consume_front("xir.");
  return name;
}

std::string dpuopt::xirName(const Op &op) {
  if (const Attr *a = op.attr("op_name"); a && a->is(AttrKind::String))
    return a->asString();
  return op.numResults() ? op.result()->name() : std::string();
}

llvm::StringRef dpuopt::activationOf(const Op &op) {
  return llvm::StringSwitch<llvm::StringRef>(xirType(op))
      .Case("relu", "RELU")
      .Case("relu6", "RELU6")
      .Case("leaky-relu", "LEAKYRELU")
      .Case("prelu", "PRELU")
      .Default("");
}

/// Does the transpose only move dimensions of size one?
static bool movesNothing(const Op &op) {
  const Value *in = op.operand(0);
  std::vector<int64_t> order = op.getInts("order");
  if (!in || !in->type().isStatic() || order.size() != in->type().rank())
    return false;
  int64_t last = -1;
  for (int64_t axis : order) {
    if (axis < 0 || axis >= static_cast<int64_t>(order.size()))
      return false;
    if (in->type().dim(axis) == 1)
      continue;
    if (axis < last)
      return false;
    last = axis;
  }
  return true;
}

bool dpuopt::isReshapeLike(const Op &op) {
  llvm::StringRef t = xirType(op);
  return t == "reshape" || t == "flatten" || t == "squeeze" || (t == "transpose" && movesNothing(op));
}

static bool isStaticRank(const Value *v, size_t rank) { return v && v->type().isStatic() && v->type().rank() == rank; }

/// A constant through its fix, or null.
static const Tensor *fixedConstant(const Value *v) {
  if (v && v->def() && v->def()->is("xir.fix"))
    v = v->def()->operand(0);
  return constantOf(v);
}

/// [1, h, w, c] with a constant of one element, or of c elements along the channels: a 1x1 depthwise convolution.
static bool isPerChannel(const Value *data, const Value *factor) {
  if (!isStaticRank(data, 4) || !fixedConstant(factor) || !factor->type().isStatic())
    return false;
  llvm::ArrayRef<int64_t> shape = factor->type().shape();
  int64_t n = factor->type().numElements();
  return n == 1 || (shape.size() <= 4 && !shape.empty() && n == shape.back() && n == data->type().dim(3));
}

/// [n, h, w, c] with [1, 1, 1, c] or [n, 1, 1, c].
static bool isChannelBroadcast(const Value *a, const Value *b) {
  if (!isStaticRank(a, 4) || !isStaticRank(b, 4) || a->type() == b->type())
    return false;
  llvm::ArrayRef<int64_t> x = a->type().shape(), y = b->type().shape();
  return x[3] == y[3] && (y[0] == 1 || y[0] == x[0]) && y[1] == 1 && y[2] == 1 && !(x[1] == 1 && x[2] == 1);
}

static std::string fixedMul(const Op &op) {
  const Value *a = op.operand(0), *b = op.operand(1);
  if (op.numOperands() != 2 || !a || !b)
    return "eltwise-fix";
  if (a->type().shape() == b->type().shape())
    return "eltwise-fix";
  if (isPerChannel(a, b) || isPerChannel(b, a))
    return "depthwise-conv2d-fix";
  return isChannelBroadcast(a, b) || isChannelBroadcast(b, a) ? "depthwise-fix" : "eltwise-fix";
}

/// A reduction over height and/or width is a pool.
static bool isSpatialReduction(const Op &op) {
  std::vector<int64_t> axes = op.getInts("axis");
  return isStaticRank(op.operand(0), 4) && !axes.empty() &&
         llvm::all_of(axes, [](int64_t axis) { return axis == 1 || axis == 2 || axis == -2 || axis == -3; });
}

static std::string fixedResize(const Op &op) {
  const Value *in = op.operand(0);
  if (!isStaticRank(in, 4) || !isStaticRank(op.result(), 4))
    return "upsample-fix";
  bool smaller = op.result()->type().dim(1) < in->type().dim(1) || op.result()->type().dim(2) < in->type().dim(2);
  return smaller ? "downsample-fix" : "upsample-fix";
}

namespace {
/// Types whose fixed form has their name.
constexpr const char *SameName[] = {"conv2d",
                                    "depthwise-conv2d",
                                    "transposed-conv2d",
                                    "conv3d",
                                    "depthwise-conv3d",
                                    "transposed-conv3d",
                                    "concat",
                                    "transposed-depthwise-conv2d",
                                    "transposed-depthwise-conv3d",
                                    "hard-sigmoid",
                                    "pad",
                                    "pixel-shuffle",
                                    "reorg"};

/// Types whose fixed form some releases lack.
constexpr struct {
  const char *type, *fixed;
  Behaves since;
} ByRelease[] = {{"argmax", "argmax-fix", Behaves::ArgmaxIsFixed},
                 {"strided_slice", "strided_slice-fix", Behaves::SliceIsFixed},
                 {"reduction_max", "reduction_max-fix", Behaves::ReductionMaxIsFixed},
                 {"conv1d", "conv2d-fix", Behaves::OneDimensionalRuns},
                 {"maxpool1d", "pool-fix", Behaves::OneDimensionalRuns}};

/// Types whose fixed form has another name.
constexpr struct {
  const char *type, *fixed;
} OtherName[] = {{"maxpool2d", "pool-fix"},
                 {"avgpool2d", "pool-fix"},
                 {"add", "eltwise-fix"},
                 {"scale", "depthwise-conv2d-fix"},
                 {"batchnorm", "depthwise-conv2d-fix"},
                 {"gstiling", "tile-fix"}};
} // namespace

/// What the shapes decide; "" if nothing is special about them.
static std::string formByShape(const Op &op) {
  llvm::StringRef t = xirType(op);
  if (isReshapeLike(op))
    return "reshape-fix";
  if ((t == "reduction_max" || t == "reduction_mean") && isSpatialReduction(op))
    return "pool-fix";
  if (t == "matmul")
    return op.numOperands() > 1 && fixedConstant(op.operand(1)) ? "conv2d-fix" : "";
  if (t == "mul")
    return fixedMul(op);
  return t == "resize" ? fixedResize(op) : "";
}

std::string dpuopt::fixedForm(const Op &op, VitisAi release) {
  llvm::StringRef t = xirType(op);
  if (!op.isXir())
    return "";
  if (llvm::is_contained(SameName, t))
    return t.str() + "-fix";
  for (auto &other : OtherName)
    if (t == other.type)
      return other.fixed;
  if (std::string form = formByShape(op); !form.empty())
    return form;
  for (auto &some : ByRelease)
    if (t == some.type && behaves(some.since, release))
      return some.fixed;
  return "";
}
