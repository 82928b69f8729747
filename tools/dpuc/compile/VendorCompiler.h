//===- VendorCompiler.h - vai_c_xir, found and run ------------------------------------===//
//
// The vendor's code generator, or a command that runs it elsewhere (a container, another
// machine). Nothing of what it says is believed: an exit status of 0 is not success, and
// what it made is checked (CompiledCheck.h).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_VENDORCOMPILER_H
#define DPUOPT_TOOLS_DPUC_VENDORCOMPILER_H

#include "dpuopt/Support/Diagnostic.h"
#include "dpuopt/Support/Process.h"
#include "dpuopt/Support/Status.h"
#include <optional>
#include <vector>

namespace dpuopt {

struct CompilerOptions {
  std::string command;            ///< words: a program and its first arguments; empty: vai_c_xir on the PATH
  unsigned timeoutSeconds = 3600; ///< 0: no limit
};

/// A line of its log that somebody should see.
struct CompilerMessage {
  std::string severity;    ///< "WARNING", "ERROR", "FATAL"
  std::string text, op;    ///< op: the xir op it is about, may be empty
  std::string explanation; ///< code for dpuc explain, may be empty
};

struct CompilerRun {
  ProcessResult process;
  std::vector<CompilerMessage> messages;
  std::optional<unsigned> subgraphs, dpuSubgraphs; ///< as it says
  bool saysDone = false;
  bool flooded = false; ///< ended because it did not stop talking
};

class VendorCompiler {
public:
  /// The program to run: nullopt if none was named and none is on the PATH. Errors [compiler.missing]: the one that
  /// was named is not there. Words of the command that name files here will do so in the folder it is run in.
  static Result<std::optional<VendorCompiler>> find(const CompilerOptions &options, DiagEngine &diags);
  const std::string &path() const { return program; }
  /// The command as a user would type it.
  std::string commandLine(llvm::ArrayRef<std::string> arguments) const;
  /// Runs it in `folder`, which paths in `arguments` are relative to; says on a terminal what it is doing.
  CompilerRun run(llvm::ArrayRef<std::string> arguments, const std::string &folder) const;

private:
  std::string program;
  std::vector<std::string> first;
  unsigned timeoutSeconds = 0;
};

/// What stands in a log; of it what can be printed.
CompilerRun readCompilerLog(llvm::StringRef text);

} // namespace dpuopt
#endif
