//===- NoOneDnn.cpp - what the files named OneDnn*.cpp say where that library is not used ------===//
//
// That it refuses: the callers have plain loops for everything.
//
//===----------------------------------------------------------------------===//
#include "ConvShape.h"
#include "OneDnn.h"

using namespace dpuopt;
using namespace dpuopt::exec;

FloatKernelPtr exec::oneDnnEltwise(int64_t, llvm::ArrayRef<PostOp>) { return nullptr; }
FloatKernelPtr exec::oneDnnPool(const PoolWindow &) { return nullptr; }
FloatKernelPtr exec::oneDnnReorder(llvm::ArrayRef<int64_t>, llvm::ArrayRef<int64_t>) { return nullptr; }
FloatKernelPtr exec::oneDnnSoftmax(llvm::ArrayRef<int64_t>, unsigned) { return nullptr; }
FloatKernelPtr exec::oneDnnProduct(const Product &, llvm::ArrayRef<PostOp>) { return nullptr; }
std::unique_ptr<ConvPlan> exec::oneDnnConv(const ConvShape &) { return nullptr; }
bool exec::oneDnnMultiply(bool, bool, int64_t, int64_t, int64_t, float, const float *, const float *, float, float *) {
  return false;
}
