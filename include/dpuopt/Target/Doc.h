//===- Doc.h - a target as documentation --------------------------------------===//
#ifndef DPUOPT_TARGET_DOC_H
#define DPUOPT_TARGET_DOC_H

#include "dpuopt/Target/Target.h"
#include "llvm/Support/raw_ostream.h"

namespace dpuopt {

/// Limits and rules of the target as Markdown, numbers filled in.
void printTargetDoc(const Target &target, llvm::raw_ostream &os);

} // namespace dpuopt
#endif
