//===- Harness.h - what a fuzzer calls, and what the tests replay -------------------===//
//
// One function per reader of foreign files: it takes any bytes, reads them as that kind
// of file, and does with the result what the tools do. A mistake in the bytes is a
// diagnostic; a broken promise of ours (require()) ends the process, as a sanitizer's
// finding does. Inputs worth keeping are in fuzz/corpus/<reader>.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_FUZZ_HARNESS_H
#define DPUOPT_FUZZ_HARNESS_H

#include "dpuopt/Quant/FixPlan.h"

namespace dpuopt::fuzz {

#define HARNESS(Name, folder) void fuzz##Name(llvm::StringRef bytes);
#include "Harnesses.def"
#undef HARNESS

/// Ends the process with `promise` on standard error if it was not kept.
void require(bool kept, const char *promise);
/// A file name in a folder of this process, which goes away with it.
std::string scratchFile(llvm::StringRef name);
/// Prints, parses the text and prints again: the same text.
void requireTextRoundTrip(const Graph &g);
/// Lints the positions of `plan` as `dpuc lint-quant` does; what is called a way out mends its constraint.
void requireLint(const Graph &g, const FixPlan &plan);

} // namespace dpuopt::fuzz
#endif
