//===- Verify.cpp - dpuc verify: is a compiled xmodel what it was to be? ---------------===//
#include "Command.h"
#include "CompiledCheck.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "dpuopt/Xir/Xir.h"
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("verify", "Is this compiled xmodel what the quantized one was to become? (exit status: "
                                        "1 if not)");
static cl::opt<std::string> quantizedFile(cl::Positional, cl::desc("QUANTIZED.xmodel"), cl::Required, cl::sub(command),
                                          cl::cat(dpucCategory()));
static cl::opt<std::string> compiledFile(cl::Positional, cl::desc("COMPILED.xmodel"), cl::Required, cl::sub(command),
                                         cl::cat(dpucCategory()));
static cl::opt<std::string> target("target", cl::desc("DPU it is to run on (the one it was compiled for)"),
                                   cl::value_desc("TARGET"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> vitisAi("vitis-ai", cl::desc("Vitis AI release of the compiler: 2.5, 3.0 or 3.5"),
                                    cl::value_desc("VERSION"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<int> expectDpu("expect-dpu-subgraphs", cl::desc("DPU subgraphs there must be (as predicted)"),
                              cl::value_desc("N"), cl::init(-1), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> noRun("no-run", cl::desc("Do not execute the two to compare what they compute"), cl::sub(command),
                           cl::cat(dpucCategory()));
static cl::opt<bool> all("all", cl::desc("Print everything that differs, not the first of each kind only"),
                         cl::sub(command), cl::cat(dpucCategory()));

/// What the flags say, else the DPU of the file.
static Result<std::shared_ptr<const Target>> targetOf(const Graph &compiled, DiagEngine &diags) {
  const CompiledFacts facts = compiledFacts(compiled);
  TargetRequest request{target, vitisAi};
  if (request.target.empty()) {
    if (!facts.fingerprint)
      return diags.error("does not say for which DPU it was compiled: give --target").file(compiledFile);
    request.target = fmt::format("{:#x}", facts.fingerprint);
  }
  return makeDpuczdx8gTarget(request, diags);
}

static int verify(DiagEngine &diags) {
  auto quantized = importXmodel(quantizedFile, diags);
  auto compiled = quantized ? importXmodel(compiledFile, diags) : failure();
  if (!compiled)
    return ExitBadInput;
  if (isCompiledGraph(**quantized) || !isCompiledGraph(**compiled))
    return diags.error("dpuc verify takes a quantized xmodel, then the compiled one")
               .file(isCompiledGraph(**quantized) ? quantizedFile : compiledFile),
           ExitBadInput;
  auto on = targetOf(**compiled, diags);
  CheckRequest request;
  if (expectDpu >= 0)
    request.expectDpu = expectDpu;
  request.targetOfFile = target.empty();
  request.execute = !noRun;
  auto check =
      on ? checkCompiled({**quantized, quantizedFile}, {**compiled, compiledFile}, **on, request, diags) : failure();
  if (!check)
    return ExitBadInput;
  llvm::outs() << fmt::format("{}: {}\n", compiledFile.getValue(),
                              check->good() ? "what it was to be" : "not what it was to be");
  printCompiledCheck(*check, all ? SIZE_MAX : 5, llvm::outs());
  return check->good() ? ExitClean : ExitFindings;
}

namespace dpuopt {
extern const Command VerifyCommand;
const Command VerifyCommand = {command, verify};
} // namespace dpuopt
