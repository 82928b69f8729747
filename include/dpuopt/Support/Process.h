//===- Process.h - child processes --------------------------------------------===//
//
// Foreign libraries that abort (libxir, target-factory), vendor's tools that hang or flood
// their log: all run as child processes, started without a shell, in a process group of
// their own that is killed as a whole, and that dies with us.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_SUPPORT_PROCESS_H
#define DPUOPT_SUPPORT_PROCESS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <functional>
#include <string>

namespace dpuopt {

struct ProcessOptions {
  unsigned timeoutSeconds = 0;       ///< 0: no limit
  size_t maxKept = size_t(64) << 20; ///< bytes kept of a stream: its first and its last half of them
  std::string workingDir = {};       ///< empty: ours
  /// Gets each line of either stream as it comes, without its end; may be empty.
  std::function<void(llvm::StringRef)> onLine = {};
  std::string inputFile = {}; ///< its standard input; empty: none
  /// Shares our terminal, in our process group, so that it can ask for a password. What it starts is not killed with
  /// it.
  bool terminal = false;
  /// What it started ends with it, or with us if we are killed, in other sessions too; costs another process.
  bool supervised = false;
  /// Asked again and again; true ends the program as if its time were over; may be empty.
  std::function<bool()> stop = {};
};

/// What a child process did.
struct ProcessResult {
  int exitCode = -1; ///< -1: could not start; -2: killed by a signal or timed out
  std::string out, err;
  uint64_t dropped = 0; ///< bytes of either stream beyond maxKept, which are not in `out` and `err`
  bool timedOut = false;
  std::string failure; ///< why it could not start, or what ended it; else empty
};

/// Runs `program` (a path) with `args` (without argv[0]), capturing both streams. What the program
/// started and left behind ends with it.
ProcessResult runProcess(llvm::StringRef program, llvm::ArrayRef<std::string> args, const ProcessOptions &options = {});

/// Path of one of our helper programs (`dpuopt-xir-judge`, ...): looked for in
/// $DPUOPT_LIBEXEC, then in ../libexec/dpuopt of this program, then beside it.
/// Empty if it is not installed.
std::string findHelper(llvm::StringRef name);

} // namespace dpuopt
#endif
