//===- Dot.cpp - the graph in Graphviz's language ---------------------------------------===//
//
// DPU subgraphs are clusters, colours say the device. The same graph gives the same text.
//
//===----------------------------------------------------------------------===//
#include "Edges.h"
#include "dpuopt/Report/Formats.h"
#include "dpuopt/Report/Lines.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include <fmt/format.h>

using namespace dpuopt;

/// Characters of a name in a node.
static constexpr size_t NameLength = 28;

std::vector<std::pair<unsigned, unsigned>> dpuopt::edgesOf(const ModelReport &r, const Graph &g) {
  llvm::StringMap<unsigned> byName;
  for (unsigned i = 0; i < r.ops.size(); ++i)
    byName[r.ops[i].name] = i;
  llvm::DenseMap<const Op *, std::vector<unsigned>> reaches; ///< by op: the reported ops its result comes from
  std::vector<std::pair<unsigned, unsigned>> edges;
  for (const Op &op : g.ops()) {
    std::vector<unsigned> from;
    for (const Value *v : op.operands())
      if (v && v->def())
        for (unsigned n : reaches.lookup(v->def()))
          if (!llvm::is_contained(from, n))
            from.push_back(n);
    auto it = byName.find(xirName(op));
    bool isNode = it != byName.end() && !op.is("xir.fix") && !op.isConst();
    if (!isNode) {
      reaches[&op] = std::move(from);
      continue;
    }
    for (unsigned n : from)
      if (n < it->second)
        edges.push_back({n, it->second});
    reaches[&op] = {it->second};
  }
  return edges;
}

static std::string quoted(llvm::StringRef text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

static std::string node(const ReportedOp &op, size_t i) {
  llvm::StringRef colours = llvm::StringSwitch<llvm::StringRef>(op.device)
                                .Case("DPU", "fillcolor=\"#cfe8d5\", color=\"#4c8a5c\"")
                                .Case("CPU", "fillcolor=\"#f6c9c0\", color=\"#b4533c\"")
                                .Default("fillcolor=\"#dfe3ea\", color=\"#56606f\"");
  std::string label = quoted(op.type);
  label.insert(label.size() - 1, "\\n");
  label.insert(label.size() - 1, llvm::StringRef(quoted(shortened(op.node.empty() ? op.name : op.node, NameLength)))
                                     .drop_front()
                                     .drop_back()
                                     .str());
  return fmt::format("n{} [label={}, {}];\n", i, label, colours.str());
}

std::string dpuopt::reportDot(const ModelReport &r, const Graph &g) {
  std::string out = fmt::format("digraph {} {{\n  node [shape=box, style=\"filled,rounded\", fontname=\"sans-serif\", "
                                "fontsize=11];\n  edge [color=\"#8a93a3\"];\n",
                                quoted(r.graph));
  std::vector<std::string> clusters(r.subgraphs.size());
  for (size_t i = 0; i < r.ops.size(); ++i) {
    int s = r.ops[i].subgraph;
    bool inside = r.ops[i].device == "DPU" && s >= 0 && size_t(s) < clusters.size();
    (inside ? clusters[s] : out) += (inside ? "    " : "  ") + node(r.ops[i], i);
  }
  for (size_t s = 0; s < clusters.size(); ++s)
    if (!clusters[s].empty())
      out += fmt::format("  subgraph cluster_{} {{\n    label={}; bgcolor=\"#e9f5ec\"; color=\"#6fae83\"; "
                         "fontname=\"sans-serif\"; fontsize=9;\n{}  }}\n",
                         s, quoted(r.subgraphs[s].name), clusters[s]);
  for (auto [from, to] : edgesOf(r, g))
    out += fmt::format("  n{} -> n{};\n", from, to);
  return out + "}\n";
}
