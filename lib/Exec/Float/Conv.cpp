//===- Conv.cpp - convolutions with constant weights, and what follows them ------------------===//
#include "../Conv.h"
#include "FloatKernel.h"

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {

class ConvKernel final : public FloatKernel {
public:
  ConvKernel(std::unique_ptr<ConvPlan> plan, std::vector<float> bias) : plan(std::move(plan)), bias(std::move(bias)) {
    reads = {0};
  }
  bool run(FloatInputs in, FloatOutputs out) override {
    return plan->run(in[0], bias.empty() ? nullptr : bias.data(), out[0]);
  }

private:
  std::unique_ptr<ConvPlan> plan;
  std::vector<float> bias;
};

/// Operands of the right shapes without elements, for functions that look at shapes only.
struct Shapes {
  std::vector<Tensor> tensors;
  std::vector<const Tensor *> pointers;
  explicit Shapes(const Op &op) {
    for (const Value *v : op.operands())
      tensors.push_back(v ? Tensor::splatFloat(v->type().shape(), 0) : Tensor());
    for (unsigned i = 0; i < tensors.size(); ++i)
      pointers.push_back(op.operand(i) ? &tensors[i] : nullptr);
  }
};

} // namespace

static std::optional<ConvShape> geometry(const Op &op) {
  Shapes shapes(op);
  DiagEngine silent(nullptr); // what is wrong with the op is said when it runs
  std::unique_ptr<KernelState> state;
  Call call{op, shapes.pointers, silent, state};
  auto s = op.isXir() ? xirConvShape(call) : onnxConvShape(call);
  if (!s || llvm::makeArrayRef(s->tensorShape(s->out, s->outChannels)) != op.result()->type().shape())
    return std::nullopt;
  return std::move(*s);
}

/// w[o] *= scale[o], b[o] = b[o] * scale[o] + shift[o]; weights are [group][out / group]...
static void fold(const Affine &affine, Tensor &weights, std::vector<float> &bias) {
  auto w = weights.mut<float>();
  size_t each = w.size() / affine.scale.size();
  bias.resize(affine.scale.size());
  for (size_t o = 0; o < affine.scale.size(); ++o) {
    for (float &v : w.slice(o * each, each))
      v *= affine.scale[o];
    bias[o] = bias[o] * affine.scale[o] + affine.shift[o];
  }
}

static FloatKernelPtr conv(const FloatRequest &r) {
  bool hasBias = r.op.operand(2);
  if (!r.isRealConstant(1) || (hasBias && !r.isRealConstant(2)))
    return nullptr;
  auto s = geometry(r.op);
  if (!s)
    return nullptr;
  Tensor weights = r.op.isXir() ? xirConvWeights(*s, r.op, *r.constants[1]) : onnxConvWeights(*s, *r.constants[1]);
  std::vector<float> bias;
  if (hasBias) {
    Tensor dense = r.constants[2]->expanded();
    bias = dense.as<float>().vec();
  }
  if (r.affine)
    fold(*r.affine, weights, bias);
  s->channelsLast = r.channelsLast || r.op.isXir(), s->bias = !bias.empty(),
  s->post = PostOps(r.post.begin(), r.post.end());
  auto plan = oneDnnConv(*s);
  if (!plan && !r.post.empty())
    return nullptr; // the convolution alone may be fast
  if (!plan || !plan->setWeights(weights))
    plan = directConv(*s), plan->setWeights(weights);
  return std::make_unique<ConvKernel>(std::move(plan), std::move(bias));
}

llvm::ArrayRef<FloatEntry> exec::convFloatEntries() {
  static const FloatEntry table[] = {
      {"onnx.Conv", conv, Place::Last, true, true},
      {"onnx.ConvTranspose", conv, Place::Last, true, true},
      {"xir.conv1d", conv, Place::Plain, true, true},
      {"xir.conv2d", conv, Place::Plain, true, true},
      {"xir.conv3d", conv, Place::Plain, true, true},
      {"xir.depthwise-conv1d", conv, Place::Plain, true, true},
      {"xir.depthwise-conv2d", conv, Place::Plain, true, true},
      {"xir.depthwise-conv3d", conv, Place::Plain, true, true},
      {"xir.transposed-conv2d", conv, Place::Plain, true, true},
      {"xir.transposed-conv3d", conv, Place::Plain, true, true},
      {"xir.transposed-depthwise-conv2d", conv, Place::Plain, true, true},
      {"xir.transposed-depthwise-conv3d", conv, Place::Plain, true, true},
  };
  return table;
}
