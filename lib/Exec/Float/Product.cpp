//===- Product.cpp - matrix products -------------------------------------------------------------===//
#include "OneDnn.h"

using namespace dpuopt;
using namespace dpuopt::exec;

static int64_t count(llvm::ArrayRef<int64_t> dims) {
  int64_t n = 1;
  for (int64_t d : dims)
    n *= d;
  return n;
}

static FloatKernelPtr make(const FloatRequest &r, const Product &p) {
  if (p.batch < 1 || p.m < 1 || p.n < 1 || p.k < 1 || r.op.result()->type().numElements() != p.batch * p.m * p.n)
    return nullptr;
  Product full = p;
  Tensor shift;
  if (r.affine) { // a bias that is added by an op of its own
    if (p.bias || int64_t(r.affine->shift.size()) != p.n ||
        llvm::any_of(r.affine->scale, [](float s) { return s != 1; }))
      return nullptr;
    shift = Tensor::fromFloats({p.n}, r.affine->shift);
    full.bias = &shift;
  }
  auto kernel = oneDnnProduct(full, r.post);
  if (kernel)
    kernel->reads = p.b ? std::vector<unsigned>{0} : std::vector<unsigned>{0, 1};
  return kernel;
}

/// alpha = beta = 1, or no C: the others are rare.
static FloatKernelPtr gemm(const FloatRequest &r) {
  Shape a = r.in(0), b = r.in(1);
  if (a.size() != 2 || b.size() != 2 || !r.isRealConstant(1) || r.op.getFloat("alpha", 1) != 1 || r.op.getInt("transA"))
    return nullptr;
  Product p;
  p.transB = r.op.getInt("transB") != 0;
  p.m = a[0], p.k = a[1], p.n = p.transB ? b[0] : b[1], p.b = r.constants[1];
  if ((p.transB ? b[1] : b[0]) != p.k)
    return nullptr;
  if (r.op.operand(2)) {
    if (!r.isRealConstant(2) || r.constants[2]->numElements() != p.n || r.constants[2]->shape().empty() ||
        r.constants[2]->shape().back() != p.n || r.op.getFloat("beta", 1) != 1)
      return nullptr;
    p.bias = r.constants[2];
  }
  return make(r, p);
}

static FloatKernelPtr matMul(const FloatRequest &r) {
  Shape a = r.in(0), b = r.in(1);
  if (a.size() < 2 || b.size() < 2 || r.isConstant(0))
    return nullptr;
  Product p;
  p.m = a[a.size() - 2], p.k = a.back(), p.n = b.back();
  p.batch = count(llvm::makeArrayRef(a).drop_back(2));
  if (b[b.size() - 2] != p.k)
    return nullptr;
  if (r.isRealConstant(1) && b.size() == 2)
    p.b = r.constants[1];
  else if (r.isConstant(1) || llvm::makeArrayRef(a).drop_back(2) != llvm::makeArrayRef(b).drop_back(2))
    return nullptr;
  return make(r, p);
}

llvm::ArrayRef<FloatEntry> exec::productFloatEntries() {
  static const FloatEntry table[] = {
      {"onnx.Gemm", gemm, Place::Plain, true, true},
      {"onnx.MatMul", matMul, Place::Plain, true, true},
  };
  return table;
}
