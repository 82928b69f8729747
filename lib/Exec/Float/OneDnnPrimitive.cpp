//===- OneDnnPrimitive.cpp - what our oneDNN files share ---------------------------------------===//
#include "OneDnnPrimitive.h"
#include "Pages.h"
#include "llvm/ADT/StringRef.h"
#include <cstring>
#include <limits>
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

/// Rows [from, to) of a constant, aligned; `space` holds them where they are not.
static const float *rowsOf(const Tensor &t, int64_t rowElements, int64_t from, int64_t to, std::vector<float> &space) {
  size_t n = static_cast<size_t>((to - from) * rowElements);
  llvm::ArrayRef<uint8_t> bytes = t.storage().bytes();
  const uint8_t *begin = bytes.data() + (t.isSplat() ? 0 : from * rowElements * sizeof(float));
  if (!t.isSplat() && reinterpret_cast<uintptr_t>(begin) % sizeof(float) == 0)
    return reinterpret_cast<const float *>(begin);
  space.resize(n);
  if (t.isSplat())
    std::fill(space.begin(), space.end(), float(t.at(0)));
  else
    std::memcpy(space.data(), begin, n * sizeof(float));
  return space.data();
}

/// Parts of a packed tensor are tensors if they begin with a block.
static int64_t rowsPerBlock(const onednn::memory::desc &packed) {
  if (packed.data.format_kind != dnnl_blocked)
    return std::numeric_limits<int64_t>::max();
  const dnnl_blocking_desc_t &blocking = packed.data.format_desc.blocking;
  int64_t rows = 1;
  for (int i = 0; i < blocking.inner_nblks; ++i)
    rows *= blocking.inner_idxs[i] == 0 ? blocking.inner_blks[i] : 1;
  return rows;
}

/// Weights may be as large as the memory that is left: they are read piece by piece, and a mapped file's pages are
/// given back behind the reader.
onednn::memory onednn::packed(const Tensor &t, const memory::desc &user, const memory::desc &wanted) {
  constexpr int64_t PieceElements = int64_t(1) << 21;
  memory::dims shape = user.dims(), at(shape.size(), 0);
  int64_t rowElements = std::max<int64_t>(1, t.numElements() / shape[0]), rows = shape[0];
  memory to(wanted, cpu());
  dnnl::stream stream(cpu());
  std::vector<float> space;
  auto copy = [&](const memory::desc &from, const memory::desc &part, int64_t begin, int64_t end) {
    memory source(from, cpu(), const_cast<float *>(rowsOf(t, rowElements, begin, end, space)));
    memory target(part, cpu(), to.get_data_handle());
    dnnl::reorder(source, target).execute(stream, source, target);
    stream.wait();
    if (!t.isSplat())
      giveBack(
          t.storage().bytes().slice(begin * rowElements * sizeof(float), (end - begin) * rowElements * sizeof(float)));
  };
  int64_t block = rowsPerBlock(wanted), piece = PieceElements / rowElements / block * block;
  bool rowMajor = user == plain(llvm::makeArrayRef(shape.data(), shape.size()));
  if (!rowMajor || piece < 1 || rows <= piece) {
    copy(user, wanted, 0, rows);
    return to;
  }
  for (int64_t begin = 0; begin < rows; begin += piece) {
    int64_t end = std::min(rows, begin + piece);
    shape[0] = end - begin, at[0] = begin;
    copy(plain(llvm::makeArrayRef(shape.data(), shape.size())), wanted.submemory_desc(shape, at), begin, end);
  }
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
