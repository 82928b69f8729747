//===- Resize.cpp - upsampling and downsampling ---===//
#include "FixKernel.h"

using namespace dpuopt;
using namespace dpuopt::exec;

llvm::ArrayRef<FixEntry> exec::resizeFixEntries() { return {}; }
