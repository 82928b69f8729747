//===- Fingerprint.cpp - dpuc fingerprint: what the 64 bits say -----------------------===//
#include "Command.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Report/Lines.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Target/Causes.h"
#include "dpuopt/Target/Conformance.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand
    command("fingerprint", "What does a fingerprint say, and what differs between two? (exit status: 1 they differ)");
static cl::opt<std::string> first(cl::Positional, cl::desc("A"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static cl::opt<std::string> second(cl::Positional, cl::desc("[B]"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> model("model", cl::desc("Does the difference matter for this model?"),
                                  cl::value_desc("MODEL.onnx"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> vitisAi("vitis-ai", cl::desc("Vitis AI release a board's name means: 2.5, 3.0 or 3.5"),
                                    cl::value_desc("VERSION"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> output("o", cl::desc("Write the arch.json for B, or for A if it is alone"),
                                   cl::value_desc("FILE"), cl::sub(command), cl::cat(dpucCategory()));

/// A fingerprint, a board, a name, an arch.json, or the xmodel that was compiled for one.
static Result<uint64_t> fingerprintOf(const std::string &text, DiagEngine &diags) {
  if (llvm::StringRef(text).endswith(".xmodel")) {
    auto graph = loadGraph(text, {}, diags);
    if (!graph)
      return failure();
    if (uint64_t fingerprint = compiledFacts(**graph).fingerprint)
      return fingerprint;
    return diags.error("the xmodel has no DPU subgraph with a fingerprint").file(text);
  }
  auto target = makeDpuczdx8gTarget({text, vitisAi}, diags);
  if (!target)
    return failure();
  return (*target)->fingerprint();
}

static void printOne(uint64_t fingerprint, llvm::ArrayRef<FingerprintField> fields) {
  printWrapped(llvm::outs(), fmt::format("0x{:x}  ", fingerprint), releasesOfFingerprint(fingerprint));
  for (const FingerprintField &f : fields)
    printWrapped(llvm::outs(), fmt::format("  {:>6}  {:<38} ", f.bits, f.name), f.value);
}

/// Fields of one ISA line up; those of two do not.
static void printTwo(uint64_t a, uint64_t b, llvm::ArrayRef<FingerprintField> fa, llvm::ArrayRef<FingerprintField> fb) {
  printWrapped(llvm::outs(), fmt::format("A 0x{:x}  ", a), releasesOfFingerprint(a));
  printWrapped(llvm::outs(), fmt::format("B 0x{:x}  ", b), releasesOfFingerprint(b));
  bool lineUp = fa.size() == fb.size() && fa[1].value == fb[1].value;
  if (!lineUp) {
    llvm::outs() << "the instruction sets differ: nothing compiled for one runs on the other\n";
    return;
  }
  for (size_t i = 0; i < fa.size(); ++i) {
    bool same = fa[i].value == fb[i].value;
    printWrapped(llvm::outs(), fmt::format("{} {:>6}  {:<38} ", same ? " " : "!", fa[i].bits, fa[i].name),
                 fa[i].value + (same ? "" : " -> " + fb[i].value));
  }
}

struct Placed {
  unsigned dpu, cpuOps;
  bool operator==(const Placed &o) const { return dpu == o.dpu && cpuOps == o.cpuOps; }
};

static Result<Placed> placed(const Graph &g, uint64_t fingerprint, DiagEngine &diags) {
  // The release is the compiler's, not the DPU's: the same one for both.
  auto target = makeDpuczdx8gTarget({fmt::format("0x{:x}", fingerprint), vitisAi}, diags);
  if (!target)
    return failure();
  Partition p = partitionGraph(g, partitionFor(**target));
  auto onCpu = [](const FusedOp &op) { return op.device == Device::Cpu && isJudged(op); };
  return Placed{p.count(Device::Dpu), static_cast<unsigned>(llvm::count_if(p.fused->ops, onCpu))};
}

/// Places the model on both.
static Status printMeaning(uint64_t a, uint64_t b, DiagEngine &diags) {
  std::unique_ptr<Graph> graph;
  if (llvm::StringRef(model).endswith(".xmodel")) {
    auto read = loadGraph(model, {}, diags);
    if (!read)
      return failure();
    graph = forgetPlacement(**read);
  } else {
    ModelOptions options;
    options.model = model;
    options.target.target = "kv260";
    auto job = openJob(options, diags);
    if (!job || failed(lowerForCheck(*job, false, diags)))
      return failure();
    graph = std::move(job->graph);
  }
  auto onA = placed(*graph, a, diags), onB = placed(*graph, b, diags);
  if (!onA || !onB)
    return failure();
  printWrapped(llvm::outs(), "model     ",
               fmt::format("A: {} DPU subgraphs, {} CPU ops; B: {} and {}: {}", onA->dpu, onA->cpuOps, onB->dpu,
                           onB->cpuOps,
                           *onA == *onB ? "it is placed alike, compiling again is all it takes"
                                        : "the difference matters for this model"));
  return success();
}

static Status writeArch(uint64_t fingerprint, DiagEngine &diags) {
  if (output.empty())
    return success();
  return writeFileAtomically(output, diags, [&](llvm::raw_ostream &os) {
    return os << fmt::format("{{\"fingerprint\":\"0x{:x}\"}}\n", fingerprint), success();
  });
}

static int fingerprint(DiagEngine &diags) {
  if (second.empty() && !model.empty())
    return diags.error("--model asks about the difference of two fingerprints, found one"), ExitBadInput;
  auto a = fingerprintOf(first, diags);
  if (!a)
    return ExitBadInput;
  auto b = second.empty() ? a : fingerprintOf(second, diags);
  if (!b)
    return ExitBadInput;
  auto fieldsOfA = describeFingerprint(*a, diags), fieldsOfB = describeFingerprint(*b, diags);
  if (!fieldsOfA || !fieldsOfB)
    return ExitBadInput;
  if (second.empty())
    printOne(*a, *fieldsOfA);
  else
    printTwo(*a, *b, *fieldsOfA, *fieldsOfB);
  if (!model.empty() && failed(printMeaning(*a, *b, diags)))
    return ExitBadInput;
  if (failed(writeArch(*b, diags)))
    return ExitBadInput;
  if (*a == *b)
    return ExitClean;
  printWrapped(llvm::outs(), "do        ",
               fmt::format("compile again with {{\"fingerprint\":\"0x{:x}\"}} as arch.json: VART refuses a file built "
                           "for another",
                           *b));
  return ExitFindings;
}

namespace dpuopt {
extern const Command FingerprintCommand;
const Command FingerprintCommand = {command, fingerprint};
} // namespace dpuopt
