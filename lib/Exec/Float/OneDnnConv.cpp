//===- OneDnnConv.cpp - convolutions through oneDNN ------------------------------------------===//
//
// Nothing of it is touched before the first convolution. Its C++ API throws: every entry catches.
//
//===----------------------------------------------------------------------===//
#include "ConvShape.h"
#include "Float/OneDnnPrimitive.h"
#include <stdexcept>

using namespace dpuopt;
using namespace dpuopt::exec;
using namespace dpuopt::exec::onednn;

namespace {

/// What the primitive wants: any order for NCHW, NHWC as it is.
memory::desc wanted(const memory::desc &user, bool channelsLast) {
  return channelsLast ? user : memory::desc(user.dims(), memory::data_type::f32, memory::format_tag::any);
}

memory::desc userLayout(const Shape &shape, bool channelsLast) {
  return channelsLast ? channelsLastDesc(shape) : plain(shape);
}

class OneDnnConv final : public ConvPlan {
public:
  explicit OneDnnConv(const ConvShape &s) : shape(s) {
    Shape w{s.outChannels / s.group, s.inChannels / s.group};
    w.append(s.kernel.begin(), s.kernel.end());
    if (s.group > 1)
      w.insert(w.begin(), s.group);
    memory::desc bias = s.bias ? plain({s.outChannels}) : memory::desc();
    memory::desc weights(dims(w), memory::data_type::f32, memory::format_tag::any);
    memory::desc userX = userLayout(s.tensorShape(s.in, s.inChannels), s.channelsLast);
    memory::desc userY = userLayout(s.tensorShape(s.out, s.outChannels), s.channelsLast);
    memory::desc src = wanted(userX, s.channelsLast), dst = wanted(userY, s.channelsLast);
    if (s.transposed)
      build<dnnl::deconvolution_forward>(dnnl::algorithm::deconvolution_direct, src, weights, bias, dst);
    else
      build<dnnl::convolution_forward>(dnnl::algorithm::convolution_direct, src, weights, bias, dst);
    userWeights = plain(w);
    borders(userX, userY);
  }

  bool setWeights(const Tensor &w) override {
    return attempt([&] {
      conv.hold(DNNL_ARG_WEIGHTS, packed(w, userWeights, weightsDesc));
      return true;
    });
  }

  bool run(const float *x, const float *bias, float *y) override {
    if (reorderX) {
      before.point(beforeX, x);
      if (!before.execute())
        return false;
    } else {
      conv.point(xIndex, x);
    }
    if (shape.bias)
      conv.point(biasIndex, bias);
    if (!reorderY)
      conv.point(yIndex, y);
    if (!conv.execute())
      return false;
    if (reorderY)
      after.point(afterY, y);
    return !reorderY || after.execute();
  }

private:
  template <class P>
  void build(dnnl::algorithm algorithm, const memory::desc &src, const memory::desc &w, const memory::desc &bias,
             const memory::desc &dst) {
    const ConvShape &s = shape;
    auto inference = dnnl::prop_kind::forward_inference;
    memory::dims dilates = s.dilations;
    for (auto &d : dilates)
      --d;
    typename P::desc desc =
        s.bias ? typename P::desc(inference, algorithm, src, w, bias, dst, s.strides, dilates, s.padsBegin, s.padsEnd)
               : typename P::desc(inference, algorithm, src, w, dst, s.strides, dilates, s.padsBegin, s.padsEnd);
    typename P::primitive_desc pd(desc, attributes(s.post), cpu());
    // Not every implementation takes every list; the next best one may be many times slower.
    if (!s.post.empty() &&
        llvm::StringRef(typename P::primitive_desc(desc, cpu()).impl_info_str()) != pd.impl_info_str())
      throw std::runtime_error("slow");
    conv.set(P(pd));
    srcDesc = pd.src_desc(), dstDesc = pd.dst_desc(), weightsDesc = pd.weights_desc();
    if (s.bias)
      biasIndex = conv.add(DNNL_ARG_BIAS, pd.bias_desc());
  }

  /// What happens where the caller's order is not the primitive's.
  void borders(const memory::desc &userX, const memory::desc &userY) {
    reorderX = srcDesc != userX, reorderY = dstDesc != userY;
    if (reorderX) {
      memory inner(srcDesc, cpu());
      before.set(dnnl::reorder(dnnl::reorder::primitive_desc(cpu(), userX, cpu(), srcDesc)));
      beforeX = before.add(DNNL_ARG_FROM, userX), before.hold(DNNL_ARG_TO, inner);
      conv.hold(DNNL_ARG_SRC, inner);
    } else {
      xIndex = conv.add(DNNL_ARG_SRC, userX);
    }
    if (reorderY) {
      memory inner(dstDesc, cpu());
      after.set(dnnl::reorder(dnnl::reorder::primitive_desc(cpu(), dstDesc, cpu(), userY)));
      after.hold(DNNL_ARG_FROM, inner), afterY = after.add(DNNL_ARG_TO, userY);
      conv.hold(DNNL_ARG_DST, inner);
    } else {
      yIndex = conv.add(DNNL_ARG_DST, userY);
    }
  }

  ConvShape shape;
  Primitive before, conv, after;
  memory::desc srcDesc, dstDesc, weightsDesc, userWeights;
  bool reorderX = false, reorderY = false;
  unsigned xIndex = 0, yIndex = 0, biasIndex = 0, beforeX = 0, afterY = 0;
};

} // namespace

std::unique_ptr<ConvPlan> exec::oneDnnConv(const ConvShape &shape) {
  if (!shape.channelsLast && llvm::is_contained(shape.post, PostOp{PostOp::Kind::Sum}))
    return nullptr; // the addend would have to be reordered too
  return attempt([&]() -> std::unique_ptr<ConvPlan> { return std::make_unique<OneDnnConv>(shape); });
}

bool exec::oneDnnMultiply(bool transA, bool transB, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                          const float *b, float beta, float *c) {
  return dnnl_sgemm(transA ? 'T' : 'N', transB ? 'T' : 'N', m, n, k, alpha, a, transA ? m : k, b, transB ? k : n, beta,
                    c, n) == dnnl_success;
}
