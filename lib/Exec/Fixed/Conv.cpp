//===- Conv.cpp - convolutions and matrix products ----------------------------------------===//
//
// Compiled: the DPU's sum with one guard bit (Requant.h). Quantized form: the sum as the real number it is, and one
// DPU_ROUND. Float arithmetic gives the same: products of stored numbers have 14 bits, and a sum of integers is exact
// in float32, in any order, while it stays below 2^24 units. Only sums that come back from beyond that may differ in
// float, by their order; there the integers are right and the float result is one of several approximations.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Kernels/Conv.h"
#include "Activations.h"
#include "Geometry.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;
using namespace dpuopt::kernels;

namespace {
class ConvKernel final : public FixKernel {
public:
  explicit ConvKernel(std::unique_ptr<Conv> conv) : conv(std::move(conv)) {}
  size_t scratchBytes(unsigned threads) const override { return conv->scratchBytes(threads); }
  bool reads(unsigned operand) const override { return operand == 0; }
  void run(const FixRun &run) const override { conv->run({run.in[0], run.out, 0, 0, run.scratch}, run.team); }

private:
  std::unique_ptr<Conv> conv;
};
} // namespace

/// Constant operand `i` with that many elements, as int8; null (refused) otherwise.
static const int8_t *constantBytes(const FixRequest &r, unsigned i, int64_t elements) {
  const Tensor *t = r.operands[i].constant;
  if (t && !t->isSplat() && t->numElements() == elements && t->elemType().byteSize() == 1)
    return reinterpret_cast<const int8_t *>(t->elements());
  (void)refuse(r, fmt::format("operand {} is {}; required: {} constant numbers of at most 8 bits", i,
                              r.operands[i].type.str(), elements));
  return nullptr;
}

/// Largest magnitude of a sum of any inputs, over all output channels.
static int64_t sumBound(const ConvGeometry &g, const int8_t *w) {
  int64_t taps = g.kernelH * g.kernelW, largest = 0;
  // [out][taps, in], or [multiplier][taps][in]: one channel's weights are `count` numbers, `step` apart.
  int64_t step = g.depthwise ? g.inC : 1, count = g.depthwise ? taps : taps * g.inC;
  for (int64_t c = 0; c < g.outC; ++c) {
    const int8_t *first = w + (g.depthwise ? c / g.inC * taps * g.inC + c % g.inC : c * count);
    int64_t sum = 0;
    for (int64_t i = 0; i < count; ++i)
      sum += std::abs(int(first[i * step]));
    largest = std::max(largest, sum);
  }
  return largest * 128;
}

/// floor(b * 2^shift).
static int64_t shifted(int64_t b, int shift) {
  return shift >= 0 ? b * (int64_t(1) << shift) : b >> std::min(-shift, 62);
}

/// Guard bits and bias in their unit, from the fix points of the sum and of the bias.
static Status setBias(const FixRequest &r, Requant &q, int sumFixPoint, int64_t channels) {
  q.guard = r.compiled ? 1 : 0;
  if (!r.has(2))
    return success();
  const int8_t *bias = constantBytes(r, 2, channels);
  if (!bias)
    return failure();
  int shift = sumFixPoint - r.fixPoint(2);
  // The compiler has shifted a bias that is finer than the guard bit itself, and left its fix point as it was.
  if (r.compiled && !r.options.vendorBiases)
    shift = std::max(shift, -1);
  if (!r.compiled)
    q.guard = std::max(0, -shift); // the real sum has as many bits as the bias
  if (q.guard > 24 || q.guard + shift > 32)
    return refuse(
        r, fmt::format("the fix points of sum ({}) and bias ({}) are too far apart", sumFixPoint, r.fixPoint(2)));
  for (int64_t c = 0; c < channels; ++c)
    q.bias.push_back(shifted(bias[c], q.guard + shift));
  return success();
}

/// The kernel of a convolution of that geometry; weights as ConvGeometry wants them.
static FixResult convKernel(const FixRequest &r, const ConvGeometry &g, const int8_t *weights) {
  int sumFixPoint = r.fixPoint(0) + r.fixPoint(1);
  Requant q;
  q.cut = std::clamp(sumFixPoint - r.resultFixPoint(), -62, 62);
  if (failed(setBias(r, q, sumFixPoint, g.outC)))
    return failure();
  int64_t bound = 0;
  if (r.activation) {
    int64_t largest = 0;
    for (int64_t b : q.bias)
      largest = std::max(largest, std::abs(b));
    bound = shifted(sumBound(g, weights), q.guard) + largest;
  }
  if (failed(setActivation(r, q, sumFixPoint, bound)))
    return failure();
  auto conv = Conv::create(g, weights, std::move(q));
  if (!conv)
    return refuse(r, "it has more than 2^24 products per result, or is too large");
  return std::unique_ptr<FixKernel>(std::make_unique<ConvKernel>(std::move(conv)));
}

//===- Convolutions ---------------------------------------------------------------------===//

template <bool Depthwise, bool Transposed> static FixResult makeConv(const FixRequest &r) {
  const Type &w = r.operands[1].type;
  auto x = imageOf(r.operands[0].type), y = imageOf(r.result);
  auto window = readWindow(r);
  if (!window)
    return failure();
  if (!y || r.result.rank() != r.operands[0].type.rank() || w.rank() != r.result.rank())
    return refuse(r, fmt::format("input {}, weights {} and result {} do not fit together", r.operands[0].type.str(),
                                 w.str(), r.result.str()));
  auto k = imageOf(w); // [out or multiplier][h][w][in]
  bool channels = k->c == x->c && (Depthwise ? k->n * x->c == y->c : k->n == y->c);
  if (!channels || k->h != window->kernelH || k->w != window->kernelW)
    return refuse(r, fmt::format("weights {} do not fit input {}, kernel {} x {} and result {}", w.str(),
                                 r.operands[0].type.str(), window->kernelW, window->kernelH, r.result.str()));
  if (failed(checkSizes(r, *window, *x, *y, Transposed)))
    return failure();
  const int8_t *weights = constantBytes(r, 1, w.numElements());
  if (!weights)
    return failure();
  ConvGeometry g;
  g.batch = x->n, g.inH = x->h, g.inW = x->w, g.inC = x->c, g.outH = y->h, g.outW = y->w, g.outC = y->c;
  g.kernelH = window->kernelH, g.kernelW = window->kernelW, g.strideH = window->strideH, g.strideW = window->strideW;
  g.dilationH = window->dilationH, g.dilationW = window->dilationW;
  g.padTop = window->padTop, g.padLeft = window->padLeft;
  g.depthwise = Depthwise, g.transposed = Transposed;
  return convKernel(r, g, weights);
}

/// x * scale + bias, one of each per channel: a depthwise convolution.
static FixResult makeScale(const FixRequest &r) {
  const Type &x = r.operands[0].type;
  int64_t rank = int64_t(x.rank()), axis = r.op.getInt("axis", -1), channels = rank ? x.shape().back() : 0;
  if ((axis != -1 && axis != rank - 1) || rank < 1 || r.result.shape() != x.shape())
    return refuse(r, fmt::format("only the last axis of {} can be scaled", x.str()));
  const int8_t *weights = constantBytes(r, 1, channels);
  if (!weights)
    return failure();
  ConvGeometry g;
  g.inW = g.outW = x.numElements() / channels, g.inC = g.outC = channels, g.depthwise = true;
  return convKernel(r, g, weights);
}

//===- Matrix products ------------------------------------------------------------------===//

/// Rows of `in` numbers times weights [out][in]: a 1 x 1 convolution of a row of pixels.
static FixResult rowsTimes(const FixRequest &r, int64_t in, int64_t out, const int8_t *weights) {
  int64_t rows = r.operands[0].type.numElements() / in;
  if (r.operands[0].type.numElements() % in || r.result.numElements() != rows * out || r.result.shape().back() != out)
    return refuse(r, fmt::format("{} and weights {} do not give {}", r.operands[0].type.str(), r.operands[1].type.str(),
                                 r.result.str()));
  ConvGeometry g;
  g.inW = g.outW = rows, g.inC = in, g.outC = out;
  return convKernel(r, g, weights);
}

static FixResult makeMatmul(const FixRequest &r) {
  const Type &x = r.operands[0].type, &w = r.operands[1].type;
  bool turned = r.op.getBool("transpose_b");
  if (r.op.getBool("transpose_a") || w.rank() != 2 || x.rank() < 1 || r.result.rank() != x.rank() ||
      x.shape().back() != w.dim(turned ? 1 : 0) || x.shape().drop_back() != r.result.shape().drop_back())
    return refuse(
        r, fmt::format("only rows times one constant matrix can be multiplied, not {} and {}", x.str(), w.str()));
  int64_t in = w.dim(turned ? 1 : 0), out = w.dim(turned ? 0 : 1);
  const int8_t *weights = constantBytes(r, 1, w.numElements());
  if (!weights)
    return failure();
  std::vector<int8_t> transposed;
  for (int64_t o = 0; !turned && o < out; ++o)
    for (int64_t i = 0; i < in; ++i)
      transposed.push_back(weights[i * out + o]);
  return rowsTimes(r, in, out, turned ? weights : transposed.data());
}

/// x flattened from `axis` on, times weights [out][in...] transposed.
static FixResult makeInnerProduct(const FixRequest &r) {
  const Type &x = r.operands[0].type, &w = r.operands[1].type;
  int64_t rank = int64_t(x.rank()), axis = r.op.getInt("axis", 1);
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis >= rank || w.rank() < 1 || r.result.rank() != size_t(axis) + 1)
    return refuse(r, fmt::format("{} and weights {} do not give {}", x.str(), w.str(), r.result.str()));
  int64_t in = 1;
  for (int64_t i = axis; i < rank; ++i)
    in *= x.dim(size_t(i));
  const int8_t *weights = constantBytes(r, 1, w.dim(0) * in);
  return weights ? rowsTimes(r, in, w.dim(0), weights) : FixResult(failure());
}

llvm::ArrayRef<FixEntry> exec::convFixEntries() {
  static const FixEntry table[] = {
      {"conv1d", makeConv<false, false>, 2},
      {"conv2d", makeConv<false, false>, 2},
      {"depthwise-conv1d", makeConv<true, false>, 2},
      {"depthwise-conv2d", makeConv<true, false>, 2},
      {"transposed-conv2d", makeConv<false, true>, 2},
      {"transposed-depthwise-conv2d", makeConv<true, true>, 2},
      {"scale", makeScale, 2},
      {"matmul", makeMatmul, 2},
      {"inner-product", makeInnerProduct, 2},
  };
  return table;
}
