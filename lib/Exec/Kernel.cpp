//===- Kernel.cpp - finding kernels, and what all of them need -------------===//
#include "Kernel.h"
#include "dpuopt/IR/OnnxViews.h"
#include <cstring>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

const KernelEntry *exec::findKernel(llvm::StringRef name) {
  static const llvm::StringMap<const KernelEntry *> table = [] {
    llvm::StringMap<const KernelEntry *> t;
#define DPUOPT_EXEC_ADD(family)                                                                                        \
  for (const KernelEntry &k : family##Kernels())                                                                       \
    t[k.name] = &k;
    DPUOPT_EXEC_FAMILIES(DPUOPT_EXEC_ADD)
#undef DPUOPT_EXEC_ADD
    return t;
  }();
  return table.lookup(name);
}

DiagBuilder Call::error(const std::string &message) const {
  std::string result = op.numResults() ? fmt::format(" '{}'", op.result()->name()) : "";
  return diags.error(op.loc(), fmt::format("cannot execute {}{}: {}", op.name().str(), result, message));
}

Result<Tensor> Call::allocate(ElemType elem, llvm::ArrayRef<int64_t> shape) const {
  Type type(elem, shape);
  int64_t n = type.numElements();
  if (n < 0 || n > MaxResultElements)
    return error(fmt::format("its result {} is larger than {} elements", shapeStr(shape), MaxResultElements));
  for (Reserved &r : reserved)
    if (!r.taken && r.bytes && static_cast<int64_t>(r.bytes) == type.numBytes()) {
      r.taken = true;
      std::memset(r.memory, 0, r.bytes);
      return Tensor(std::move(type), Blob::borrow({r.memory, r.bytes}));
    }
  return Tensor::zeros(std::move(type));
}

Result<std::vector<int64_t>> Call::ints(unsigned i) const {
  const Tensor *t = operand(i);
  if (!t)
    return error(fmt::format("operand {} is missing", i));
  if (t->numElements() > 4096 || t->elemType().kind == ElemKind::F32)
    return error(fmt::format("operand {} must be a short list of integers, is {}", i, t->type().str()));
  return t->toInts();
}

Result<std::vector<int64_t>> Call::axes(unsigned i, size_t rank) const {
  std::vector<int64_t> list;
  if (op.hasAttr("axes")) {
    list = op.getInts("axes");
  } else if (operand(i)) {
    auto given = ints(i);
    if (!given)
      return failure();
    list = *given;
  }
  for (int64_t &a : list) {
    int64_t axis = onnx::normalizeAxis(a, static_cast<int64_t>(rank));
    if (axis < 0)
      return error(fmt::format("axis {} is out of range for rank {}", a, rank));
    a = axis;
  }
  return list;
}

Result<int64_t> Call::axis(int64_t dflt, size_t rank) const {
  int64_t given = op.getInt("axis", dflt);
  int64_t axis = onnx::normalizeAxis(given, static_cast<int64_t>(rank));
  if (axis < 0)
    return error(fmt::format("axis {} is out of range for rank {}", given, rank));
  return axis;
}

int64_t Call::opset() const { return onnx::opsetOf(op.graph()); }

uint8_t *exec::mutBytes(Tensor &t) {
  return dispatchSize(t.elemType().byteSize(),
                      [&](auto word) { return reinterpret_cast<uint8_t *>(mutData<decltype(word)>(t)); });
}

int64_t exec::product(llvm::ArrayRef<int64_t> dims, size_t from, size_t to) {
  int64_t n = 1;
  for (size_t i = from; i < std::min(to, dims.size()); ++i)
    n *= dims[i];
  return n;
}

Tensor exec::runtimeForm(const Tensor &t) {
  ElemType e = t.elemType();
  if (e.isFloat() || e.isFix()) {
    if (e.kind != ElemKind::F32)
      return t.toFloat();
  }
  // Constants are slices of mapped files, at any offset.
  auto *bytes = t.storage().bytes().data();
  unsigned size = e.byteSize();
  if (!size || reinterpret_cast<uintptr_t>(bytes) % size == 0)
    return t;
  Blob copy = Blob::copy(t.storage().bytes());
  return t.isSplat() ? Tensor::splat(t.type(), std::move(copy)) : Tensor(t.type(), std::move(copy));
}
