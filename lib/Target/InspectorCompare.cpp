//===- InspectorCompare.cpp - our devices against the inspector's -----------===//
#include "dpuopt/Target/Inspector.h"
#include <fmt/format.h>

using namespace dpuopt;

static SubgraphCounts &operator+=(SubgraphCounts &c, llvm::StringRef device) {
  ++(device == "user" ? c.user : device == "dpu" ? c.dpu : c.cpu);
  return c;
}

/// The inspector tries an op without its activation when the two together are refused.
static bool onlyItsActivationFails(const Placement &where, const FusedOp *fused, const Op &op) {
  bool aboutActivation = !where.broken.empty() && llvm::all_of(where.broken, [](const BrokenRule &b) {
    llvm::StringRef id = b.rule->id;
    return id == "leaky-relu.alpha" || id == "fuse.activation";
  });
  return aboutActivation && fused && fused->activationOp && fused->activationOp != &op;
}

namespace {
class Comparison {
public:
  Comparison(const InspectorReport &report, const InspectedGraph &graph, const Target &target)
      : report(report), inspected(graph), p(partitionGraph(*graph.graph, partitionFor(target))) {
    for (const FusedOp &f : p.fused->ops)
      for (const Op *m : f.members)
        fusedOf[m] = &f;
  }
  Conformance run();

private:
  std::string deviceOf(const Op &op) const;
  void explain(Disagreement &d, llvm::ArrayRef<const Op *> ops) const;
  const char *knownCause(const InspectedNode &node, const Op &op) const;
  void compare(unsigned n);

  const InspectorReport &report;
  const InspectedGraph &inspected;
  Partition p;
  llvm::DenseMap<const Op *, const FusedOp *> fusedOf;
  Conformance result;
};
} // namespace

std::string Comparison::deviceOf(const Op &op) const {
  const Placement &where = p.of(op);
  if (where.device == Device::User)
    return "user";
  if (where.device == Device::Dpu || onlyItsActivationFails(where, fusedOf.lookup(&op), op))
    return "dpu";
  return "cpu";
}

void Comparison::explain(Disagreement &d, llvm::ArrayRef<const Op *> ops) const {
  for (const Op *op : ops)
    for (const BrokenRule &b : p.of(*op).broken) {
      d.rule += (d.rule.empty() ? "" : ", ") + std::string(b.rule->id);
      d.because += (d.because.empty() ? "" : "; ") + b.message();
    }
}

/// Where the inspector is known to differ from the compiler, and how that is known; null: nowhere.
const char *Comparison::knownCause(const InspectedNode &node, const Op &op) const {
  if (node.type == "tensor_mul" && node.device == "cpu" &&
      node.constraint.find("converted to XIR") != std::string::npos)
    return "the inspector cannot convert a tensor_mul; the compiler runs it as a product, a compiled file shows it";
  const FusedOp *f = fusedOf.lookup(&op);
  if (op.isOneOf("xir.avgpool2d", "xir.maxpool2d") && f && f->anchor != &op)
    return "the compiler removes a pool that changes nothing; the inspector places it by itself";
  return nullptr;
}

void Comparison::compare(unsigned n) {
  const InspectedNode &node = report.nodes[n];
  llvm::ArrayRef<const Op *> ops = inspected.ops[n];
  std::string got = "dpu", expected = node.device;
  bool placed = llvm::any_of(ops, [&](const Op *op) { return p.of(*op).subgraph >= 0; });
  for (const Op *op : ops)
    if (std::string d = deviceOf(*op); d != "dpu")
      got = d;
  // 2.5 says dpu of inputs; a constant that nothing reads has no place.
  if ((got == "user" && expected == "dpu") || !placed)
    expected = got;
  ++result.ops;
  result.expected += expected;
  result.got += got;
  if (got == expected)
    return;
  Disagreement d;
  d.kind = "device";
  d.subject = fmt::format("{} ({})", node.name, node.type);
  d.expected = expected + (node.constraint.empty() ? "" : fmt::format(" ({})", node.constraint));
  d.got = got;
  explain(d, ops);
  if (const char *why = knownCause(node, *ops.back()))
    d.known = why;
  result.differences.push_back(std::move(d));
}

Conformance Comparison::run() {
  for (unsigned n = 0; n < report.nodes.size(); ++n)
    compare(n);
  return std::move(result);
}

Conformance dpuopt::compareWithInspector(const InspectorReport &report, const InspectedGraph &graph,
                                         const Target &target) {
  return Comparison(report, graph, target).run();
}
