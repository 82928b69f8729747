//===- SshFailure.h - why ssh ended, in a sentence ---------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_SSHFAILURE_H
#define DPUOPT_TOOLS_DPUC_SSHFAILURE_H

#include "dpuopt/Support/Diagnostic.h"
#include "dpuopt/Support/Process.h"

namespace dpuopt {

struct SshAttempt {
  std::string board, what; ///< what was going on: "'xdputil query'"
  unsigned seconds;        ///< that it was given
};

/// Says why a script on the board did not come to its end. Always failure.
Status reportSshFailure(const ProcessResult &ended, const SshAttempt &attempt, DiagEngine &diags);

/// The last line that says something: no stack frame, no tag of a log; at most 300 bytes, printable.
std::string lastWordsOf(llvm::StringRef text);

} // namespace dpuopt
#endif
