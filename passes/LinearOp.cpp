//===- LinearOp.cpp - Conv, ConvTranspose or Gemm with constant parameters --===//
#include "LinearOp.h"
#include "Patterns.h"
#include <cmath>

namespace dpuopt {

static int64_t product(llvm::ArrayRef<int64_t> dims) {
  int64_t n = 1;
  for (int64_t d : dims)
    n *= d;
  return n;
}

std::optional<LinearOp> LinearOp::match(Op *op) {
  if (!op || op->numResults() != 1)
    return std::nullopt;
  const Tensor *w = constantOf(op->operand(1));
  if (!w || !w->elemType().isFloat() || w->numElements() <= 0)
    return std::nullopt;
  LinearOp l(op);
  bool fits = op->is("onnx.Conv")            ? l.matchConv()
              : op->is("onnx.ConvTranspose") ? l.matchConvTranspose()
              : op->is("onnx.Gemm")          ? l.matchGemm()
                                             : false;
  return fits && l.matchBias() ? std::optional(l) : std::nullopt;
}

/// W[O, I/g, k...]
bool LinearOp::matchConv() {
  llvm::ArrayRef<int64_t> s = weight().shape();
  int64_t group = theOp->getInt("group", 1);
  if (s.size() < 3 || group < 1 || s[0] % group)
    return false;
  int64_t taps = product(s.drop_front(2));
  outputs = {1, 1, s[0], s[1] * taps};
  inputs = {group, s[0] / group, s[1], taps};
  return true;
}

/// W[I, O/g, k...]
bool LinearOp::matchConvTranspose() {
  llvm::ArrayRef<int64_t> s = weight().shape();
  int64_t group = theOp->getInt("group", 1);
  if (s.size() < 3 || group < 1 || s[0] % group)
    return false;
  int64_t taps = product(s.drop_front(2));
  outputs = {group, s[0] / group, s[1], taps};
  inputs = {1, 1, s[0], s[1] * taps};
  return true;
}

/// B[K, N], or B[N, K] if transB.
bool LinearOp::matchGemm() {
  llvm::ArrayRef<int64_t> s = weight().shape();
  if (s.size() != 2)
    return false;
  ChannelView rows{1, 1, s[0], s[1]}, columns{1, s[0], s[1], 1};
  bool transposed = onnx::Gemm(*theOp).transB;
  outputs = transposed ? rows : columns;
  inputs = transposed ? columns : rows;
  return true;
}

bool LinearOp::matchBias() {
  Value *b = theOp->operand(2);
  if (!b)
    return true;
  int64_t n = outChannels();
  double beta = 1;
  std::optional<std::vector<double>> values;
  if (theOp->is("onnx.Gemm")) {
    beta = onnx::Gemm(*theOp).beta;
    values = perChannel(b, Type(ElemKind::F32, {1, n}), 1);
  } else if (const Tensor *t = constantOf(b); t && t->shape() == llvm::ArrayRef<int64_t>{n}) {
    values = perChannel(b, Type(ElemKind::F32, {n}), 0);
  }
  if (!values)
    return false;
  bias.assign(n, values->front());
  if (values->size() > 1)
    bias = std::move(*values);
  for (double &v : bias)
    v *= beta;
  return true;
}

bool LinearOp::seesWholeInput() const {
  if (theOp->is("onnx.Gemm"))
    return true;
  onnx::Window w(*theOp);
  auto none = [](llvm::ArrayRef<int64_t> v) { return llvm::all_of(v, [](int64_t x) { return x == 0; }); };
  return theOp->is("onnx.Conv") && w.valid && none(w.padsBegin) && none(w.padsEnd);
}

void LinearOp::forEachLink(llvm::function_ref<void(int64_t, int64_t, float)> f) const {
  const Tensor w = weight().toFloat();
  const bool conv = theOp->is("onnx.Conv"), splat = w.isSplat();
  const bool rowsFirst =
      conv || (theOp->is("onnx.Gemm") && onnx::Gemm(*theOp).transB); // W[O, I/g, ...] or W[I, O/g, ...]
  const int64_t a = w.shape()[0], b = w.shape()[1], taps = product(w.shape().drop_front(2)), inGroup = a / groups();
  const auto *x = reinterpret_cast<const float *>(w.elements());
  for (int64_t i = 0; i < a; ++i)
    for (int64_t k = 0; k < b; ++k) {
      float largest = std::fabs(*x);
      for (int64_t t = 1; t < taps && !splat; ++t)
        largest = std::max(largest, std::fabs(x[t]));
      const int64_t other = i / inGroup * b + k;
      rowsFirst ? f(i, other, largest) : f(other, i, largest);
      x += splat ? 0 : taps;
    }
}

void LinearOp::setBias(llvm::ArrayRef<double> values) {
  bias = values.vec();
  Type type(weight().elemType(), {outChannels()});
  setConstOperand(*theOp, 2, fromDoubles(type, values), biasName(theOp->operand(1)));
  theOp->removeAttr("beta"); // it is in the values now
}

/// `values` if they are one per channel, else that one repeated.
static std::vector<double> spread(llvm::ArrayRef<double> values, int64_t n) {
  return values.size() == 1 ? std::vector<double>(n, values[0]) : values.vec();
}

static bool allAre(llvm::ArrayRef<double> values, double x) {
  return llvm::all_of(values, [x](double v) { return v == x; });
}

void LinearOp::scaleOutputs(llvm::ArrayRef<double> factors, llvm::ArrayRef<double> shifts) {
  int64_t n = outChannels();
  std::vector<double> f = spread(factors, n), b = spread(shifts, n);
  // In f32 the product is rounded before the sum, as the vendor's quantizer does it: the bias then has the same bits.
  bool wide = weight().elemType() == ElemKind::F64;
  for (int64_t c = 0; c < n && !bias.empty(); ++c)
    b[c] += wide ? bias[c] * f[c] : static_cast<float>(bias[c] * f[c]);
  if (!bias.empty() || !allAre(b, 0))
    setBias(b);
  if (!allAre(f, 1))
    setConstOperand(*theOp, 1, scaleChannels(weight(), outputs, f), "");
}

void LinearOp::divideOutputs(llvm::ArrayRef<double> divisors) {
  std::vector<double> b = bias;
  for (size_t c = 0; c < b.size(); ++c)
    b[c] /= divisors[c];
  if (!b.empty())
    setBias(b);
  setConstOperand(*theOp, 1, divideChannels(weight(), outputs, divisors), "");
}

void LinearOp::scaleInputs(llvm::ArrayRef<double> factors, llvm::ArrayRef<double> shifts) {
  if (!allAre(shifts, 0)) {
    Tensor w = weight();
    ChannelView view = inputs;
    double alpha = 1;
    if (theOp->is("onnx.Gemm")) { // sums run along B's columns there
      alpha = onnx::Gemm(*theOp).alpha;
      if (!onnx::Gemm(*theOp).transB)
        w = w.transposed({1, 0}), view = {1, outChannels(), inChannels(), 1};
    }
    std::vector<double> b = channelSums(w, view, shifts);
    for (size_t c = 0; c < b.size(); ++c)
      b[c] = b[c] * alpha + (bias.empty() ? 0 : bias[c]);
    setBias(b);
  }
  if (!allAre(factors, 1))
    setConstOperand(*theOp, 1, scaleChannels(weight(), inputs, factors), "");
}

} // namespace dpuopt
