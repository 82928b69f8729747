//===- Move.cpp - ops that move or join elements ---===//
#include "FixKernel.h"

using namespace dpuopt;
using namespace dpuopt::exec;

llvm::ArrayRef<FixEntry> exec::moveFixEntries() { return {}; }
