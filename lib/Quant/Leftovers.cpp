//===- Leftovers.cpp - keys that no rule bound, and values that got none ------------===//
#include "KeyBinder.h"
#include <fmt/format.h>

namespace dpuopt {

/// Keys, values and characters that the search for near names looks at.
static constexpr size_t MaxExplained = 24, MaxCandidates = 1000, MaxCompared = 128;

/// What the user may have meant: the nearest names of values without a key, first those of the same kind and module.
std::vector<std::string> KeyBinder::nearest(size_t row) const {
  auto end = [](llvm::StringRef name) { return name.take_back(MaxCompared); };
  std::vector<std::pair<unsigned, const Value *>> near;
  auto consider = [&](const Value *v, bool fits) {
    if (!taken.count(v) && near.size() < MaxCandidates && (near.empty() || near.back().second != v))
      near.push_back({end(keys[row].rest).edit_distance(end(v->name())) + (fits ? 0 : MaxCompared), v});
  };
  const bool param = rows[row].section == QuantBinding::Param;
  for (const ParamSite &site : sites.params)
    if (param)
      consider(site.value, true);
  for (const NodeSite &node : sites.nodes)
    if (!param && node.holds())
      consider(node.holder, compatible(keys[row].kind, node.kind) && fitsScope(keys[row], node, Scope::Unknown));
  llvm::stable_sort(near, [](const auto &a, const auto &b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (const auto &[distance, v] : llvm::makeArrayRef(near).take_front(3))
    names.push_back(v->name());
  return names;
}

/// What stands in the way.
void KeyBinder::explain(size_t row, bool inDetail) {
  QuantBinding &b = rows[row];
  if (inDetail)
    b.candidates = nearest(row);
  if (!b.problem.empty())
    return;
  const bool param = b.section == QuantBinding::Param;
  const size_t fitting = param || !inDetail ? 0 : openNodes(keys[row], Scope::Unknown).size();
  b.problem = fitting > 1 ? fmt::format("{} tensors fit, and nothing tells which", fitting)
              : param     ? "no parameter has this name"
                          : "no tensor fits";
}

QuantBindings KeyBinder::take() {
  size_t explained = 0;
  for (size_t row = 0; row < rows.size(); ++row)
    if (!rows[row].value && !ignored.count(row))
      explain(row, ++explained <= MaxExplained);
  QuantBindings out;
  std::vector<Value *> all;
  for (const ParamSite &site : sites.params)
    all.push_back(site.value);
  for (const NodeSite &node : sites.nodes)
    if (node.holds())
      all.push_back(node.holder);
  // In a quantized model only what it rounds can be without a key.
  const bool quantized = llvm::any_of(all, [](const Value *v) { return v->type().isFix(); });
  llvm::DenseSet<const Value *> seen;
  for (Value *v : all)
    if (seen.insert(v).second && !taken.count(v) && v->type().isFix() >= quantized)
      out.withoutKey.push_back(v);
  llvm::DenseMap<const Value *, std::string> nodeNames;
  for (size_t i = 0; i < sites.nodes.size(); ++i)
    if (sites.nodes[i].holds())
      nodeNames[sites.nodes[i].holder] = fmt::format("{}_{}", sites.nodes[i].type, i);
  for (QuantBinding &b : rows)
    b.nodeName = nodeNames.lookup(b.value);
  out.rows = std::move(rows);
  return out;
}

} // namespace dpuopt
