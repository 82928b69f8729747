//===- Conformance.cpp - our partition against the vendor's, file by file ---------===//
#include "dpuopt/Driver/Conformance.h"
#include "FileSearch.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "dpuopt/Target/Inspector.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MD5.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>

using namespace dpuopt;
namespace path = llvm::sys::path;

const char *dpuopt::rowStatusName(RowStatus s) {
  switch (s) {
  case RowStatus::Conforms:
    return "conforms";
  case RowStatus::Differs:
    return "differs";
  case RowStatus::OtherTarget:
    return "other target";
  case RowStatus::Error:
    return "error";
  case RowStatus::Skipped:
    return "skipped";
  }
  return "";
}

namespace {
/// A quantized xmodel: somebody's source, perhaps.
struct Quantized {
  std::string file, md5, graph;
  bool used = false;
};

class Run {
public:
  explicit Run(std::vector<FoundFile> files) : files(std::move(files)) {}
  std::vector<ConformanceRow> run();

private:
  void readSources();
  void judge(const std::string &file, const Graph &g);
  bool judgeReport(const std::string &file);
  void compareSource(const ConformanceRow &row, const Graph &g, const Target &target, Quantized &q, const char *how);
  ConformanceRow &add(const std::string &file, RowStatus status, std::string reason = "");

  std::vector<FoundFile> files;
  std::vector<Quantized> sources;
  std::vector<ConformanceRow> rows;
};
} // namespace

/// The graph of a file, or null and why not.
static std::unique_ptr<Graph> load(const std::string &file, std::string &why) {
  DiagEngine quiet;
  auto g = importXmodel(file, quiet);
  if (g)
    return std::move(*g);
  why = quiet.all().empty() ? "cannot be read" : quiet.all().front().message;
  return nullptr;
}

static std::string md5Of(const std::string &file) {
  auto buffer = llvm::MemoryBuffer::getFile(file, false, false);
  if (!buffer)
    return "";
  llvm::MD5 md5;
  md5.update((*buffer)->getBuffer());
  llvm::MD5::MD5Result sum;
  md5.final(sum);
  return sum.digest().str().str();
}

ConformanceRow &Run::add(const std::string &file, RowStatus status, std::string reason) {
  ConformanceRow row;
  row.file = file;
  row.status = status;
  row.reason = std::move(reason);
  rows.push_back(std::move(row));
  return rows.back();
}

//===----------------------------------------------------------------------===//
// The target of a file

/// The release that made the file: what it says, else what its fingerprint allows, else the default.
static VitisAi releaseOf(const CompiledFacts &facts, std::string &text) {
  if (auto said = parseVitisAi(facts.compiler)) {
    text = vitisAiStr(*said);
    return *said;
  }
  if (auto last = lastReleaseOf(facts.fingerprint)) {
    text = vitisAiStr(*last) + " (by fingerprint)";
    return *last;
  }
  text = vitisAiStr(DefaultVitisAi) + " (default)";
  return DefaultVitisAi;
}

/// The target, or null and what to say about the file.
static std::shared_ptr<const Target> makeTarget(const TargetRequest &request, ConformanceRow &row) {
  DiagEngine quiet;
  auto target = makeDpuczdx8gTarget(request, quiet);
  if (target) {
    row.target = (*target)->name().str();
    return *target;
  }
  const Diagnostic &d = quiet.all().front();
  row.status = d.rule == "target.family" ? RowStatus::OtherTarget : RowStatus::Error;
  row.reason = d.message;
  return nullptr;
}

static std::shared_ptr<const Target> targetOf(const CompiledFacts &facts, ConformanceRow &row) {
  TargetRequest request;
  request.vitisAi = vitisAiStr(releaseOf(facts, row.version));
  row.target = facts.dpuName;
  request.target = facts.fingerprint ? fmt::format("{:#x}", facts.fingerprint) : facts.dpuName;
  if (!facts.dpuName.empty() && !llvm::StringRef(facts.dpuName).startswith("DPUCZDX8G")) {
    row.status = RowStatus::OtherTarget;
    row.reason = fmt::format("compiled for {}, not for a DPUCZDX8G", facts.dpuName);
    return nullptr;
  }
  if (request.target.empty()) { // no DPU subgraph at all
    request.target = "kv260";
    row.reason = "no DPU subgraph names a target: kv260 is assumed";
  }
  return makeTarget(request, row);
}

//===----------------------------------------------------------------------===//
// Sources

/// The name an op had before the compiler extended it; "" if the compiler made the op.
static llvm::StringRef sourceName(llvm::StringRef name) {
  name = name.split('(').first;
  name.consume_back("_transfer_to_depthwise_conv2d");
  return name.endswith("_reshaped") || name.contains("_inserted_") ? "" : name;
}

/// Does the quantized graph have every op of the compiled one?
static bool hasOpsOf(const Graph &compiled, const Graph &quantized) {
  llvm::StringSet<> names;
  for (const Op &op : quantized.ops())
    names.insert(xirName(op));
  unsigned found = 0;
  for (const Op &op : compiled.ops()) {
    if (op.isConst() || op.isOneOf("xir.const-fix", "xir.fix", "xir.fix2float", "xir.upload", "xir.download"))
      continue; // renamed, or made by the compiler
    std::string full = xirName(op);
    llvm::StringRef name = sourceName(full);
    if (!name.empty() && !names.contains(name))
      return false;
    found += !name.empty();
  }
  return found > 0;
}

static bool sameFolder(const std::string &a, const std::string &b) {
  return path::parent_path(a) == path::parent_path(b);
}

/// False for what the compilers of recurrent engines write: instructions in the root's attributes beside a dummy
/// tensor.
static bool hasOperators(const Graph &g) {
  return llvm::any_of(g.ops(), [](const Op &op) { return !op.isConst() && !op.isOneOf("xir.data", "xir.data-fix"); });
}

void Run::readSources() {
  for (const FoundFile &f : files) {
    std::string why;
    if (!f.wanted)
      continue;
    if (std::unique_ptr<Graph> g = load(f.path, why); g && !isCompiledGraph(*g) && hasOperators(*g))
      sources.push_back({f.path, md5Of(f.path), g->name()});
  }
}

void Run::compareSource(const ConformanceRow &row, const Graph &g, const Target &target, Quantized &q,
                        const char *how) {
  std::string why;
  std::unique_ptr<Graph> quantized = load(q.file, why);
  if (!quantized)
    return;
  q.used = true;
  ConformanceRow pair = row;
  pair.source = q.file;
  pair.reason = how;
  pair.result = compareWithCompiled(partitionGraph(*quantized, partitionFor(target)), g, true);
  pair.status = pair.result.conforms() ? RowStatus::Conforms : RowStatus::Differs;
  rows.push_back(std::move(pair));
}

//===----------------------------------------------------------------------===//
// One file

void Run::judge(const std::string &file, const Graph &g) {
  ConformanceRow row;
  row.file = file;
  CompiledFacts facts = compiledFacts(g);
  std::shared_ptr<const Target> target = targetOf(facts, row);
  if (!target) {
    rows.push_back(std::move(row));
    return;
  }
  std::unique_ptr<Graph> bare = forgetPlacement(g);
  row.result = compareWithCompiled(partitionGraph(*bare, partitionFor(*target)), g, false);
  row.status = row.result.conforms() ? RowStatus::Conforms : RowStatus::Differs;
  rows.push_back(row);
  bool found = false;
  for (Quantized &q : sources)
    if (llvm::is_contained(facts.sourceMd5, q.md5)) {
      compareSource(row, g, *target, q, "paired by files_md5sum");
      found = true;
      break; // copies of one file say the same
    }
  for (Quantized &q : sources) {
    std::string why;
    if (found || !sameFolder(q.file, file) || q.graph != g.name())
      continue;
    if (std::unique_ptr<Graph> quantized = load(q.file, why); quantized && hasOpsOf(g, *quantized)) {
      compareSource(row, g, *target, q, "paired by graph and op names");
      found = true;
    }
  }
}

/// False if the file is none of the inspector's.
bool Run::judgeReport(const std::string &file) {
  constexpr uint64_t MostBytes = uint64_t(1) << 28;
  uint64_t size = 0;
  if (!llvm::StringRef(file).endswith(".txt") || llvm::sys::fs::file_size(file, size) || size > MostBytes)
    return false;
  DiagEngine quiet;
  auto text = readFile(file, quiet);
  if (!text || !looksLikeInspectorReport(*text))
    return false;
  ConformanceRow row;
  row.file = file;
  row.isReport = true;
  row.status = RowStatus::Error;
  auto report = readInspectorReport(*text, quiet);
  auto graph = report ? graphOfReport(*report, quiet) : Result<InspectedGraph>(failure());
  if (graph) {
    row.version = vitisAiStr(report->release) + " (report)";
    row.target = report->target;
    if (auto target = makeTarget({report->target, vitisAiStr(report->release)}, row)) {
      row.result = compareWithInspector(*report, *graph, *target);
      row.status = row.result.conforms() ? RowStatus::Conforms : RowStatus::Differs;
    }
  } else {
    const Diagnostic &d = quiet.all().front();
    row.reason = fmt::format("line {}: {}", d.loc.line, d.message);
  }
  rows.push_back(std::move(row));
  return true;
}

std::vector<ConformanceRow> Run::run() {
  readSources();
  for (const FoundFile &f : files) {
    if (f.isSibling || judgeReport(f.path))
      continue;
    std::string why;
    std::unique_ptr<Graph> g = f.wanted ? load(f.path, why) : nullptr;
    if (!f.wanted)
      add(f.path, RowStatus::Skipped, "neither an xmodel nor a report of the inspector");
    else if (!g)
      add(f.path, RowStatus::Error, why);
    else if (isCompiledGraph(*g))
      judge(f.path, *g);
    else if (!hasOperators(*g))
      add(f.path, RowStatus::Skipped,
          "it has no operators to place, only tensors and attributes, as files for recurrent engines");
  }
  for (const Quantized &q : sources)
    if (!q.used && llvm::any_of(files, [&](const FoundFile &f) { return f.path == q.file && !f.isSibling; }))
      add(q.file, RowStatus::Skipped, "a quantized xmodel; none of the files here is compiled from it");
  llvm::stable_sort(rows, [](const ConformanceRow &a, const ConformanceRow &b) { return a.file < b.file; });
  return std::move(rows);
}

Result<std::vector<ConformanceRow>> dpuopt::checkConformance(llvm::ArrayRef<std::string> paths, DiagEngine &diags) {
  auto files = findFiles(paths, ".xmodel", diags);
  if (!files)
    return failure();
  return Run(std::move(*files)).run();
}
