//===- OneDnn.cpp - convolutions and matrix products through oneDNN -------------===//
//
// The only file that knows oneDNN. Nothing of it is touched before the first
// convolution. Its C++ API throws: every entry catches, and the caller falls back.
//
//===----------------------------------------------------------------------===//
#include "ConvShape.h"
#include <oneapi/dnnl/dnnl.hpp>
#ifdef _OPENMP
#include <omp.h>
#endif

using namespace dpuopt;
using namespace dpuopt::exec;
using dnnl::memory;

namespace {

const dnnl::engine &cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::dims dims(int64_t a, int64_t b, llvm::ArrayRef<int64_t> rest) {
  memory::dims d{a, b};
  d.insert(d.end(), rest.begin(), rest.end());
  return d;
}

/// Logical N, C, spatial... in the caller's layout.
memory::desc userLayout(const memory::dims &logical, bool channelsLast) {
  memory::dims strides(logical.size());
  int64_t stride = channelsLast ? logical[1] : 1;
  for (size_t i = logical.size(); i-- > 2;)
    strides[i] = stride, stride *= logical[i];
  strides[1] = channelsLast ? 1 : stride;
  strides[0] = stride * (channelsLast ? 1 : logical[1]);
  return memory::desc(logical, memory::data_type::f32, strides);
}

memory::desc rowMajor(const memory::dims &logical) {
  memory::dims strides(logical.size(), 1);
  for (size_t i = logical.size(); i-- > 1;)
    strides[i - 1] = strides[i] * logical[i];
  return memory::desc(logical, memory::data_type::f32, strides);
}

/// What the primitive wants: any blocked layout for NCHW, NHWC as it is.
memory::desc wanted(const memory::dims &logical, bool channelsLast) {
  return channelsLast ? userLayout(logical, true)
                      : memory::desc(logical, memory::data_type::f32, memory::format_tag::any);
}

class OneDnnConv final : public ConvPlan {
public:
  explicit OneDnnConv(const ConvShape &s) : shape(s), stream(cpu()) {
    memory::dims x = dims(s.batch, s.inChannels, s.in), y = dims(s.batch, s.outChannels, s.out);
    memory::dims w = dims(s.outChannels / s.group, s.inChannels / s.group, s.kernel);
    if (s.group > 1)
      w.insert(w.begin(), s.group);
    memory::dims dilates = s.dilations;
    for (auto &d : dilates)
      --d;
    memory::desc bias =
        s.bias ? memory::desc({s.outChannels}, memory::data_type::f32, memory::format_tag::x) : memory::desc();
    memory::desc anyWeights(w, memory::data_type::f32, memory::format_tag::any);
    memory::desc src = wanted(x, s.channelsLast), dst = wanted(y, s.channelsLast);
    if (s.transposed)
      build<dnnl::deconvolution_forward>(dnnl::algorithm::deconvolution_direct, src, anyWeights, bias, dst, dilates);
    else
      build<dnnl::convolution_forward>(dnnl::algorithm::convolution_direct, src, anyWeights, bias, dst, dilates);
    userX = userLayout(x, s.channelsLast), userY = userLayout(y, s.channelsLast), userWeights = rowMajor(w);
    if (srcDesc != userX)
      blockedX = memory(srcDesc, cpu());
    if (dstDesc != userY)
      blockedY = memory(dstDesc, cpu());
  }

  void setWeights(const Tensor &w) override {
    weights = memory(weightsDesc, cpu());
    dense = w.expanded();
    memory user(userWeights, cpu(), const_cast<float *>(data<float>(dense)));
    dnnl::reorder(user, weights).execute(stream, user, weights);
    stream.wait();
    dense = Tensor();
  }

  void run(const float *x, const float *bias, float *y) override {
    memory src(userX, cpu(), const_cast<float *>(x)), dst(userY, cpu(), y);
    if (blockedX)
      dnnl::reorder(src, blockedX).execute(stream, src, blockedX);
    std::unordered_map<int, memory> args{{DNNL_ARG_SRC, blockedX ? blockedX : src},
                                         {DNNL_ARG_WEIGHTS, weights},
                                         {DNNL_ARG_DST, blockedY ? blockedY : dst}};
    if (shape.bias)
      args[DNNL_ARG_BIAS] = memory(biasDesc, cpu(), const_cast<float *>(bias));
    primitive.execute(stream, args);
    if (blockedY)
      dnnl::reorder(blockedY, dst).execute(stream, blockedY, dst);
    stream.wait();
  }

private:
  template <class P>
  void build(dnnl::algorithm algorithm, const memory::desc &src, const memory::desc &w, const memory::desc &bias,
             const memory::desc &dst, const memory::dims &dilates) {
    auto inference = dnnl::prop_kind::forward_inference;
    typename P::desc desc = shape.bias ? typename P::desc(inference, algorithm, src, w, bias, dst, shape.strides,
                                                          dilates, shape.padsBegin, shape.padsEnd)
                                       : typename P::desc(inference, algorithm, src, w, dst, shape.strides, dilates,
                                                          shape.padsBegin, shape.padsEnd);
    typename P::primitive_desc pd(desc, cpu());
    primitive = P(pd);
    srcDesc = pd.src_desc(), dstDesc = pd.dst_desc(), weightsDesc = pd.weights_desc();
    if (shape.bias)
      biasDesc = pd.bias_desc();
  }

  ConvShape shape;
  dnnl::stream stream;
  dnnl::primitive primitive;
  memory::desc srcDesc, dstDesc, weightsDesc, biasDesc, userX, userY, userWeights;
  memory weights, blockedX, blockedY;
  Tensor dense;
};

/// Keeps exceptions inside: what cannot run through oneDNN runs through loops.
class Guarded final : public ConvPlan {
public:
  Guarded(std::unique_ptr<ConvPlan> fast, const ConvShape &shape) : fast(std::move(fast)), shape(shape) {}
  void setWeights(const Tensor &w) override {
    weights = w;
    if (!attempt([&] { fast->setWeights(w); }))
      fallBack();
  }
  void run(const float *x, const float *bias, float *y) override {
    if (fast && !attempt([&] { fast->run(x, bias, y); }))
      fallBack();
    if (!fast)
      slow->run(x, bias, y);
  }

private:
  template <class F> static bool attempt(F f) {
    try {
      f();
      return true;
    } catch (const std::exception &) {
      return false;
    }
  }
  void fallBack() {
    fast.reset();
    slow = directConv(shape);
    slow->setWeights(weights);
  }
  std::unique_ptr<ConvPlan> fast, slow;
  ConvShape shape;
  Tensor weights;
};

} // namespace

std::unique_ptr<ConvPlan> exec::oneDnnConv(const ConvShape &shape) {
  try {
    return std::make_unique<Guarded>(std::make_unique<OneDnnConv>(shape), shape);
  } catch (const std::exception &) {
    return nullptr;
  }
}

void exec::matrixMultiply(bool transA, bool transB, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                          const float *b, float beta, float *c) {
  if (k > 0 && m > 0 && n > 0 &&
      dnnl_sgemm(transA ? 'T' : 'N', transB ? 'T' : 'N', m, n, k, alpha, a, transA ? m : k, b, transB ? k : n, beta, c,
                 n) == dnnl_success)
    return;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < k; ++p)
        sum += double(a[transA ? p * m + i : i * k + p]) * b[transB ? j * k + p : p * n + j];
      float &out = c[i * n + j];
      out = float(alpha * sum) + (beta == 0 ? 0 : beta * out);
    }
}

void exec::setThreads([[maybe_unused]] unsigned threads) {
#ifdef _OPENMP
  omp_set_num_threads(static_cast<int>(std::clamp(threads, 1u, 1024u)));
#endif
}
