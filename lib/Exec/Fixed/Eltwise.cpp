//===- Eltwise.cpp - sums and products of tensors ---===//
#include "FixKernel.h"

using namespace dpuopt;
using namespace dpuopt::exec;

llvm::ArrayRef<FixEntry> exec::eltwiseFixEntries() { return {}; }
