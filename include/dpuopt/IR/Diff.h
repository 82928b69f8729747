//===- Diff.h - what two graphs do differently --------------------------------===//
//
// Ops are paired by name, and what is left by structure (the same place relative to
// ops that are paired), so that graphs that are equal but for their names pair up
// completely. Everything a pair does not agree in is one Difference. This compares
// what the graphs say, not what they compute. Linear time; the same answer each time.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_IR_DIFF_H
#define DPUOPT_IR_DIFF_H

#include "dpuopt/IR/Graph.h"
#include <array>
#include <optional>
#include <set>

namespace dpuopt {

/// What a difference is about; the order is that of reports.
enum class DiffKind : uint8_t {
  OnlyInA,
  OnlyInB,
  Names,        ///< of ops, of their results, of ONNX nodes, of the graph
  OpTypes,      ///< "conv2d" and "conv2d-fix"
  Shapes,       ///< of results
  ElementTypes, ///< of results
  FixPoints,    ///< width, position, sign, round mode
  Operands,     ///< the op reads something else; outputs of the graph too
  Attributes,   ///< missing, of another kind, another value; also the graph's own
  Constants,    ///< numbers
  Order,        ///< ops, inputs or subgraphs come in another order
  Subgraphs,    ///< members, devices, attributes
};
constexpr size_t NumDiffKinds = size_t(DiffKind::Subgraphs) + 1;
/// "only-in-a", "names", "op-types", ...: for options, reports and JSON.
llvm::StringRef diffKindName(DiffKind kind);

struct DiffOptions {
  /// Pair by structure alone, names say nothing (TorchScript numbers them by chance).
  bool ignoreNames = false;
  std::set<DiffKind> ignored;              ///< differences of these kinds do not count
  std::set<std::string> ignoredAttributes; ///< of ops, the graph, subgraphs; also inside dictionaries
};

/// How the numbers of two constants of one shape differ.
struct ConstantDelta {
  uint64_t hashA = 0, hashB = 0;
  int64_t elements = 0, differing = 0;
  double largest = 0; ///< largest absolute difference, in `unit`
  bool inLsb = false; ///< is the unit a step of the fix point? else the number itself
  struct Element {
    int64_t index;
    double a, b;
  };
  std::vector<Element> first; ///< the first few that differ
};

struct Difference {
  DiffKind kind;
  std::string where; ///< op (its name in A, or the only one it has), subgraph, or "graph"
  std::string what;  ///< "attribute 'pad'", "operand 1 (weights)", ...
  std::string a, b;  ///< what it is in A and in B; empty where there is nothing
  std::optional<ConstantDelta> constant;
};

struct GraphDiff {
  std::vector<Difference> differences; ///< by kind, then in A's op order
  size_t opsInA = 0, opsInB = 0;
  size_t pairedByName = 0, pairedByStructure = 0;

  bool same() const { return differences.empty(); }
  size_t count(DiffKind kind) const;
};

GraphDiff diffGraphs(const Graph &a, const Graph &b, const DiffOptions &options = {});

} // namespace dpuopt
#endif
