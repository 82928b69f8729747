//===- File.h - atomic output files and child processes -------------------===//
//
// Outputs appear whole or not at all: written to a temporary in the same folder
// and renamed. Foreign libraries that abort (libxir, target-factory) and
// vai_c_xir run as child processes through runProcess().
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_SUPPORT_FILE_H
#define DPUOPT_SUPPORT_FILE_H

#include "dpuopt/Support/Diagnostic.h"
#include "dpuopt/Support/Status.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <functional>
#include <string>

namespace dpuopt {

/// Calls `write` on a temporary beside `path`, then renames. On any error the
/// temporary is removed, `path` is untouched, and the error names `path`.
/// "-" writes to standard output.
Status writeFileAtomically(llvm::StringRef path, DiagEngine &diags,
                           llvm::function_ref<Status(llvm::raw_pwrite_stream &)> write);

/// Whole file as a string; the error names the path and the cause.
Result<std::string> readFile(llvm::StringRef path, DiagEngine &diags);

/// What a child process did.
struct ProcessResult {
  int exitCode = -1; ///< -1: could not start; -2: killed by a signal or timed out
  std::string out, err;
  std::string failure; ///< why it could not start, or the signal; else empty
};

/// Runs `program` with `args` (without argv[0]), no standard input, at most
/// `timeoutSeconds` (0: no limit), capturing both streams.
ProcessResult runProcess(llvm::StringRef program, llvm::ArrayRef<std::string> args, unsigned timeoutSeconds = 0);

/// Path of one of our helper programs (`dpuopt-xir-judge`, ...): looked for in
/// $DPUOPT_LIBEXEC, then in ../libexec/dpuopt of this program, then beside it.
/// Empty if it is not installed.
std::string findHelper(llvm::StringRef name);

} // namespace dpuopt
#endif
