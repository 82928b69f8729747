//===- OneDnnLayers.cpp - all but convolutions through oneDNN ---------------------------------===//
#include "OneDnn.h"
#include "OneDnnPrimitive.h"

using namespace dpuopt;
using namespace dpuopt::exec;
using namespace dpuopt::exec::onednn;

constexpr auto Inference = dnnl::prop_kind::forward_inference;

FloatKernelPtr exec::oneDnnEltwise(int64_t n, llvm::ArrayRef<PostOp> post) {
  return attempt([&]() -> FloatKernelPtr {
    memory::desc desc = plain({n});
    // The first function is the primitive, the others follow it.
    dnnl::primitive_attr first = attributes(post.take_front());
    dnnl::algorithm algorithm;
    float scale, alpha, beta;
    first.get_post_ops().get_params_eltwise(0, scale, algorithm, alpha, beta);
    dnnl::eltwise_forward::desc d(Inference, algorithm, desc, alpha, beta);
    dnnl::eltwise_forward::primitive_desc pd(d, attributes(post.drop_front()), cpu());
    requireFast(pd.impl_info_str());
    auto kernel = std::make_unique<PrimitiveKernel>();
    kernel->primitive.set(dnnl::eltwise_forward(pd));
    kernel->input(DNNL_ARG_SRC, desc), kernel->output(desc);
    kernel->inPlace = true;
    return kernel;
  });
}

FloatKernelPtr exec::oneDnnPool(const PoolWindow &w) {
  return attempt([&]() -> FloatKernelPtr {
    memory::desc in = channelsLastDesc(w.in), out = channelsLastDesc(w.out);
    memory::dims dilations = w.dilations;
    for (auto &d : dilations)
      --d;
    auto algorithm = w.kind == PoolWindow::Kind::Max             ? dnnl::algorithm::pooling_max
                     : w.kind == PoolWindow::Kind::AverageInside ? dnnl::algorithm::pooling_avg_exclude_padding
                                                                 : dnnl::algorithm::pooling_avg_include_padding;
    dnnl::pooling_v2_forward::desc d(Inference, algorithm, in, out, w.strides, w.kernel, dilations, w.padsBegin,
                                     w.padsEnd);
    dnnl::pooling_v2_forward::primitive_desc pd(d, cpu());
    requireFast(pd.impl_info_str());
    auto kernel = std::make_unique<PrimitiveKernel>();
    kernel->primitive.set(dnnl::pooling_v2_forward(pd));
    kernel->input(DNNL_ARG_SRC, in), kernel->output(out);
    return kernel;
  });
}

FloatKernelPtr exec::oneDnnReorder(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> strides) {
  return attempt([&]() -> FloatKernelPtr {
    memory::desc in = plain(shape, strides), out = plain(shape);
    dnnl::reorder::primitive_desc pd(cpu(), in, cpu(), out);
    requireFast(pd.impl_info_str());
    auto kernel = std::make_unique<PrimitiveKernel>();
    kernel->primitive.set(dnnl::reorder(pd));
    kernel->input(DNNL_ARG_SRC, in), kernel->output(out);
    return kernel;
  });
}

FloatKernelPtr exec::oneDnnSoftmax(llvm::ArrayRef<int64_t> shape, unsigned axis) {
  return attempt([&]() -> FloatKernelPtr {
    memory::desc desc = plain(shape);
    dnnl::softmax_v2_forward::desc d(Inference, dnnl::algorithm::softmax_accurate, desc, desc, static_cast<int>(axis));
    dnnl::softmax_v2_forward::primitive_desc pd(d, cpu());
    requireFast(pd.impl_info_str());
    auto kernel = std::make_unique<PrimitiveKernel>();
    kernel->primitive.set(dnnl::softmax_v2_forward(pd));
    kernel->input(DNNL_ARG_SRC, desc), kernel->output(desc);
    return kernel;
  });
}

/// One matrix stored row-major, or its transposed.
static memory::desc matrix(int64_t batch, int64_t rows, int64_t columns, bool transposed) {
  return transposed ? plain({batch, rows, columns}, {rows * columns, 1, rows})
                    : plain({batch, rows, columns}, {rows * columns, columns, 1});
}

/// With a constant B: a fully connected layer, whose weights oneDNN may keep in any order.
static FloatKernelPtr fullyConnected(const Product &p, llvm::ArrayRef<PostOp> post) {
  int64_t rows = p.batch * p.m;
  memory::desc in = plain({rows, p.k}), out = plain({rows, p.n}), bias = plain({p.n});
  memory::desc any({p.n, p.k}, memory::data_type::f32, memory::format_tag::any);
  memory::desc user = p.transB ? plain({p.n, p.k}) : plain({p.n, p.k}, {1, p.n});
  using Layer = dnnl::inner_product_forward;
  Layer::desc d = p.bias ? Layer::desc(Inference, in, any, bias, out) : Layer::desc(Inference, in, any, out);
  Layer::primitive_desc pd(d, attributes(post), cpu());
  auto kernel = std::make_unique<PrimitiveKernel>();
  kernel->primitive.set(Layer(pd));
  kernel->primitive.hold(DNNL_ARG_WEIGHTS, packed(*p.b, user, pd.weights_desc()));
  if (p.bias)
    kernel->primitive.hold(DNNL_ARG_BIAS, packed(*p.bias, bias, bias));
  kernel->input(DNNL_ARG_SRC, in), kernel->output(out);
  return kernel;
}

FloatKernelPtr exec::oneDnnProduct(const Product &p, llvm::ArrayRef<PostOp> post) {
  return attempt([&]() -> FloatKernelPtr {
    if (p.b && !p.transA)
      return fullyConnected(p, post);
    if (p.b || p.bias)
      return nullptr;
    memory::desc a = matrix(p.batch, p.m, p.k, p.transA), b = matrix(p.batch, p.k, p.n, p.transB);
    memory::desc y = matrix(p.batch, p.m, p.n, false);
    dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(a, b, y), attributes(post), cpu());
    requireFast(pd.impl_info_str());
    auto kernel = std::make_unique<PrimitiveKernel>();
    kernel->primitive.set(dnnl::matmul(pd));
    kernel->input(DNNL_ARG_SRC, a), kernel->input(DNNL_ARG_WEIGHTS, b), kernel->output(y);
    return kernel;
  });
}
