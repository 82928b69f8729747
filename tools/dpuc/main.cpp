//===- dpuc - one command per question of a model author -------------------------------===//
#include "Command.h"
#include "dpuopt/Support/Version.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>

namespace dpuopt {
#define COMMAND(Name) extern const Command Name##Command;
#include "Commands.def"
#undef COMMAND
} // namespace dpuopt

using namespace dpuopt;

static const Command *const commands[] = {
#define COMMAND(Name) &Name##Command,
#include "Commands.def"
#undef COMMAND
};

static const char overview[] =
    "ONNX models for AMD/Xilinx DPUs (DPUCZDX8G)\n\n"
    "Exit status: 0 clean, 1 findings (not everything is on the DPU, not the expected number\n"
    "of subgraphs, a difference, a missed limit), 2 bad input or usage. 'dpuc COMMAND --help'\n"
    "shows its options.\n";

/// Colours are for people at a terminal who did not say no (no-color.org).
static void settleColours() {
  const char *no = std::getenv("NO_COLOR");
  bool wanted = !(no && *no);
  for (llvm::raw_fd_ostream *os : {&llvm::outs(), &llvm::errs()})
    os->enable_colors(wanted && os->has_colors());
}

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(dpucCategory());
  for (const Command *command : commands)
    cl::HideUnrelatedOptions(dpucCategory(), command->sub);
  cl::SetVersionPrinter(printVersion);
  if (!cl::ParseCommandLineOptions(argc, argv, overview, &llvm::errs())) // without a stream it would exit with 1
    return ExitBadInput;
  settleColours();
  DiagEngine diags(&llvm::errs());
  for (const Command *command : commands)
    if (command->sub)
      return command->run(diags);
  cl::PrintHelpMessage();
  return ExitBadInput;
}
