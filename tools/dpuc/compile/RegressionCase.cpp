//===- RegressionCase.cpp - where a compiler does something else, for a report --------===//
#include "RegressionCase.h"
#include "dpuopt/Reduce/Reduce.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {

using Chosen = llvm::DenseSet<unsigned>; // indices in FusedGraph::ops

/// Copies some ops of a graph; what the others make becomes an input.
class PieceCopy {
public:
  PieceCopy(const Graph &whole, const CaseOptions &options)
      : whole(whole), options(options), piece(std::make_unique<Graph>(whole.name())) {}
  std::unique_ptr<Graph> run(const llvm::DenseSet<const Op *> &kept);

private:
  Value *read(const Value *v);
  Value *copy(const Op &op);
  Value *constant(const Value *v);
  Value *input(const Value *v);

  const Graph &whole;
  const CaseOptions &options;
  std::unique_ptr<Graph> piece;
  llvm::DenseMap<const Value *, Value *> made;
  uint64_t seed = 0;
};

/// Constants and what is computed from them alone.
bool isConstant(const Value *v, unsigned depth = 0) {
  constexpr unsigned MaxDepth = 16;
  const Op *op = v ? v->def() : nullptr;
  if (!op || op->isConst() || depth == MaxDepth)
    return op && op->isConst();
  return op->numOperands() > 0 &&
         llvm::all_of(op->operands(), [&](const Value *from) { return !from || isConstant(from, depth + 1); });
}

Value *PieceCopy::copy(const Op &op) {
  std::vector<Value *> operands;
  for (const Value *v : op.operands())
    operands.push_back(read(v));
  const Value &v = *op.result();
  return piece->create({op.name().str(), std::move(operands), {{v.name(), v.type()}}, op.attrs(), op.loc()})->result();
}

Value *PieceCopy::constant(const Value *v) {
  const Op &op = *v->def();
  if (!op.isConst())
    return copy(op);
  const Tensor &t = *op.getTensor("value");
  // Only what is rounded is a weight: other constants are shapes and the like.
  const bool isWeight =
      t.elemType() == ElemKind::F32 && llvm::any_of(v->uses(), [](const Use &u) { return u.user->is("xir.fix"); });
  return piece->createConst(v->name(), isWeight && !options.keepWeights ? randomLike(t, seed++) : t, nullptr, op.loc());
}

/// An input under the same name, with the fix point that it has in the whole.
Value *PieceCopy::input(const Value *v) {
  const Type &t = v->type();
  const AttrMap attrs = {{"shape", Attr::i32s(t.shape())}, {"data_type", Attr::string("FLOAT32")}};
  const std::string name = t.isFix() ? v->name() + "_case_input" : v->name();
  Value *data = piece->create({"xir.data", {}, {{name, t.withElem(ElemKind::F32)}}, attrs})->result();
  if (!t.isFix())
    return data;
  return piece->create({"xir.fix", {data}, {{v->name(), t}}, {{"round_mode", Attr::string("DPU_ROUND")}}})->result();
}

Value *PieceCopy::read(const Value *v) {
  if (!v)
    return nullptr;
  if (auto it = made.find(v); it != made.end())
    return it->second;
  Value *copy = isConstant(v) ? constant(v) : input(v);
  return made[v] = copy;
}

std::unique_ptr<Graph> PieceCopy::run(const llvm::DenseSet<const Op *> &kept) {
  for (const Op &op : whole.ops()) {
    if (!kept.count(&op) || op.numResults() != 1 || isConstant(op.result()))
      continue;
    made[op.result()] = copy(op);
  }
  std::vector<Value *> outputs;
  for (Op &op : piece->ops())
    if (op.unused() && op.numResults() == 1)
      outputs.push_back(op.result());
  piece->setOutputs(outputs);
  return std::move(piece);
}

/// The predicted ops that the check is about, by any of their names.
Chosen differingOps(const Partition &p, const CompiledCheck &check) {
  llvm::StringSet<> names;
  for (const Disagreement &d : check.partition.differences)
    if (d.known.empty() && (d.kind == "device" || d.kind == "op"))
      names.insert(d.subject);
  for (const CheckedItem &item : check.items)
    for (const std::string &name : item.values)
      names.insert(name);
  Chosen found;
  for (unsigned n = 0; n < p.fused->ops.size(); ++n) {
    const FusedOp &op = p.fused->ops[n];
    bool named = names.count(op.name) || names.count(op.tensor);
    for (const Op *c : op.consts)
      named |= names.count(c->result()->name()) != 0;
    if (named && op.anchor)
      found.insert(n);
  }
  // A boundary is another one because the ops at it went elsewhere.
  const bool devices = llvm::any_of(check.partition.differences, [](auto &d) { return d.kind == "device"; });
  for (const TransferOp &t : p.transfers)
    if (!devices && names.count(t.name))
      found.insert(t.source);
  return found;
}

void addNeighbours(const Partition &p, Chosen &chosen) {
  Chosen more = chosen;
  for (unsigned n : chosen)
    for (const auto *neighbours : {&p.fused->ops[n].inputs, &p.fused->ops[n].users})
      for (unsigned other : *neighbours)
        more.insert(other);
  chosen = std::move(more);
}

llvm::DenseSet<const Op *> membersOf(const Partition &p, const Chosen &chosen) {
  llvm::DenseSet<const Op *> ops;
  for (unsigned n : chosen)
    ops.insert(p.fused->ops[n].members.begin(), p.fused->ops[n].members.end());
  return ops;
}

std::map<std::string, Device> devicesOf(const Partition &p) {
  std::map<std::string, Device> devices;
  for (const FusedOp &op : p.fused->ops)
    devices[op.name] = op.device;
  return devices;
}

} // namespace

std::optional<CasePiece> dpuopt::caseOf(const Graph &quantized, const Target &target, const CompiledCheck &check,
                                        const CaseOptions &options) {
  constexpr unsigned MostSteps = 4; // then the whole model
  const Partition p = partitionGraph(quantized, partitionFor(target));
  const Chosen differing = differingOps(p, check);
  if (differing.empty() && check.partition.conforms())
    return std::nullopt;
  CasePiece piece;
  for (const FusedOp &op : p.fused->ops)
    piece.of += op.anchor != nullptr;
  Chosen chosen = differing;
  for (unsigned step = 1;; ++step) {
    addNeighbours(p, chosen);
    const bool whole = differing.empty() || step > MostSteps;
    for (unsigned n = 0; whole && n < p.fused->ops.size(); ++n)
      chosen.insert(n);
    piece.graph = PieceCopy(quantized, options).run(membersOf(p, chosen));
    const Partition again = partitionGraph(*piece.graph, partitionFor(target));
    const auto devices = devicesOf(again);
    const bool same = llvm::all_of(differing, [&](unsigned n) {
      auto it = devices.find(p.fused->ops[n].name);
      return it != devices.end() && it->second == p.fused->ops[n].device;
    });
    if (!same && !whole)
      continue;
    piece.dpuSubgraphs = again.count(Device::Dpu);
    break;
  }
  for (unsigned n : chosen)
    piece.ops += p.fused->ops[n].anchor != nullptr;
  for (unsigned n = 0; n < p.fused->ops.size(); ++n)
    if (const FusedOp &op = p.fused->ops[n]; differing.count(n))
      piece.differing.push_back(op.anchor && !op.anchor->loc().node.empty()
                                    ? fmt::format("{} ({})", op.name, op.anchor->loc().node)
                                    : op.name);
  return piece;
}
