//===- Driver.h - what both tools do the same way ---------------------------------===//
#ifndef DPUOPT_DRIVER_DRIVER_H
#define DPUOPT_DRIVER_DRIVER_H

#include "dpuopt/Pass/PassManager.h"

namespace dpuopt {

/// Exit codes of both tools (a contract, printed by --help).
enum ExitCode : int { ExitClean = 0, ExitFindings = 1, ExitBadInput = 2 };

/// A RunOptions::compare that executes both graphs on random input and judges the
/// difference by what the pass promises; prints one line per pass to `out`. A graph
/// that cannot be executed is a warning that names the op. `broken` is set when a
/// pass did not keep its promise.
std::function<Status(const Graph &, const Graph &, const PassStep &)>
equivalenceCheck(llvm::raw_ostream &out, uint64_t seed, bool &broken, DiagEngine &diags);

/// The passes that bring a graph into `form` ("qdq-onnx"; "": none). An unknown form is an error that lists these.
Result<Pipeline> emitPipeline(llvm::StringRef form, DiagEngine &diags);

/// Compares diagnostics with the `// expected-error {{text}}` comments of `text`
/// (also -warning, -remark; `@+1`, `@-2` relative lines, `@unknown` for none).
/// Prints every missing and unexpected one; true if all matched.
bool verifyDiagnostics(llvm::StringRef text, llvm::StringRef file, const DiagEngine &diags, llvm::raw_ostream &os);

/// The pass list as Markdown: docs/passes.md.
void printPassDocs(const PassRegistry &registry, llvm::raw_ostream &os);
/// Names and summaries, for --list-passes.
void printPassList(const PassRegistry &registry, llvm::raw_ostream &os);

} // namespace dpuopt
#endif
