//===- OneDnnPrimitive.cpp - what our oneDNN files share ---------------------------------------===//
#include "OneDnnPrimitive.h"
#include "llvm/ADT/StringRef.h"
#include <stdexcept>

using namespace dpuopt;
using namespace dpuopt::exec;

const dnnl::engine &onednn::cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

onednn::memory::desc onednn::plain(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> strides) {
  memory::dims steps(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    steps[i - 1] = steps[i] * shape[i];
  return memory::desc(dims(shape), memory::data_type::f32, strides.empty() ? steps : dims(strides));
}

onednn::memory::desc onednn::channelsLastDesc(llvm::ArrayRef<int64_t> shape) {
  memory::dims logical = dims(shape), strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  std::rotate(logical.begin() + 1, logical.end() - 1, logical.end());
  std::rotate(strides.begin() + 1, strides.end() - 1, strides.end());
  return memory::desc(logical, memory::data_type::f32, strides);
}

onednn::memory onednn::packed(const Tensor &t, const memory::desc &user, const memory::desc &wanted) {
  Tensor dense = t.expanded();
  memory from(user, cpu(), const_cast<uint8_t *>(dense.elements())), to(wanted, cpu());
  dnnl::stream stream(cpu());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return to;
}

static dnnl::algorithm algorithmOf(PostOp::Kind kind) {
  using K = PostOp::Kind;
  using A = dnnl::algorithm;
  switch (kind) {
  case K::Leaky:
    return A::eltwise_relu;
  case K::Clip:
    return A::eltwise_clip;
  case K::Linear:
    return A::eltwise_linear;
  case K::Sigmoid:
    return A::eltwise_logistic;
  case K::Swish:
    return A::eltwise_swish;
  case K::HardSwish:
    return A::eltwise_hardswish;
  case K::Tanh:
    return A::eltwise_tanh;
  case K::Elu:
    return A::eltwise_elu;
  case K::GeluErf:
    return A::eltwise_gelu_erf;
  case K::GeluTanh:
    return A::eltwise_gelu_tanh;
  case K::SoftPlus:
    return A::eltwise_soft_relu;
  case K::Mish:
    return A::eltwise_mish;
  case K::Exp:
    return A::eltwise_exp;
  case K::Log:
    return A::eltwise_log;
  case K::Sqrt:
    return A::eltwise_sqrt;
  case K::Abs:
    return A::eltwise_abs;
  case K::Square:
    return A::eltwise_square;
  case K::Sum:
    break;
  }
  return A::undef;
}

dnnl::primitive_attr onednn::attributes(llvm::ArrayRef<PostOp> post) {
  dnnl::post_ops ops;
  for (const PostOp &op : post)
    if (op.kind == PostOp::Kind::Sum)
      ops.append_sum(1);
    else
      ops.append_eltwise(1, algorithmOf(op.kind), op.alpha, op.beta);
  dnnl::primitive_attr attr;
  attr.set_post_ops(ops);
  return attr;
}

void onednn::requireFast(const char *implementation) {
  llvm::StringRef name(implementation);
  if (name.startswith("ref") || name.contains("simple:any"))
    throw std::runtime_error("slow");
}
