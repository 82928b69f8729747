//===- Conv.cpp - onnx.Conv and onnx.ConvTranspose -------------------------------===//
#include "Conv.h"
#include "dpuopt/IR/OnnxViews.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

Shape ConvShape::tensorShape(llvm::ArrayRef<int64_t> spatial, int64_t channels) const {
  Shape shape{batch};
  if (!channelsLast)
    shape.push_back(channels);
  shape.append(spatial.begin(), spatial.end());
  if (channelsLast)
    shape.push_back(channels);
  return shape;
}

namespace {
/// The plan of one op.
struct ConvState : KernelState {
  ConvShape shape;
  std::unique_ptr<ConvPlan> plan;
};
} // namespace

bool exec::outputSizes(ConvShape &s, llvm::ArrayRef<int64_t> outputPadding) {
  s.out.resize(s.in.size());
  for (size_t i = 0; i < s.in.size(); ++i) {
    int64_t span = (s.kernel[i] - 1) * s.dilations[i] + 1;
    int64_t extra = i < outputPadding.size() ? outputPadding[i] : 0;
    if (s.transposed) {
      s.out[i] = (s.in[i] - 1) * s.strides[i] + span + extra - s.padsBegin[i] - s.padsEnd[i];
      s.padsEnd[i] -= extra;
    } else {
      int64_t room = s.in[i] + s.padsBegin[i] + s.padsEnd[i] - span;
      s.out[i] = room < 0 ? 0 : room / s.strides[i] + 1;
    }
    if (s.out[i] < 1 || s.in[i] < 1)
      return false;
  }
  return true;
}

Result<Tensors> exec::runConv(const Call &call, const ConvShape &shape, llvm::function_ref<Tensor()> weights) {
  auto y = call.allocate(ElemKind::F32, shape.tensorShape(shape.out, shape.outChannels));
  if (!y)
    return failure();
  auto *state = static_cast<ConvState *>(call.state.get());
  if (!state || !(state->shape == shape) || !call.isConstant(1)) {
    auto fresh = std::make_unique<ConvState>();
    fresh->shape = shape;
    fresh->plan = makeConv(shape, weights());
    state = fresh.get();
    call.state = std::move(fresh);
  }
  Tensor x = call.in().expanded(), bias = shape.bias ? call.in(2).expanded() : Tensor();
  if (!state->plan->run(data<float>(x), shape.bias ? data<float>(bias) : nullptr, mutData<float>(*y)))
    return call.error("not enough memory");
  return one(std::move(*y));
}

/// [in, out / group, k...] -> [group, out / group, in / group, k...]
static Tensor swapInOut(const Tensor &w, int64_t group) {
  Shape split{group, w.shape()[0] / group};
  split.append(w.shape().begin() + 1, w.shape().end());
  llvm::SmallVector<unsigned, 6> order{0, 2, 1};
  for (unsigned i = 3; i < split.size(); ++i)
    order.push_back(i);
  return w.reshaped(split).transposed(order);
}

Result<ConvShape> exec::onnxConvShape(const Call &call) {
  onnx::Conv view(call.op);
  const Tensor &x = call.in(0), &w = call.in(1);
  const onnx::Window &window = view.window;
  llvm::ArrayRef<int64_t> kernel = w.shape().drop_front(std::min<size_t>(2, w.shape().size()));
  if (!window.valid || window.spatial > 3 || x.shape().size() != window.spatial + 2 ||
      w.shape().size() != x.shape().size() || kernel != llvm::makeArrayRef(window.kernel))
    return call.error(fmt::format("input {}, weights {} and its window do not fit together (1 to 3 spatial axes)",
                                  x.type().str(), w.type().str()));
  ConvShape s;
  s.batch = x.shape()[0], s.group = view.group, s.inChannels = x.shape()[1];
  s.transposed = view.transposed;
  s.outChannels = s.transposed ? w.shape()[1] * s.group : w.shape()[0];
  s.bias = call.operand(2) != nullptr;
  s.in = x.shape().drop_front(2).vec();
  s.kernel = window.kernel, s.strides = window.strides, s.dilations = window.dilations;
  s.padsBegin = window.padsBegin, s.padsEnd = window.padsEnd;
  int64_t weightIn = s.transposed ? w.shape()[0] : w.shape()[1] * s.group;
  if (s.group < 1 || s.inChannels < 1 || s.outChannels < 1 || s.inChannels != weightIn || s.outChannels % s.group ||
      s.inChannels % s.group || (s.bias && call.in(2).numElements() != s.outChannels))
    return call.error(fmt::format("input {}, weights {}, bias and group {} do not fit together", x.type().str(),
                                  w.type().str(), s.group));
  if (s.batch < 1 || !outputSizes(s, view.outputPadding))
    return call.error(fmt::format("input {} gives an empty result", x.type().str()));
  return s;
}

Tensor exec::onnxConvWeights(const ConvShape &s, const Tensor &w) { return s.transposed ? swapInOut(w, s.group) : w; }

static Result<Tensors> conv(const Call &call) {
  auto s = onnxConvShape(call);
  if (!s)
    return failure();
  return runConv(call, *s, [&] { return onnxConvWeights(*s, call.in(1)); });
}

llvm::ArrayRef<KernelEntry> exec::convKernels() {
  static const KernelEntry table[] = {
      {"onnx.Conv", conv, 2, 3},
      {"onnx.ConvTranspose", conv, 2, 3},
  };
  return table;
}
