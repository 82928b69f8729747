//===- CompilerStep.cpp - the vendor's compiler as a step of dpuc compile --------------===//
#include "CompilerStep.h"
#include "Command.h"
#include "CompiledCheck.h"
#include "RegressionCase.h"
#include "dpuopt/Support/Printable.h"
#include "dpuopt/Support/Version.h"
#include "dpuopt/Support/Zip.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include <fmt/format.h>

using namespace dpuopt;
namespace fs = llvm::sys::fs;

/// The folder that is the compiler's, in ours: what else it leaves there, or beside it, goes with it.
static constexpr const char *Room = "vai_c_xir", *Own = "vai_c_xir/run";

/// The compiler may be a script, or at the other end of an ssh: it gets no name that means something to a shell.
static std::string plainName(llvm::StringRef name) {
  const bool plain = llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '-' || c == '.'; });
  return plain && !name.empty() && name[0] != '-' && name[0] != '.' ? name.str() : "model";
}

namespace {

class Step {
public:
  Step(const CompilerStepInput &input, OutputFolder &folder, DiagEngine &diags)
      : input(input), folder(folder), diags(diags), called(plainName(input.name)), xmodel(called + ".xmodel") {}
  Result<CompilerStepResult> run();

private:
  std::string own(const std::string &leaf) const { return pathIn(folder.file(Own), leaf); }
  std::string whatFailed() const;
  std::string whatIsNoModel();
  Status cannotWrite(const std::string &file, std::error_code ec);
  void saysWhy(const std::string &why);
  Status prepare();
  Status take();
  Status verify();
  Status differs(const CompiledCheck &check);
  Status writeCase(const CasePiece &piece, const std::string &difference);
  void sayMessages();

  const CompilerStepInput &input;
  OutputFolder &folder;
  DiagEngine &diags;
  std::string called, xmodel; ///< the model and what is made of it, to the compiler
  CompilerRun done;
  CompilerStepResult result;
};

/// Where the model has the ops that a compiler calls by these names, and on which device they were expected.
struct KnownOp {
  Location loc;
  Device device;
};
llvm::StringMap<KnownOp> knownOps(const Partition &p) {
  llvm::StringMap<KnownOp> known;
  for (const FusedOp &op : p.fused->ops) {
    if (!op.anchor)
      continue;
    known.insert({op.name, {op.anchor->loc(), op.device}});
    known.insert({op.tensor, {op.anchor->loc(), op.device}});
    for (const auto *list : {&op.members, &op.consts})
      for (const Op *m : *list)
        known.insert({xirName(*m), {m->loc().node.empty() ? op.anchor->loc() : m->loc(), op.device}});
  }
  return known;
}

} // namespace

//===-- It made nothing ------------------------------------------------------------------===//

std::string Step::whatFailed() const {
  const ProcessResult &p = done.process;
  if (p.exitCode == -1)
    return fmt::format("cannot run '{}': {}", input.compiler.path(), p.failure);
  return p.exitCode == 0 ? ""
                         : fmt::format("vai_c_xir failed ({}), see {}",
                                       p.failure.empty() ? fmt::format("exit {}", p.exitCode) : p.failure,
                                       folder.shown("vai_c_xir.log"));
}

/// Its exit status says nothing: it is 0 for an empty graph, too.
std::string Step::whatIsNoModel() {
  if (!fs::exists(own(xmodel)))
    return fmt::format("vai_c_xir made no {}, though its exit status is 0", xmodel);
  if (!fs::is_regular_file(own(xmodel)) || fs::is_symlink_file(own(xmodel)))
    return fmt::format("vai_c_xir made a {} that is no file", xmodel);
  DiagEngine silent;
  auto graph = importXmodel(own(xmodel), silent);
  if (!graph)
    return "vai_c_xir made no xmodel that can be read" +
           (silent.all().empty() ? "" : ": " + silent.all().front().message);
  if (!isCompiledGraph(**graph))
    return "vai_c_xir made an xmodel that is not compiled";
  result.compiled = std::move(*graph);
  return "";
}

/// With what its log says that is known.
void Step::saysWhy(const std::string &why) {
  constexpr size_t MostNotes = 10;
  result.said = why;
  result.status = ExitBadInput;
  DiagBuilder error = diags.error(why);
  error.rule(done.process.exitCode == -1 ? "compiler.missing" : "compiler.failed");
  llvm::StringSet<> said;
  for (const CompilerMessage &m : done.messages)
    if (m.severity != "WARNING" && said.size() < MostNotes && said.insert(m.text).second)
      error.note(m.explanation.empty() ? m.text : fmt::format("{} (dpuc explain {})", m.text, m.explanation));
  if (done.process.timedOut && !done.flooded)
    error.note("--compiler-timeout gives it more time");
}

//===-- It made something ------------------------------------------------------------------===//

/// What the compiler says of the ops of the model. News is what is on the CPU and was not expected there.
void Step::sayMessages() {
  constexpr unsigned Most = 20;
  const auto known = knownOps(partitionGraph(input.quantized, partitionFor(input.target)));
  llvm::StringSet<> said;
  unsigned warnings = 0, more = 0;
  for (const CompilerMessage &m : done.messages) {
    if (!said.insert(m.text).second)
      continue;
    auto op = known.find(m.op);
    const bool expected = op != known.end() && op->second.device == Device::Cpu;
    const bool matters = m.severity != "WARNING" || (m.explanation == "assigned-to-cpu" && !expected);
    if (matters && ++warnings > Most && ++more)
      continue;
    const Location loc = op == known.end() ? Location() : op->second.loc;
    const std::string text = "vai_c_xir: " + m.text, rule = m.explanation.empty() ? "compiler.message" : m.explanation;
    matters ? void(diags.warning(loc, text).rule(rule)) : void(diags.remark(loc, text).rule(rule));
  }
  if (more)
    diags.warning(fmt::format("vai_c_xir: {} more warnings in {}", more, folder.shown("vai_c_xir.log")))
        .rule("compiler.message");
}

/// meta.json and md5sum.txt are still its own: it says there what it thinks it made.
Status Step::verify() {
  auto check = checkCompiled({input.quantized, folder.file(input.name + "_int.xmodel")},
                             {*result.compiled, own(xmodel)}, input.target, {.expectDpu = input.expectDpu}, diags);
  if (!check)
    return failure();
  sayMessages();
  if (!check->good())
    return differs(*check);
  const unsigned dpu = check->partition.expected.dpu;
  const bool executed = llvm::any_of(check->items, [](auto &i) { return i.what == "results" && i.looked; });
  result.said = fmt::format("compiled: {} DPU subgraph{}, as predicted; fix points, weights{} unchanged", dpu,
                            dpu == 1 ? "" : "s", executed ? " and results" : " (not executed)");
  return success();
}

Status Step::differs(const CompiledCheck &check) {
  constexpr size_t MostDetails = 5;
  result.status = ExitFindings;
  std::string text;
  llvm::raw_string_ostream os(text);
  printCompiledCheck(check, SIZE_MAX, os);
  result.said = "what vai_c_xir made is not what it was to be:\n" + os.str();
  const std::string all = fmt::format("target    {} {:#x}\ncompiler  xcompiler {}\nby        {}\ncommand   {}\n\n{}",
                                      input.target.name().str(), input.target.fingerprint(),
                                      compiledFacts(*result.compiled).compiler, productVersion(), input.command, text);
  DiagBuilder error = diags.error("what vai_c_xir made is not what it was to be");
  error.rule("compiler.other");
  for (const CheckedItem &item : check.items) {
    if (item.good)
      continue;
    error.note(item.what + ": " + item.text);
    for (const std::string &detail : llvm::ArrayRef<std::string>(item.details).take_front(MostDetails))
      error.note("  " + detail);
  }
  error.note(folder.shown("difference.txt") + " has all of it");
  auto written = folder.write("difference.txt", diags, [&](llvm::raw_ostream &out) { out << all; });
  if (failed(written))
    return failure();
  auto piece = caseOf(input.quantized, input.target, check, {input.keepWeights});
  if (!piece)
    return success();
  error.note(fmt::format("{} is for a report: {} of {} ops, {} weights", folder.shown(input.name + ".case.zip"),
                         piece->ops, piece->of, input.keepWeights ? "with their" : "without their"));
  return writeCase(*piece, all);
}

/// Words for whoever gets it. The piece has not been compiled: what it shows is a guess.
static std::string caseNote(const CasePiece &piece, const std::string &difference, bool weights) {
  std::string text = "vai_c_xir made something else of a model than dpuopt predicts.\n\n" + difference;
  text += fmt::format(
      "\ncase_int.xmodel   {} of the {} ops of the model, predicted to be {} DPU subgraph{}; weights are {}\n",
      piece.ops, piece.of, piece.dpuSubgraphs, piece.dpuSubgraphs == 1 ? "" : "s",
      weights ? "the model's" : "random numbers of the same range");
  text += "arch.json         the target\nvai_c_xir.log     of the whole model: with names of its ops and files\n\n"
          "  vai_c_xir -x case_int.xmodel -a arch.json -o out -n case\n"
          "  dpuc verify case_int.xmodel out/case.xmodel\n\nThe ops it is about:\n";
  for (const std::string &name : piece.differing)
    text += "  " + printable(name) + "\n";
  return text;
}

Status Step::writeCase(const CasePiece &piece, const std::string &difference) {
  const std::string file = own("case_int.xmodel"); // in the archive only
  if (failed(exportXmodel(*piece.graph, file, diags)))
    return failure();
  std::vector<ZipFile> files = {{"README.txt", Blob::copy(caseNote(piece, difference, input.keepWeights))}};
  for (auto [name, path] : {std::pair("case_int.xmodel", file),
                            {"arch.json", folder.file("arch.json")},
                            {"vai_c_xir.log", folder.file("vai_c_xir.log")}}) {
    auto bytes = Blob::mapFile(path, diags);
    if (!bytes)
      return failure();
    files.push_back({std::string("case/") + name, std::move(*bytes)});
  }
  files[0].name = "case/README.txt";
  return folder.write(input.name + ".case.zip", diags, [&](llvm::raw_ostream &os) { (void)writeZip(files, os); });
}

Status Step::cannotWrite(const std::string &file, std::error_code ec) {
  return diags.error("cannot write '" + file + "': " + ec.message()).file(file);
}

/// What it reads is in its folder, too, under the name it gets to see.
Status Step::prepare() {
  const std::string from = folder.file(input.name + "_int.xmodel"), to = own(called + "_int.xmodel");
  std::error_code ec = fs::create_directories(folder.file(Own));
  if (!ec && fs::create_hard_link(from, to)) // not every file system has them
    ec = fs::copy_file(from, to);
  if (!ec)
    ec = fs::copy_file(folder.file("arch.json"), own("arch.json"));
  return ec ? cannotWrite(folder.name(), ec) : success();
}

Status Step::take() {
  const std::string leaf = input.name + ".xmodel";
  std::error_code ec = fs::rename(own(xmodel), folder.note(leaf));
  return ec ? cannotWrite(folder.shown(leaf), ec) : success();
}

Result<CompilerStepResult> Step::run() {
  if (failed(prepare()))
    return failure();
  done =
      input.compiler.run({"-x", called + "_int.xmodel", "-a", "arch.json", "-o", ".", "-n", called}, folder.file(Own));
  if (failed(folder.write("vai_c_xir.log", diags,
                          [&](llvm::raw_ostream &os) { os << done.process.out << done.process.err; })))
    return failure();
  std::string why = whatFailed();
  if (why.empty())
    why = whatIsNoModel();
  if (!why.empty())
    saysWhy(why);
  const Status settled = !why.empty() ? success() : succeeded(verify()) ? take() : failure();
  fs::remove_directories(folder.file(Room));
  if (failed(settled))
    return failure();
  return std::move(result);
}

Result<CompilerStepResult> dpuopt::runCompilerStep(const CompilerStepInput &input, OutputFolder &folder,
                                                   DiagEngine &diags) {
  return Step(input, folder, diags).run();
}
