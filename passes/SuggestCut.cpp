//===- SuggestCut.cpp - where a model could be cut so that the DPU runs the rest --===//
//
// The graph is lowered with placeholder fix points and partitioned; devices come back
// to the onnx ops by node name.
//
//===----------------------------------------------------------------------===//
#include "SuggestCut.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "dpuopt/Target/Partition.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

namespace dpuopt {
namespace {

constexpr size_t MostCuts = 32;

/// Not if it is a float op for its readers' sake alone: cut behind it, it has none.
bool staysOff(const Placement &p) {
  return p.broken.empty() ||
         llvm::any_of(p.broken, [](const BrokenRule &b) { return b.rule->id != llvm::StringRef("op.not-quantized"); });
}

/// Names of nodes with an op that is not on the DPU.
std::optional<llvm::StringSet<>> nodesOffDpu(const Graph &g, const TargetRequest &request) {
  DiagEngine silent;
  auto target = makeDpuczdx8gTarget(request, silent);
  auto pipeline = parsePipeline("assume-fix-points,lower-to-xir", allPasses(), silent);
  std::unique_ptr<Graph> lowered = g.clone();
  if (!target || !pipeline || failed(runPipeline(lowered, *pipeline, {}, silent)))
    return std::nullopt;
  Partition p = partitionGraph(*lowered, partitionFor(**target));
  llvm::StringSet<> off;
  for (const Op &op : lowered->ops())
    if (!op.isConst() && p.of(op).device == Device::Cpu && staysOff(p.of(op)))
      off.insert(op.loc().node);
  return off;
}

} // namespace

std::vector<std::string> suggestCut(const Graph &g, const TargetRequest &request) {
  auto off = nodesOffDpu(g, request);
  std::vector<std::string> cuts;
  if (!off)
    return cuts;
  llvm::DenseSet<const Op *> good;
  for (const Op &op : g.ops()) {
    bool fed = llvm::all_of(
        op.operands(), [&](const Value *v) { return !v || !v->def() || v->def()->isConst() || good.count(v->def()); });
    if (!op.isConst() && fed && !op.loc().node.empty() && !off->count(op.loc().node))
      good.insert(&op);
  }
  bool cutsAny = false;
  for (const Op &op : g.ops()) {
    if (!good.count(&op))
      continue;
    for (const Value *r : op.results()) {
      bool read = llvm::any_of(r->uses(), [&](const Use &u) { return !u.user->isReturn() && good.count(u.user); });
      bool left = llvm::any_of(r->uses(), [&](const Use &u) { return !u.user->isReturn() && !good.count(u.user); });
      if (!read && (left || r->isGraphOutput()))
        cuts.push_back(r->name()), cutsAny |= left;
    }
  }
  return cutsAny && cuts.size() <= MostCuts ? cuts : std::vector<std::string>();
}

} // namespace dpuopt
