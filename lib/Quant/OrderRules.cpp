//===- OrderRules.cpp - rules that go by the order of keys and nodes -----------------===//
//
// A name that says little can still be certain if there is only one way to lay the
// file's sequence beside the graph's. Where there are several, nothing is bound.
//
//===----------------------------------------------------------------------===//
#include "Alignment.h"
#include "KeyBinder.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include <algorithm>

namespace dpuopt {
namespace {

// Costs of an alignment. A node more or less than the quantizer counted is common (it keeps a Dropout, we fuse an
// activation); a key without a node is not.
constexpr int SkippedNode = 3, SkippedKey = 1000, NoKeyForHolder = 2, NotAHolder = 50;

} // namespace

/// Made up by a converter: a layer's operator and number (`n_Conv_12`).
static bool saysNothing(llvm::StringRef module) {
  llvm::StringRef type = module;
  type.consume_front("n_");
  auto [op, number] = type.rsplit('_');
  return !module.contains('.') && !number.empty() && llvm::all_of(number, llvm::isDigit) &&
         opKindOf(op) != OpKind::Unknown;
}

/// Where names on one side say nothing (`n_Conv_12.weight`, `onnx::Conv_193` without a scope): layers in order, if each
/// has the same parameters.
void KeyBinder::byParameterOrder() {
  llvm::MapVector<llvm::StringRef, std::vector<size_t>> layers; // module -> rows
  for (size_t row = 0; row < rows.size(); ++row)
    if (isOpen(row) && !keys[row].parameter.empty())
      layers[llvm::StringRef(keys[row].rest).rsplit('.').first].push_back(row);
  llvm::MapVector<const Op *, std::vector<const ParamSite *>> users;
  for (const ParamSite &site : sites.params)
    if (!sites.isXir && site.role != ParamSite::Operand && !taken.count(site.value))
      users[site.user].push_back(&site);
  if (layers.empty() || layers.size() != users.size())
    return;
  const bool opaqueKeys = llvm::all_of(layers, [](const auto &l) { return saysNothing(l.first); });
  const bool opaqueSites = llvm::all_of(users, [](const auto &u) {
    return llvm::all_of(u.second, [](const ParamSite *p) { return p->names.size() == 1 && !p->named; });
  });
  if (!opaqueKeys && !opaqueSites)
    return;
  auto isBias = [&](size_t row) { return keys[row].parameter.back() == "bias"; };
  auto user = users.begin();
  for (auto &[module, list] : layers) {
    auto &params = (user++)->second;
    llvm::sort(params, [](const ParamSite *a, const ParamSite *b) { return a->role < b->role; });
    llvm::stable_sort(list, [&](size_t a, size_t b) { return isBias(a) < isBias(b); });
    if (params.size() != list.size())
      return;
    for (size_t i = 0; i < list.size(); ++i)
      if (isBias(list[i]) != (params[i]->role == ParamSite::Bias))
        return;
  }
  user = users.begin();
  for (auto &[module, list] : layers) {
    auto &params = (user++)->second;
    for (size_t i = 0; i < list.size(); ++i)
      bind(list[i], params[i]->value, "order");
  }
}

/// `Net::nndct_relu_2` is node 2 of the quantizer's graph: its nodes, most of them unnamed, beside ours.
void KeyBinder::byNodeCount() {
  std::vector<size_t> rowAt; // by index in the quantizer's graph, ~0 where no key is
  constexpr size_t None = ~size_t(0);
  for (size_t row = 0; row < rows.size(); ++row) {
    const QuantKey &key = keys[row];
    bool isInput = key.index && key.kind == OpKind::Input;
    if (!isOpen(row) || rows[row].section != QuantBinding::Output || (!key.index && !isInput))
      continue;
    if (*key.index > MaxAlignmentCells)
      return refuse(row, "its number is too large for a graph");
    if (rowAt.size() <= *key.index)
      rowAt.resize(*key.index + 1, None);
    if (rowAt[*key.index] != None)
      return; // two graphs in one file
    rowAt[*key.index] = row;
  }
  for (const NodeSite &node : sites.nodes) {
    size_t row = node.number && *node.number < rowAt.size() ? rowAt[*node.number] : None;
    if (row != None && node.holder && !taken.count(node.holder) && compatible(keys[row].kind, node.kind)) {
      bind(row, node.holder, "count");
      rowAt[*node.number] = None;
    }
  }
  if (llvm::all_of(rowAt, [](size_t row) { return row == None; }))
    return;
  auto match = [&](size_t i, size_t j) -> std::optional<int> {
    const NodeSite &node = sites.nodes[j];
    const bool open = node.holds() && !taken.count(node.holder);
    if (rowAt[i] == None)
      return open ? NoKeyForHolder : 0;
    const OpKind kind = keys[rowAt[i]].kind;
    if ((kind == OpKind::Input) != (node.kind == OpKind::Input) || !compatible(kind, node.kind))
      return std::nullopt;
    return open ? 0 : NotAHolder;
  };
  auto skipKey = [&](size_t i) {
    if (rowAt[i] == None)
      return SkippedNode;
    return keys[rowAt[i]].kind == OpKind::QuantStub ? SkippedNode : SkippedKey;
  };
  auto found = align(rowAt.size(), sites.nodes.size(), {match, skipKey, [](size_t) { return SkippedNode; }});
  for (size_t i = 0; i < rowAt.size(); ++i)
    if (!found || (found->skipped[i] && skipKey(i) == SkippedKey))
      return; // the file is not this graph's
  for (bool holders : {true, false})
    for (size_t i = 0; i < rowAt.size(); ++i) {
      if (rowAt[i] == None || !isOpen(rowAt[i]))
        continue;
      // A stub copies what the node before it computes.
      auto partner = found->partners[i];
      if (!partner && keys[rowAt[i]].kind == OpKind::QuantStub && i > 0)
        partner = found->partners[i - 1];
      const NodeSite *node = partner ? &sites.nodes[*partner] : nullptr;
      if (node && node->holder && node->holds() == holders && !taken.count(node->holder))
        bind(rowAt[i], node->holder, *partner == i ? "count" : "count and kind");
    }
}

/// What is left, in file order, beside the values that are left; what is bound stays where it is.
void KeyBinder::byOrder() {
  std::vector<size_t> list;
  if (rows.size() > MaxAlignmentCells / (sites.nodes.size() + 1))
    return;
  bool any = false;
  for (size_t row = 0; row < rows.size(); ++row) {
    if (rows[row].section != QuantBinding::Output || keys[row].index || keys[row].graph.empty())
      continue;
    const bool open = isOpen(row) && !openNodes(keys[row], Scope::Unknown).empty();
    any |= open;
    if (open || rows[row].value)
      list.push_back(row);
  }
  if (!any)
    return;
  // The file names a group where its first node stands.
  llvm::MapVector<Value *, const NodeSite *> holders;
  llvm::DenseMap<Value *, const NodeSite *> ends;
  for (const NodeSite &node : sites.nodes) {
    if (node.holder)
      holders.insert({node.holder, nullptr});
    if (node.holds())
      ends[node.holder] = &node;
  }
  std::vector<const NodeSite *> nodes;
  for (auto &[holder, unused] : holders)
    if (const NodeSite *end = ends.lookup(holder))
      nodes.push_back(end);
  auto match = [&](size_t i, size_t j) -> std::optional<int> {
    const QuantKey &key = keys[list[i]];
    if (!isOpen(list[i]) || taken.count(nodes[j]->holder))
      return rows[list[i]].value == nodes[j]->holder ? std::optional(-SkippedKey) : std::nullopt;
    const bool isInput = nodes[j]->kind == OpKind::Input;
    if (isInput != (key.input || key.kind == OpKind::QuantStub) || !compatible(key.kind, nodes[j]->kind))
      return std::nullopt;
    if (!fitsScope(key, *nodes[j], Scope::Unknown))
      return std::nullopt;
    return nodes[j]->output->name() == key.valueName ? 0 : 1;
  };
  auto skipKey = [&](size_t i) { return isOpen(list[i]) ? SkippedKey : 0; };
  auto skipNode = [&](size_t) { return 0; };
  auto found = align(list.size(), nodes.size(), {match, skipKey, skipNode});
  for (size_t i = 0; i < list.size(); ++i)
    if (!found || (found->skipped[i] && isOpen(list[i])))
      return; // too much is left for order to be a reason
  for (size_t i = 0; i < list.size(); ++i)
    if (isOpen(list[i]) && found->partners[i])
      bind(list[i], nodes[*found->partners[i]]->holder, "order");
}

/// `Net::1466`: a constant that is an operand and no parameter.
void KeyBinder::byOperandOrder() {
  std::vector<size_t> list;
  for (size_t row = 0; row < rows.size(); ++row)
    if (isOpen(row) && rows[row].section == QuantBinding::Output && !keys[row].graph.empty() && !keys[row].hasPath &&
        !keys[row].index && !keys[row].input)
      list.push_back(row);
  // A file may have its constants anywhere: what counts is where they are used.
  llvm::DenseMap<const Op *, size_t> place;
  for (size_t i = 0; i < sites.nodes.size(); ++i)
    place[sites.nodes[i].op] = i;
  std::vector<const ParamSite *> operands;
  for (const ParamSite &site : sites.params)
    if (!taken.count(site.value) && (sites.isXir || site.role == ParamSite::Operand))
      operands.push_back(&site);
  llvm::stable_sort(
      operands, [&](const ParamSite *a, const ParamSite *b) { return place.lookup(a->user) < place.lookup(b->user); });
  if (list.size() == operands.size())
    for (size_t i = 0; i < list.size(); ++i)
      bind(list[i], operands[i]->value, "order");
}

} // namespace dpuopt
