//===- Scalar.cpp - functions of one element ---===//
#include "FixKernel.h"

using namespace dpuopt;
using namespace dpuopt::exec;

llvm::ArrayRef<FixEntry> exec::scalarFixEntries() { return {}; }
