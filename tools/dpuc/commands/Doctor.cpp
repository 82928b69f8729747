//===- Doctor.cpp - dpuc doctor: will this xmodel load on that board? -----------------===//
#include "Command.h"
#include "RuntimeText.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Report/Lines.h"
#include "dpuopt/Target/Conformance.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("doctor", "Will this compiled xmodel load on that board and runtime?");
static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL.xmodel"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static cl::opt<std::string> board("board", cl::desc("Board (kv260, ...), DPU name, fingerprint or arch.json"),
                                  cl::value_desc("TARGET"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> profile("profile", cl::desc("Runtime: vart, graph-runner, dpu-pynq@2.5 (vart)"),
                                    cl::value_desc("RUNTIME"), cl::init("vart"), cl::sub(command),
                                    cl::cat(dpucCategory()));
static cl::opt<std::string> vitisAi("vitis-ai", cl::desc("Vitis AI release on the board: 2.5, 3.0 or 3.5"),
                                    cl::value_desc("VERSION"), cl::sub(command), cl::cat(dpucCategory()));

/// The release on the board: as said, else that of its DPU, else that of the file.
static VitisAi releaseFor(const LoadedModel &m) {
  if (auto v = parseVitisAi(vitisAi.getValue()))
    return *v;
  if (m.board)
    if (auto v = lastReleaseOf(*m.board); v && *v < DefaultVitisAi)
      return *v;
  return m.compiler.value_or(DefaultVitisAi);
}

/// What has to happen before there is something to look at.
static int notCompiled(const Graph &g, DiagEngine &diags) {
  DiagBuilder error = diags.error("doctor looks at compiled xmodels, this one has no placed op");
  if (llvm::any_of(g.ops(), [](const Op &op) { return op.isXir(); }))
    error.note("it is quantized, not compiled: vai_c_xir -x FILE -a arch.json -o DIR -n NAME makes what a board loads");
  else
    error.note("for an ONNX model: dpuc check MODEL.onnx --profile " + profile);
  return ExitBadInput;
}

static int doctor(DiagEngine &diags) {
  if (!vitisAi.empty() && !parseVitisAi(vitisAi))
    return diags.error("--vitis-ai is a release such as 2.5, 3.0 or 3.5, found '" + vitisAi + "'"), ExitBadInput;
  auto graph = loadGraph(model, {}, diags);
  if (!graph)
    return ExitBadInput;
  diags.setFile(model);
  if (!isCompiledGraph(**graph))
    return notCompiled(**graph, diags);
  LoadedModel m = loadedModel(**graph);
  if (!board.empty()) {
    auto target = makeDpuczdx8gTarget({board, vitisAi}, diags);
    if (!target)
      return ExitBadInput;
    m.board = (*target)->fingerprint();
  }
  auto runtime = parseRuntimeProfile(profile, releaseFor(m), diags);
  if (!runtime)
    return ExitBadInput;
  printWrapped(llvm::outs(), "model     ", model);
  if (m.fingerprint)
    printWrapped(llvm::outs(), "built for ",
                 fmt::format("0x{:x} ({})", m.fingerprint, releasesOfFingerprint(m.fingerprint)));
  if (m.board)
    printWrapped(llvm::outs(), "board     ", fmt::format("0x{:x} ({})", *m.board, releasesOfFingerprint(*m.board)));
  bool good = printRuntime(*runtime, m, llvm::outs());
  if (m.board && m.fingerprint && m.fingerprint != *m.board)
    printWrapped(llvm::outs() << '\n', "next      ",
                 fmt::format("compile again with {{\"fingerprint\":\"0x{:x}\"}} as arch.json; dpuc fingerprint 0x{:x} "
                             "0x{:x} says what differs",
                             *m.board, m.fingerprint, *m.board));
  return good ? ExitClean : ExitFindings;
}

namespace dpuopt {
extern const Command DoctorCommand;
const Command DoctorCommand = {command, doctor};
} // namespace dpuopt
