//===- Pool.cpp - pools and reductions ---===//
#include "FixKernel.h"

using namespace dpuopt;
using namespace dpuopt::exec;

llvm::ArrayRef<FixEntry> exec::poolFixEntries() { return {}; }
