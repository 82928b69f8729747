//===- FloatKernel.cpp - finding them, and the layouts --------------------------------------===//
#include "FloatKernel.h"
#include "llvm/ADT/StringMap.h"
#include <numeric>

using namespace dpuopt;
using namespace dpuopt::exec;

const FloatEntry *exec::findFloatEntry(llvm::StringRef name) {
  static const llvm::StringMap<const FloatEntry *> table = [] {
    llvm::StringMap<const FloatEntry *> t;
#define DPUOPT_FLOAT_ADD(family)                                                                                       \
  for (const FloatEntry &e : family##FloatEntries())                                                                   \
    t[e.name] = &e;
    DPUOPT_FLOAT_FAMILIES(DPUOPT_FLOAT_ADD)
#undef DPUOPT_FLOAT_ADD
    return t;
  }();
  return table.lookup(name);
}

Shape exec::channelsLastShape(llvm::ArrayRef<int64_t> shape) {
  Shape s(shape.begin(), shape.end());
  if (s.size() > 2)
    std::rotate(s.begin() + 1, s.begin() + 2, s.end());
  return s;
}

bool exec::layoutsAgree(llvm::ArrayRef<int64_t> shape) {
  if (shape.size() < 3 || shape[1] == 1)
    return true;
  return llvm::all_of(shape.drop_front(2), [](int64_t d) { return d == 1; });
}

Tensor exec::toChannelsLast(const Tensor &t) {
  llvm::SmallVector<unsigned, 6> order(t.shape().size());
  std::iota(order.begin(), order.end(), 0);
  if (order.size() > 2)
    std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return t.transposed(order);
}

Tensor exec::fromChannelsLast(const Tensor &t) {
  llvm::SmallVector<unsigned, 6> order(t.shape().size());
  std::iota(order.begin(), order.end(), 0);
  if (order.size() > 2)
    std::rotate(order.begin() + 1, order.end() - 1, order.end());
  return t.transposed(order);
}

static Shape shapeOf(const Value &v, bool channelsLast) {
  llvm::ArrayRef<int64_t> shape = v.type().shape();
  return channelsLast ? channelsLastShape(shape) : Shape(shape.begin(), shape.end());
}

Shape FloatRequest::in(unsigned i) const { return shapeOf(*op.operand(i), channelsLast); }
Shape FloatRequest::out(unsigned i) const { return shapeOf(*op.result(i), channelsLast); }

size_t FloatRequest::axis(size_t i) const {
  size_t rank = op.operand(0)->type().rank();
  return !channelsLast || rank < 3 || i == 0 ? i : i == 1 ? rank - 1 : i - 1;
}
