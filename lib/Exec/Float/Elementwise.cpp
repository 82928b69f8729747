//===- Elementwise.cpp - one element at a time -------------------------------------------------===//
#include "OneDnn.h"
#include "RowLoops.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::exec;

static int64_t count(llvm::ArrayRef<int64_t> shape) {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

/// The one element of a constant that is the same everywhere.
static std::optional<float> uniform(const FloatRequest &r, const Value *v) {
  for (unsigned i = 0; i < r.op.numOperands(); ++i)
    if (r.op.operand(i) == v && r.isConstant(i) && (r.constants[i]->isSplat() || r.constants[i]->numElements() == 1) &&
        r.constants[i]->elemType().kind == ElemKind::F32)
      return float(r.constants[i]->at(0));
  return std::nullopt;
}

static FloatKernelPtr unary(const FloatRequest &r) {
  if (r.isConstant(0) || r.in() != r.out())
    return nullptr;
  PostOps ops = postOpsOf(r.op, [&](const Value *v) { return uniform(r, v); });
  if (ops.empty() || (r.exact && !llvm::all_of(ops, [](const PostOp &op) { return op.isExact(); })))
    return nullptr;
  ops.append(r.post.begin(), r.post.end());
  auto kernel = oneDnnEltwise(count(r.out()), ops);
  if (kernel)
    kernel->reads = {0};
  return kernel;
}

namespace {

/// What follows a loop of ours: limits in the loop, other functions after it.
struct Rest {
  Limits limits;
  FloatKernelPtr others;
  bool ok = true;
  Rest(llvm::ArrayRef<PostOp> post, int64_t n) {
    while (!post.empty() && limits.take(post.front()))
      post = post.drop_front();
    if (!post.empty())
      others = oneDnnEltwise(n, post), ok = others != nullptr;
  }
  bool run(float *y) const { return !others || others->run({y}, {y}); }
};

class Binary final : public FloatKernel {
public:
  Binary(Arithmetic what, BroadcastRows rows, Rest rest) : what(what), rows(std::move(rows)), rest(std::move(rest)) {}
  std::vector<float> constant; ///< of the operand that is one
  int constantIndex = -1;

  bool run(FloatInputs in, FloatOutputs out) override {
    const float *a = constantIndex == 0 ? constant.data() : in[0];
    const float *b = constantIndex == 1 ? constant.data() : in[constantIndex == 0 ? 0 : 1];
    // Pieces small enough to stay in the first cache until their limits are applied.
    int64_t pieces = (rows.length() + Piece - 1) / Piece;
#pragma omp parallel for if (rows.count() * rows.length() > 1 << 14)
    for (int64_t unit = 0; unit < rows.count() * pieces; ++unit) {
      int64_t row = unit / pieces, from = unit % pieces * Piece;
      auto at = rows.offsets(row);
      RowOperand left{a + at[0] + from * rows.step(0), rows.step(0)};
      RowOperand right{b + at[1] + from * rows.step(1), rows.step(1)};
      arithmeticRow(what, left, right, out[0] + row * rows.length() + from, std::min(Piece, rows.length() - from),
                    rest.limits);
    }
    return rest.run(out[0]);
  }

private:
  static constexpr int64_t Piece = 4096;
  Arithmetic what;
  BroadcastRows rows;
  Rest rest;
};

/// x * scale[c] + shift[c], the channels innermost.
class PerChannel final : public FloatKernel {
public:
  PerChannel(int64_t rows, std::vector<float> scale, std::vector<float> shift, Rest rest)
      : rows(rows), scale(std::move(scale)), shift(std::move(shift)), rest(std::move(rest)) {
    reads = {0};
  }
  bool run(FloatInputs in, FloatOutputs out) override {
    int64_t n = static_cast<int64_t>(scale.size());
#pragma omp parallel for if (rows * n > 1 << 14)
    for (int64_t row = 0; row < rows; ++row)
      affineRow(in[0] + row * n, scale.data(), shift.data(), out[0] + row * n, n, rest.limits);
    return rest.run(out[0]);
  }

private:
  int64_t rows;
  std::vector<float> scale, shift;
  Rest rest;
};

} // namespace

/// An operand's shape with leading ones up to `rank`, in the request's layout; none if its own rank hides its layout.
static std::optional<Shape> fullShape(const FloatRequest &r, unsigned i, size_t rank) {
  llvm::ArrayRef<int64_t> own = r.op.operand(i)->type().shape();
  if (own.size() > rank || (own.size() < rank && r.channelsLast && !r.isConstant(i) && count(own) > 1))
    return std::nullopt;
  Shape shape(rank - own.size(), 1);
  shape.append(own.begin(), own.end());
  return r.channelsLast ? channelsLastShape(shape) : shape;
}

static FloatKernelPtr binary(const FloatRequest &r, Arithmetic what) {
  if (r.op.numOperands() != 2 || (r.isConstant(0) && r.isConstant(1)))
    return nullptr;
  if (what != Arithmetic::Max && what != Arithmetic::Min)
    if (auto kernel = unary(r)) // a scalar constant
      return kernel;
  Shape out = r.out();
  auto a = fullShape(r, 0, out.size()), b = fullShape(r, 1, out.size());
  if (!a || !b)
    return nullptr;
  for (size_t i = 0; i < out.size(); ++i)
    if (((*a)[i] != out[i] && (*a)[i] != 1) || ((*b)[i] != out[i] && (*b)[i] != 1) ||
        ((*a)[i] != out[i] && (*b)[i] != out[i]))
      return nullptr;
  for (unsigned i : {0u, 1u})
    if (r.isConstant(i) && !r.isRealConstant(i))
      return nullptr;
  Rest rest(r.post, count(out));
  BroadcastRows rows(out, *a, *b);
  if (!rest.ok || rows.length() < 8)
    return nullptr;
  auto kernel = std::make_unique<Binary>(what, std::move(rows), std::move(rest));
  for (unsigned i : {0u, 1u}) {
    if (!r.isConstant(i)) {
      kernel->reads.push_back(i);
      continue;
    }
    Shape shape(out.size() - r.constants[i]->shape().size(), 1);
    shape.append(r.constants[i]->shape().begin(), r.constants[i]->shape().end());
    Tensor dense = r.constants[i]->expanded().reshaped(shape);
    kernel->constant = (r.channelsLast ? toChannelsLast(dense) : dense).as<float>().vec();
    kernel->constantIndex = static_cast<int>(i);
  }
  // The first operand read may be overwritten element by element.
  kernel->inPlace = count(r.in(kernel->reads[0])) == count(out);
  return kernel;
}

template <Arithmetic What> static FloatKernelPtr binary(const FloatRequest &r) { return binary(r, What); }

static FloatKernelPtr batchNorm(const FloatRequest &r) {
  Shape in = r.in();
  auto affine = batchNormOf(r.op, r.constants);
  if (!affine || in.size() < 2 || (in.size() > 2 && !r.channelsLast) || r.op.numResults() != 1 ||
      int64_t(affine->scale.size()) != in.back() || in != r.out())
    return nullptr;
  Rest rest(r.post, count(in));
  if (!rest.ok || in.back() < 1)
    return nullptr;
  return std::make_unique<PerChannel>(count(in) / in.back(), std::move(affine->scale), std::move(affine->shift),
                                      std::move(rest));
}

std::optional<Affine> exec::batchNormOf(const Op &op, llvm::ArrayRef<const Tensor *> constants) {
  if (!op.is("onnx.BatchNormalization") || constants.size() < 5 || op.getInt("training_mode"))
    return std::nullopt;
  std::array<Tensor, 4> p; // gamma, beta, mean, variance
  for (unsigned i = 0; i < 4; ++i) {
    if (!constants[i + 1] || constants[i + 1]->elemType().kind != ElemKind::F32 ||
        constants[i + 1]->numElements() != constants[1]->numElements())
      return std::nullopt;
    p[i] = constants[i + 1]->expanded();
  }
  double epsilon = op.getFloat("epsilon", 1e-5);
  Affine a;
  for (size_t c = 0; c < p[0].as<float>().size(); ++c) {
    double scale = p[0].as<float>()[c] / std::sqrt(double(p[3].as<float>()[c]) + epsilon);
    a.scale.push_back(float(scale));
    a.shift.push_back(float(p[1].as<float>()[c] - p[2].as<float>()[c] * scale));
  }
  return a;
}

llvm::ArrayRef<FloatEntry> exec::elementwiseFloatEntries() {
  static const FloatEntry table[] = {
      {"onnx.Add", binary<Arithmetic::Add>, Place::Follows, true, true},
      {"onnx.Sub", binary<Arithmetic::Subtract>, Place::Follows, true, true},
      {"onnx.Mul", binary<Arithmetic::Multiply>, Place::Follows, true, true},
      {"onnx.Div", binary<Arithmetic::Divide>, Place::Follows, true, true},
      {"onnx.Max", binary<Arithmetic::Max>, Place::Follows, true, true},
      {"onnx.Min", binary<Arithmetic::Min>, Place::Follows, true, true},
      {"onnx.BatchNormalization", batchNorm, Place::Follows, true},
      {"onnx.Relu", unary, Place::Follows, true, true},
      {"onnx.LeakyRelu", unary, Place::Follows, true, true},
      {"onnx.Clip", unary, Place::Follows, true, true},
      {"onnx.Abs", unary, Place::Follows, true, true},
      {"onnx.Sigmoid", unary, Place::Follows, true},
      {"onnx.HardSigmoid", unary, Place::Follows, true},
      {"onnx.HardSwish", unary, Place::Follows, true},
      {"onnx.Swish", unary, Place::Follows, true},
      {"onnx.Gelu", unary, Place::Follows, true},
      {"onnx.Tanh", unary, Place::Follows, true},
      {"onnx.Elu", unary, Place::Follows, true},
      {"onnx.Softplus", unary, Place::Follows, true},
      {"onnx.Mish", unary, Place::Follows, true},
      {"onnx.Exp", unary, Place::Follows, true},
      {"onnx.Log", unary, Place::Follows, true},
      {"onnx.Sqrt", unary, Place::Follows, true},
      {"onnx.Pow", unary, Place::Follows, true},
      {"xir.relu", unary, Place::Follows, false, true},
      {"xir.relu6", unary, Place::Follows, false, true},
  };
  return table;
}
