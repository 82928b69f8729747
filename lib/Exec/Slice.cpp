//===- Slice.cpp - Slice, Pad, Tile, Expand and their xir forms -----------------------===//
//
// Each builds the source positions along every axis (Remap.h).
//
//===----------------------------------------------------------------------===//
#include "Broadcast.h"
#include "Remap.h"
#include "dpuopt/IR/OnnxViews.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

static Result<Tensors> remapped(const Call &call, const AxisMaps &maps, const Tensor *fill = nullptr) {
  auto y = remap(call, call.in(), maps, fill);
  if (!y)
    return failure();
  return one(std::move(*y));
}

std::vector<int64_t> exec::sliceMap(int64_t n, int64_t start, int64_t end, int64_t step) {
  auto clamped = [&](int64_t at) {
    at += at < 0 ? n : 0;
    return step > 0 ? std::clamp<int64_t>(at, 0, n) : std::clamp<int64_t>(at, -1, n - 1);
  };
  std::vector<int64_t> map;
  if (n == 0)
    return map;
  start = clamped(start), end = clamped(end);
  step = std::clamp<int64_t>(step, -n, n); // more steps over everything anyway
  for (int64_t i = start; step > 0 ? i < end : i > end; i += step)
    map.push_back(i);
  return map;
}

static Result<Tensors> slice(const Call &call) {
  llvm::ArrayRef<int64_t> shape = call.in().shape();
  std::vector<int64_t> starts = call.op.getInts("starts"), ends = call.op.getInts("ends"), axes, steps;
  axes = call.op.getInts("axes");
  for (unsigned i = 1; i <= 4; ++i)
    if (call.operand(i)) {
      auto given = call.ints(i);
      if (!given)
        return failure();
      (i == 1 ? starts : i == 2 ? ends : i == 3 ? axes : steps) = *given;
    }
  if (axes.empty())
    for (size_t i = 0; i < starts.size(); ++i)
      axes.push_back(int64_t(i));
  steps.resize(std::max(steps.size(), starts.size()), 1);
  if (starts.size() != ends.size() || starts.size() != axes.size() || steps.size() != starts.size())
    return call.error("starts, ends, axes and steps must have the same length");
  AxisMaps maps = identityMaps(shape);
  for (size_t i = 0; i < axes.size(); ++i) {
    int64_t axis = onnx::normalizeAxis(axes[i], int64_t(shape.size()));
    if (axis < 0 || steps[i] == 0)
      return call.error(fmt::format("axis {} or step {} is not possible for {}", axes[i], steps[i], shapeStr(shape)));
    maps[axis] = sliceMap(shape[axis], starts[i], ends[i], steps[i]);
  }
  return remapped(call, maps);
}

/// strided_slice: bit i of begin_mask / end_mask opens that end of axis i.
static Result<Tensors> stridedSlice(const Call &call) {
  llvm::ArrayRef<int64_t> shape = call.in().shape();
  std::vector<int64_t> begin = call.op.getInts("begin"), end = call.op.getInts("end");
  std::vector<int64_t> strides = call.op.getInts("strides", std::vector<int64_t>(begin.size(), 1));
  if (begin.size() != end.size() || begin.size() != strides.size() || begin.size() > shape.size())
    return call.error("begin, end and strides must have one entry per axis");
  int64_t beginMask = call.op.getInt("begin_mask"), endMask = call.op.getInt("end_mask");
  AxisMaps maps = identityMaps(shape);
  for (size_t i = 0; i < begin.size(); ++i) {
    if (strides[i] == 0)
      return call.error("a stride is 0");
    int64_t first = beginMask >> i & 1 ? (strides[i] > 0 ? 0 : shape[i] - 1) : begin[i];
    int64_t last = endMask >> i & 1 ? (strides[i] > 0 ? shape[i] : -shape[i] - 1) : end[i];
    maps[i] = sliceMap(shape[i], first, last, strides[i]);
  }
  return remapped(call, maps);
}

int64_t exec::padSource(int64_t at, int64_t n, llvm::StringRef mode) {
  if (at >= 0 && at < n)
    return at;
  if (mode == "edge")
    return std::clamp<int64_t>(at, 0, n - 1);
  if (mode == "wrap")
    return ((at % n) + n) % n;
  if (mode == "reflect") {
    int64_t period = std::max<int64_t>(2 * (n - 1), 1);
    at = ((at % period) + period) % period;
    return at < n ? at : period - at;
  }
  if (mode == "symmetric") {
    at = ((at % (2 * n)) + 2 * n) % (2 * n);
    return at < n ? at : 2 * n - 1 - at;
  }
  return -1;
}

static Result<Tensors> padAxes(const Call &call, llvm::ArrayRef<int64_t> before, llvm::ArrayRef<int64_t> after,
                               llvm::StringRef mode, const Tensor *fill) {
  llvm::ArrayRef<int64_t> shape = call.in().shape();
  AxisMaps maps;
  int64_t total = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t n = shape[i] + before[i] + after[i];
    if (std::abs(before[i]) > MaxResultElements || std::abs(after[i]) > MaxResultElements || n < 0 ||
        __builtin_mul_overflow(total, n, &total) || total > MaxResultElements || (shape[i] == 0 && mode != "constant"))
      return call.error(fmt::format("pads {} and {} are not possible for {}", before[i], after[i], shapeStr(shape)));
    maps.emplace_back(n);
    for (int64_t k = 0; k < n; ++k)
      maps[i][k] = padSource(k - before[i], shape[i], mode);
  }
  return remapped(call, maps, fill);
}

static Result<Tensors> pad(const Call &call) {
  size_t rank = call.in().shape().size();
  std::vector<int64_t> pads = call.op.getInts("pads"), axes;
  if (call.operand(1)) {
    auto given = call.ints(1);
    if (!given)
      return failure();
    pads = *given;
  }
  auto given = call.axes(3, rank);
  if (!given)
    return failure();
  axes = *given;
  if (axes.empty())
    for (size_t i = 0; i < rank; ++i)
      axes.push_back(int64_t(i));
  if (pads.size() != 2 * axes.size())
    return call.error(fmt::format("needs {} pads, has {}", 2 * axes.size(), pads.size()));
  std::vector<int64_t> before(rank, 0), after(rank, 0);
  for (size_t i = 0; i < axes.size(); ++i)
    before[axes[i]] = pads[i], after[axes[i]] = pads[i + axes.size()];
  std::string mode = call.op.getString("mode", "constant");
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
    return call.error("unknown mode " + mode);
  Tensor value = Tensor::splatFloat({1}, float(call.op.getFloat("value", 0)));
  const Tensor *fill = call.operand(2) ? call.operand(2) : call.op.hasAttr("value") ? &value : nullptr;
  if (fill && (fill->numElements() < 1 || fill->elemType() != call.in().elemType()))
    return call.error("its fill value must have the input's type");
  return padAxes(call, before, after, mode, fill);
}

static Result<Tensors> xirPad(const Call &call) {
  size_t rank = call.in().shape().size();
  std::vector<int64_t> pads = call.op.getInts("paddings"), before, after;
  if (pads.size() != 2 * rank)
    return call.error(fmt::format("needs {} paddings, has {}", 2 * rank, pads.size()));
  for (size_t i = 0; i < rank; ++i)
    before.push_back(pads[2 * i]), after.push_back(pads[2 * i + 1]);
  std::string mode = llvm::StringRef(call.op.getString("mode", "CONSTANT")).lower();
  if (mode != "constant" && mode != "reflect" && mode != "symmetric")
    return call.error("unknown mode " + mode);
  std::vector<float> values = call.op.getFloats("constant_values");
  for (float v : values)
    if (v != values[0])
      return call.error("fills with one value only");
  Tensor fill = Tensor::splatFloat({1}, values.empty() ? 0 : values[0]);
  return padAxes(call, before, after, mode, &fill);
}

static Result<Tensors> tile(const Call &call) {
  llvm::ArrayRef<int64_t> shape = call.in().shape();
  auto repeats = call.ints(1);
  if (!repeats)
    return failure();
  if (repeats->size() != shape.size())
    return call.error(fmt::format("needs {} repeats, has {}", shape.size(), repeats->size()));
  AxisMaps maps;
  int64_t total = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t n = 0;
    if ((*repeats)[i] < 0 || __builtin_mul_overflow(shape[i], (*repeats)[i], &n) ||
        __builtin_mul_overflow(total, n, &total) || total > MaxResultElements)
      return call.error("its repeats are negative or too large");
    maps.emplace_back(n);
    for (int64_t k = 0; k < n; ++k)
      maps[i][k] = k % shape[i];
  }
  return remapped(call, maps);
}

/// Expand: broadcasting against a shape, in both directions.
static Result<Tensors> expand(const Call &call) {
  auto wanted = call.ints(1);
  if (!wanted)
    return failure();
  const Tensor &x = call.in();
  auto shape = broadcastShape({x.shape(), *wanted});
  if (!shape || llvm::any_of(*shape, [](int64_t n) { return n < 0; }))
    return call.error(fmt::format("{} does not expand to {}", shapeStr(x.shape()), shapeStr(*wanted)));
  Shape lifted(shape->size() - x.shape().size(), 1);
  lifted.append(x.shape().begin(), x.shape().end());
  if (x.numElements() == 1) // one element, however large the result
    return one(Tensor::splat(Type(x.elemType(), *shape), x.expanded().storage()));
  if (Type(x.elemType(), *shape).numElements() > MaxResultElements || Type(x.elemType(), *shape).numElements() < 0)
    return call.error("its result is too large");
  AxisMaps maps;
  for (size_t i = 0; i < shape->size(); ++i) {
    maps.emplace_back((*shape)[i]);
    for (int64_t k = 0; k < (*shape)[i]; ++k)
      maps[i][k] = lifted[i] == 1 ? 0 : k;
  }
  auto y = remap(call, x.reshaped(lifted), maps);
  if (!y)
    return failure();
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::sliceKernels() {
  static const KernelEntry table[] = {
      {"onnx.Expand", expand, 2}, {"onnx.Pad", pad},         {"onnx.Slice", slice},
      {"onnx.Tile", tile, 2},     {"xir.pad", xirPad, 1, 1}, {"xir.strided_slice", stridedSlice},
  };
  return table;
}
