//===- CompiledResults.h - does a compiled file compute what it was to? -----------------===//
#ifndef DPUOPT_TOOLS_DPUC_COMPILEDRESULTS_H
#define DPUOPT_TOOLS_DPUC_COMPILEDRESULTS_H

#include "dpuopt/Support/Diagnostic.h"

namespace dpuopt {

struct CheckedItem;
struct Comparison;

/// "results": both files executed on the same random numbers, by their operators (nobody but a DPU can run the
/// instructions). Each tensor that both have must have the same bits; where one has not, its layer alone, fed with the
/// quantized file's tensors, must, unless the compiler is known to change that layer. Files that cannot be executed
/// here are no finding: the text says why.
CheckedItem checkResults(const std::string &quantized, const std::string &compiled);

/// The finding of that comparison.
CheckedItem judgeResults(const Comparison &c);

} // namespace dpuopt
#endif
