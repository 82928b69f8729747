//===- RuntimeText.cpp - can a runtime load it? --------------------------------------===//
#include "RuntimeText.h"
#include "dpuopt/Report/Lines.h"
#include "dpuopt/Target/Conformance.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;

static int64_t batchOf(const Graph &g) {
  for (const Op &op : g.ops())
    if (op.isOneOf("xir.data", "xir.data-fix") && op.result()->type().isStatic() && op.result()->type().rank() > 1)
      return op.result()->type().dim(0);
  return 0;
}

/// A fix on the CPU has to round as cpu_task does.
static std::string badRounding(const Op &op) {
  if (!op.isOneOf("xir.fix", "xir.float2fix"))
    return "";
  std::string mode = op.getString("round_mode", "DPU_ROUND");
  return mode == "DPU_ROUND" ? "" : mode;
}

LoadedModel dpuopt::loadedModel(const Graph &g, const Partition &p) {
  LoadedModel m;
  m.dpuSubgraphs = p.count(Device::Dpu);
  m.batch = batchOf(g);
  for (const FusedOp &op : p.fused->ops)
    if (op.device == Device::Cpu)
      m.cpuOps.push_back(
          {op.name, op.kind, op.kind == "fix2float" && op.users.empty(), op.anchor ? badRounding(*op.anchor) : ""});
  return m;
}

static const Attr *member(const Attr &dict, llvm::StringRef key) {
  if (!dict.is(AttrKind::Dict) && !dict.is(AttrKind::Map))
    return nullptr;
  auto it = dict.asMap().find(std::string_view(key.data(), key.size()));
  return it == dict.asMap().end() ? nullptr : &it->second;
}

/// Names of the ops in CPU subgraphs; counts the DPU ones.
static llvm::StringSet<> cpuOpNames(const Graph &g, unsigned &dpu) {
  llvm::StringSet<> names;
  const Attr *list = g.attr("subgraphs");
  if (!list || !list->is(AttrKind::List))
    return names;
  for (const Attr &s : list->asList()) {
    const Attr *attrs = member(s, "attrs"), *ops = member(s, "ops");
    const Attr *device = attrs ? member(*attrs, "device") : nullptr;
    if (!device || !device->is(AttrKind::String))
      continue;
    dpu += device->asString() == "DPU";
    if (device->asString() == "CPU" && ops && ops->isStringList())
      for (const std::string &name : ops->asStrings())
        names.insert(name);
  }
  return names;
}

LoadedModel dpuopt::loadedModel(const Graph &g) {
  LoadedModel m;
  CompiledFacts facts = compiledFacts(g);
  m.fingerprint = facts.fingerprint;
  m.compiler = parseVitisAi(facts.compiler);
  m.batch = batchOf(g);
  llvm::StringSet<> cpu = cpuOpNames(g, m.dpuSubgraphs);
  for (const Op &op : g.ops()) {
    if (!cpu.contains(xirName(op)) || op.isConst() || op.isOneOf("xir.const", "xir.const-fix"))
      continue;
    bool isOutput = op.is("xir.fix2float") && (op.result()->unused() || op.result()->isGraphOutput());
    m.cpuOps.push_back({xirName(op), xirType(op).str(), isOutput, badRounding(op)});
  }
  return m;
}

/// "  [FAIL] "
static constexpr size_t VerdictWidth = 9;

bool dpuopt::printRuntime(const RuntimeProfile &profile, const LoadedModel &model, llvm::raw_ostream &os) {
  os << "\nruntime   " << profile.str() << '\n';
  bool good = true;
  for (const RuntimeCheck &c : checkRuntime(profile, model)) {
    bool fails = c.verdict == RuntimeCheck::Fail;
    good &= !fails;
    os.changeColor(fails                             ? llvm::raw_ostream::RED
                   : c.verdict == RuntimeCheck::Warn ? llvm::raw_ostream::YELLOW
                                                     : llvm::raw_ostream::GREEN);
    os << fmt::format("  {:<6} ", fails ? "[FAIL]" : c.verdict == RuntimeCheck::Warn ? "[warn]" : "[ok]");
    os.resetColor();
    printWrapped(os, "", fmt::format("{} [{}]", c.text, c.id), VerdictWidth);
  }
  return good;
}
