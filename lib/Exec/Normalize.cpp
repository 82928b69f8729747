//===- Normalize.cpp - batch, instance, layer, group, local normalization -----------===//
//
// All but LRN are y = x * scale + shift with a scale and shift per channel or row;
// statistics are accumulated in double.
//
//===----------------------------------------------------------------------===//
#include "Broadcast.h"
#include "Reduce.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {
struct Moments {
  double mean = 0, variance = 0;
  Moments(const float *x, int64_t n) {
    for (int64_t i = 0; i < n; ++i)
      mean += x[i];
    mean /= double(std::max<int64_t>(n, 1));
    for (int64_t i = 0; i < n; ++i)
      variance += (x[i] - mean) * (x[i] - mean);
    variance /= double(std::max<int64_t>(n, 1));
  }
};

/// A parameter with one element per channel, checked.
Result<Tensor> perChannel(const Call &call, unsigned i, int64_t channels) {
  if (call.in(i).numElements() != channels)
    return call.error(fmt::format("operand {} needs {} elements, has {}", i, channels, call.in(i).numElements()));
  return call.in(i).expanded();
}

/// x[outer][channels][inner] * scale[c] + shift[c]
Tensor affine(const Tensor &x, int64_t channels, int64_t inner, llvm::ArrayRef<float> scale,
              llvm::ArrayRef<float> shift) {
  Tensor y = Tensor::zeros(x.type());
  const float *in = data<float>(x);
  float *out = mutData<float>(y);
  int64_t outer = channels * inner == 0 ? 0 : x.numElements() / (channels * inner);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t c = 0; c < channels; ++c, in += inner, out += inner)
      for (int64_t i = 0; i < inner; ++i)
        out[i] = in[i] * scale[c] + shift[c];
  return y;
}
} // namespace

/// Inference form: gamma, beta, mean and variance per channel of `axis`.
static Result<Tensors> normalizeChannels(const Call &call, int64_t axis) {
  const Tensor x = call.in().expanded();
  int64_t channels = x.shape()[axis];
  std::vector<Tensor> p;
  for (unsigned i = 1; i <= 4; ++i) {
    auto t = perChannel(call, i, channels);
    if (!t)
      return failure();
    p.push_back(*t);
  }
  double epsilon = call.op.getFloat("epsilon", 1e-5);
  std::vector<float> scale(channels), shift(channels);
  for (int64_t c = 0; c < channels; ++c) {
    double s = data<float>(p[0])[c] / std::sqrt(double(data<float>(p[3])[c]) + epsilon);
    scale[c] = float(s), shift[c] = float(data<float>(p[1])[c] - data<float>(p[2])[c] * s);
  }
  return one(affine(x, channels, exec::product(x.shape(), axis + 1), scale, shift));
}

static Result<Tensors> batchNorm(const Call &call) {
  if (call.op.getInt("training_mode") || (call.op.numResults() > 1 && call.opset() >= 14))
    return call.error("computes the inference form only");
  if (call.in().shape().size() < 2)
    return call.error("needs a channel axis, has " + call.in().type().str());
  auto y = normalizeChannels(call, 1);
  for (unsigned i = 1; y && i < call.op.numResults(); ++i) // before opset 14: saved statistics, unused here
    y->push_back(call.in(i < 3 ? i + 2 : i));
  return y;
}

static Result<Tensors> xirBatchNorm(const Call &call) {
  auto axis = call.axis(-1, call.in().shape().size());
  if (!axis)
    return failure();
  return normalizeChannels(call, *axis);
}

/// Normalizes groups of channels over their pixels; then scale and bias per channel.
static Result<Tensor> normalizeGroups(const Call &call, int64_t groups, unsigned scaleIndex, bool perGroup) {
  const Tensor x = call.in().expanded();
  if (x.shape().size() < 2 || groups < 1 || x.shape()[1] % groups)
    return call.error(fmt::format("{} does not have channels in {} equal groups", x.type().str(), groups));
  int64_t channels = x.shape()[1], pixels = exec::product(x.shape(), 2), size = channels / groups;
  auto scale = perChannel(call, scaleIndex, perGroup ? groups : channels);
  auto bias = scale ? perChannel(call, scaleIndex + 1, perGroup ? groups : channels) : failure();
  auto y = bias ? call.allocate(ElemKind::F32, x.shape()) : failure();
  if (!y)
    return failure();
  double epsilon = call.op.getFloat("epsilon", 1e-5);
  float *out = mutData<float>(*y);
  for (int64_t g = 0; g < x.shape()[0] * groups; ++g) {
    const float *in = data<float>(x) + g * size * pixels;
    Moments m(in, size * pixels);
    double inverse = 1 / std::sqrt(m.variance + epsilon);
    for (int64_t i = 0; i < size * pixels; ++i) {
      int64_t c = perGroup ? g % groups : g % groups * size + i / pixels;
      out[g * size * pixels + i] = float((in[i] - m.mean) * inverse * data<float>(*scale)[c] + data<float>(*bias)[c]);
    }
  }
  return y;
}

static Result<Tensors> groupNorm(const Call &call) {
  auto y = normalizeGroups(call, call.op.getInt("num_groups"), 1, call.opset() < 21);
  if (!y)
    return failure();
  return one(std::move(*y));
}

static Result<Tensors> instanceNorm(const Call &call) {
  auto y = normalizeGroups(call, call.in().shape().size() < 2 ? 0 : call.in().shape()[1], 1, false);
  if (!y)
    return failure();
  return one(std::move(*y));
}

/// LayerNormalization and RMSNormalization over the axes from `axis` on.
template <bool Centered> static Result<Tensors> layerNorm(const Call &call) {
  const Tensor x = call.in().expanded();
  auto axis = call.axis(-1, x.shape().size());
  if (!axis)
    return failure();
  int64_t rows = exec::product(x.shape(), 0, *axis), n = exec::product(x.shape(), *axis);
  auto y = call.allocate(ElemKind::F32, x.shape());
  Shape statistics(x.shape().begin(), x.shape().end());
  std::fill(statistics.begin() + *axis, statistics.end(), 1);
  Tensor means = Tensor::zeros(Type(ElemKind::F32, statistics)), inverses = means;
  if (!y)
    return failure();
  double epsilon = call.op.getFloat("epsilon", 1e-5);
  for (int64_t r = 0; r < rows; ++r) {
    const float *in = data<float>(x) + r * n;
    float *out = mutData<float>(*y) + r * n;
    Moments m(in, n);
    double mean = Centered ? m.mean : 0, square = Centered ? m.variance : m.variance + m.mean * m.mean;
    double inverse = 1 / std::sqrt(square + epsilon);
    for (int64_t i = 0; i < n; ++i)
      out[i] = float((in[i] - mean) * inverse);
    mutData<float>(means)[r] = float(mean), mutData<float>(inverses)[r] = float(inverse);
  }
  auto scaled =
      broadcastBinary<float, float>(call, ElemKind::F32, *y, call.in(1), [](float a, float b) { return a * b; });
  if (scaled && call.operand(2))
    scaled =
        broadcastBinary<float, float>(call, ElemKind::F32, *scaled, call.in(2), [](float a, float b) { return a + b; });
  if (!scaled)
    return failure();
  Tensors results = one(std::move(*scaled));
  results.push_back(std::move(means));
  results.push_back(std::move(inverses));
  results.resize(std::min<size_t>(results.size(), call.op.numResults()));
  return results;
}

/// Local response normalization over `size` neighbouring channels.
static Result<Tensors> lrn(const Call &call) {
  const Tensor x = call.in().expanded();
  int64_t size = call.op.getInt("size");
  if (x.shape().size() < 2 || size < 1)
    return call.error("needs a channel axis and a positive size");
  double alpha = call.op.getFloat("alpha", 1e-4), beta = call.op.getFloat("beta", 0.75);
  double bias = call.op.getFloat("bias", 1);
  auto y = call.allocate(ElemKind::F32, x.shape());
  if (!y)
    return failure();
  int64_t channels = x.shape()[1], pixels = exec::product(x.shape(), 2);
  float *out = mutData<float>(*y);
  for (int64_t i = 0; i < x.numElements(); ++i) {
    int64_t c = i / pixels % channels;
    int64_t low = std::max<int64_t>(0, c - (size - 1) / 2), high = std::min(channels - 1, c + size / 2);
    double sum = 0;
    for (int64_t k = low; k <= high; ++k) {
      double v = data<float>(x)[i + (k - c) * pixels];
      sum += v * v;
    }
    out[i] = float(data<float>(x)[i] / std::pow(bias + alpha / double(size) * sum, beta));
  }
  return one(std::move(*y));
}

/// (x - mean) / sqrt(variance) over `axes` (default: all but channels).
static Result<Tensors> meanVariance(const Call &call) {
  std::vector<int64_t> axes = call.op.getInts("axes", {0, 2, 3});
  size_t rank = call.in().shape().size();
  for (int64_t &a : axes)
    if (a += a < 0 ? int64_t(rank) : 0; a < 0 || a >= int64_t(rank))
      return call.error("attribute axes is out of range");
  Rows rows(call.in(), axes, true);
  std::vector<float> means(rows.count), inverses(rows.count);
  for (int64_t r = 0; r < rows.count; ++r) {
    Moments m(data<float>(rows.moved) + r * rows.length, rows.length);
    means[r] = float(m.mean), inverses[r] = float(1 / (std::sqrt(m.variance) + 1e-9));
  }
  auto y = broadcastBinary<float, float>(call, ElemKind::F32, call.in(),
                                         Tensor::fromFloats(rows.resultShape, std::move(means)),
                                         [](float a, float b) { return a - b; });
  if (y)
    y = broadcastBinary<float, float>(call, ElemKind::F32, *y,
                                      Tensor::fromFloats(rows.resultShape, std::move(inverses)),
                                      [](float a, float b) { return a * b; });
  if (!y)
    return failure();
  return one(std::move(*y));
}

/// x / ||x||_p along one axis (onnx) or x / sqrt(max(sum x^2, epsilon)) over several (xir).
static Result<Tensors> lpNormalize(const Call &call) {
  bool xir = call.op.isXir();
  std::vector<int64_t> axes = xir ? call.op.getInts("axis", {-1}) : std::vector<int64_t>{call.op.getInt("axis", -1)};
  size_t rank = call.in().shape().size();
  for (int64_t &a : axes)
    if (a += a < 0 ? int64_t(rank) : 0; a < 0 || a >= int64_t(rank))
      return call.error("attribute axis is out of range");
  int64_t p = call.op.getInt("p", 2);
  double epsilon = xir ? call.op.getFloat("epsilon", 1e-12) : 0;
  Rows rows(call.in(), axes, true);
  std::vector<float> norms(rows.count);
  for (int64_t r = 0; r < rows.count; ++r) {
    double sum = 0;
    for (int64_t i = 0; i < rows.length; ++i)
      sum += std::pow(std::fabs(double(data<float>(rows.moved)[r * rows.length + i])), double(p));
    norms[r] = float(p == 2 ? std::sqrt(std::max(sum, epsilon)) : sum);
  }
  auto y = broadcastBinary<float, float>(call, ElemKind::F32, call.in(),
                                         Tensor::fromFloats(rows.resultShape, std::move(norms)),
                                         [](float a, float b) { return b == 0 ? 0 : a / b; });
  if (!y)
    return failure();
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::normalizeKernels() {
  static const KernelEntry table[] = {
      {"onnx.BatchNormalization", batchNorm, 5, 5},
      {"onnx.GroupNormalization", groupNorm, 3, 3},
      {"onnx.InstanceNormalization", instanceNorm, 3, 3},
      {"onnx.LRN", lrn, 1, 1},
      {"onnx.LayerNormalization", layerNorm<true>, 2, 3},
      {"onnx.LpNormalization", lpNormalize, 1, 1},
      {"onnx.MeanVarianceNormalization", meanVariance, 1, 1},
      {"onnx.RMSNormalization", layerNorm<false>, 2, 2},
      {"xir.batchnorm", xirBatchNorm, 5, 5},
      {"xir.l2_normalize", lpNormalize, 1, 1},
  };
  return table;
}
