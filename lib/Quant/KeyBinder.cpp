//===- KeyBinder.cpp - rules that go by names ---------------------------------------===//
//
// OrderRules.cpp has those that go by order, Leftovers.cpp what is said of the rest.
//
//===----------------------------------------------------------------------===//
#include "KeyBinder.h"
#include "Alignment.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace dpuopt {
namespace {

/// More components than this are never a wrapper's.
constexpr size_t MaxPrefix = 4;

std::string join(llvm::ArrayRef<std::string> parts) { return llvm::join(parts.begin(), parts.end(), "."); }

bool isNumber(llvm::StringRef text) { return !text.empty() && llvm::all_of(text, llvm::isDigit); }

/// `conv1.weight.bias` (a bias born by folding batch norm, to 2.0) is `conv1.bias`; `bias.197` (a module used
/// several times) is `bias`.
std::vector<std::string> plainParameter(std::vector<std::string> parts) {
  auto isLeaf = [](const std::string &s) { return s == "weight" || s == "bias"; };
  if (parts.size() > 2 && isNumber(parts.back()) && isLeaf(parts[parts.size() - 2]))
    parts.pop_back();
  if (parts.size() > 2 && parts.back() == "bias" && parts[parts.size() - 2] == "weight")
    parts.erase(parts.end() - 2);
  return parts;
}

llvm::ArrayRef<std::string> dropPrefix(llvm::ArrayRef<std::string> path, size_t n) {
  return path.drop_front(std::min(n, path.size()));
}

/// Components that all have in common at the front; a layer's own name and its parameter's always stay.
size_t commonPrefix(const std::vector<std::vector<std::string>> &names) {
  size_t n = names.empty() ? 0 : MaxPrefix;
  for (const auto &name : names) {
    n = std::min(n, name.size() < 3 ? 0 : name.size() - 2);
    for (size_t i = 0; i < n; ++i)
      if (name[i] != names[0][i])
        n = i;
  }
  return n;
}

} // namespace

KeyBinder::KeyBinder(const Graph &g, const QuantGroups &groups, const QuantInfo &info)
    : g(g), groups(groups), sites(collectBindSites(g, groups)) {
  addRows(QuantBinding::Param, info.params);
  addRows(QuantBinding::Output, info.outputs);
  addRows(QuantBinding::Input, info.inputs);
}

void KeyBinder::addRows(QuantBinding::Section section, const QuantTable &table) {
  for (const auto &[key, entry] : table) {
    rows.push_back({section, key, &entry, nullptr, "", "", {}, ""});
    keys.push_back(parseQuantKey(key, section == QuantBinding::Param));
    if (section == QuantBinding::Input)
      refuse(rows.size() - 1, "input-side positions exist in mixed precision only, and a DPU has none");
  }
}

void KeyBinder::bind(size_t row, Value *v, const char *rule) {
  rows[row].value = v;
  rows[row].rule = rule;
  taken.insert(v);
}

void KeyBinder::ignore(size_t row, const char *rule) {
  rows[row].rule = rule;
  ignored.insert(row);
}

/// A file may hold several graphs, and an xmodel says which it is.
void KeyBinder::ignoreOtherGraphs() {
  if (llvm::none_of(keys, [&](const QuantKey &key) { return key.graph == g.name(); }))
    return;
  for (size_t row = 0; row < rows.size(); ++row)
    if (isOpen(row) && !keys[row].graph.empty() && keys[row].graph != g.name())
      ignore(row, "another graph");
}

/// A value that reads what another value holds, without rounding.
static bool onlyCarries(const Value *v) { return v->def() && isMovement(*v->def()); }

Status KeyBinder::applyMap(const QuantMap &map, llvm::StringRef file, DiagEngine &diags) {
  llvm::StringMap<size_t> rowOf;
  for (size_t row = 0; row < rows.size(); ++row)
    rowOf[rows[row].key] = row;
  llvm::StringMap<Value *> nodes;
  for (const Op &op : g.ops())
    if (op.numResults() && !op.loc().node.empty() && !op.isConst())
      nodes[op.loc().node] = op.result();
  std::vector<std::string> names;
  for (const auto &entry : map)
    names.push_back(entry.getKey().str());
  llvm::sort(names); // a StringMap has no order
  for (const std::string &key : names) {
    auto row = rowOf.find(key);
    if (row == rowOf.end())
      return diags.error(fmt::format("the map's key '{}' is not in the quant_info file", key))
          .file(file.str())
          .rule("quant-info.map");
    const std::string &name = map.find(key)->second;
    if (name.empty()) {
      ignore(row->second, "map");
      continue;
    }
    Value *v = g.lookup(name);
    if (!v)
      v = nodes.lookup(name);
    if (!v)
      return diags
          .error(fmt::format("'{}' is mapped to '{}', which is neither a tensor nor a node of the graph", key, name))
          .file(file.str())
          .rule("quant-info.map");
    Value *holder = sites.isXir || onlyCarries(v) ? nullptr : groups.holder(v);
    bind(row->second, holder ? holder : v, "map");
  }
  return success();
}

//===-- The tensor's name --------------------------------------------------===//

void KeyBinder::byName() {
  for (size_t row = 0; row < rows.size(); ++row) {
    if (!isOpen(row))
      continue;
    if (sites.isXir) {
      std::string name = xirName(rows[row].key);
      Value *v = g.lookup(name + "_fix");
      if (v && v->def() && v->def()->is("xir.fix"))
        bind(row, v, "name");
      continue;
    }
    Value *v = g.lookup(rows[row].key);
    if (!v)
      continue;
    Value *holder = groups.holder(v);
    bool floating = !holder && v->type().elemType().isFloat();
    if (holder == v || floating || (holder && onlyCarries(v)))
      bind(row, v, "name");
    else if (holder)
      refuse(row, fmt::format("it is inside a group: the DPU rounds at its end, '{}'", holder->name()));
    else
      refuse(row, "no numbers to round");
  }
}

//===-- Parameters by state_dict name ---------------------------------------===//

std::string KeyBinder::siteName(llvm::ArrayRef<std::string> parts) const {
  std::string name = join(parts);
  if (!sites.isXir)
    return name;
  size_t graph = name.find("__");
  return graph == std::string::npos ? name : name.substr(graph + 2);
}

std::string KeyBinder::parameterName(const QuantKey &key) const {
  std::vector<std::string> parts = plainParameter(key.parameter);
  std::string name = join(dropPrefix(parts, keyPrefix));
  return sites.isXir ? xirName(name) : name;
}

/// A model in a wrapper has its names with one more component in front: try what all keys, or all names of the
/// graph, have in common, and keep what finds most.
void KeyBinder::choosePrefix() {
  if (sites.isXir)
    return;
  std::vector<std::vector<std::string>> ofKeys, ofSites;
  for (size_t row = 0; row < rows.size(); ++row)
    if (isOpen(row) && keys[row].parameter.size() > 1)
      ofKeys.push_back(plainParameter(keys[row].parameter));
  for (const ParamSite &site : sites.params)
    if (site.role != ParamSite::Operand)
      ofSites.push_back(site.names.back());
  size_t best = 0;
  for (size_t k = 0; k <= commonPrefix(ofKeys); ++k)
    for (size_t s = 0; s <= commonPrefix(ofSites); ++s) {
      llvm::StringSet<> names;
      for (const auto &name : ofSites)
        names.insert(join(dropPrefix(name, s)));
      size_t found =
          llvm::count_if(ofKeys, [&](const auto &name) { return names.contains(join(dropPrefix(name, k))); });
      if (found > best)
        best = found, keyPrefix = k, sitePrefix = s;
    }
}

void KeyBinder::byStateDict() {
  llvm::StringMap<const ParamSite *> byName;
  llvm::DenseMap<const Value *, std::string> owner; // graph whose key a value is bound to
  for (size_t row = 0; row < rows.size(); ++row)
    if (rows[row].value && !keys[row].graph.empty())
      owner[rows[row].value] = keys[row].graph;
  for (size_t i : {0, 1}) // a constant's own name goes before one made from its user's
    for (const ParamSite &site : sites.params)
      if (i < site.names.size())
        byName.try_emplace(siteName(dropPrefix(site.names[i], sitePrefix)), &site);
  for (size_t row = 0; row < rows.size(); ++row) {
    if (!isOpen(row) || keys[row].parameter.empty())
      continue;
    auto found = byName.find(parameterName(keys[row]));
    if (found == byName.end())
      continue;
    // One file may hold several graphs; the model is one of them.
    const std::string &graph = owner.try_emplace(found->second->value, keys[row].graph).first->second;
    if (graph == keys[row].graph)
      bind(row, found->second->value, "state_dict");
    else
      refuse(row, fmt::format("a key of graph '{}' has the same name", graph));
  }
}

//===-- Inputs ---------------------------------------------------------------===//

/// `Net::input_0` by number; those of 3.5 (`Net::nndct_input_7`) and QuantStubs, which stand for the input they copy,
/// by order if there are as many.
void KeyBinder::byInput() {
  std::vector<const NodeSite *> inputs;
  for (const NodeSite &node : sites.nodes)
    if (node.kind == OpKind::Input && node.holder)
      inputs.push_back(&node);
  auto bindTo = [&](size_t row, size_t i) {
    if (i < inputs.size() && !taken.count(inputs[i]->holder))
      bind(row, inputs[i]->holder, "input");
  };
  std::vector<size_t> ordered;
  bool numbered = false;
  for (size_t row = 0; row < rows.size(); ++row) {
    const QuantKey &key = keys[row];
    if (!isOpen(row) || rows[row].section != QuantBinding::Output)
      continue;
    numbered |= key.input.has_value();
    if (key.input)
      bindTo(row, *key.input);
    else if ((key.index && key.kind == OpKind::Input) || (key.hasPath && key.kind == OpKind::QuantStub))
      ordered.push_back(row);
  }
  llvm::stable_sort(ordered, [&](size_t a, size_t b) { return keys[a].index < keys[b].index; });
  if (!numbered && ordered.size() == inputs.size())
    for (size_t i = 0; i < ordered.size(); ++i)
      bindTo(ordered[i], i);
}

//===-- Activations by module scope --------------------------------------------===//

bool KeyBinder::fitsScope(const QuantKey &key, const NodeSite &node, Scope scope) const {
  if (!key.hasPath)
    return true;
  if (sites.isXir) {
    llvm::StringRef rest = node.xirText;
    if (!rest.startswith(xirName(key.graph) + "__")) // not named by the quantizer
      return scope == Scope::Unknown;
    std::string module = xirName(llvm::StringRef(key.text).drop_back(key.valueName.size()));
    return scope != Scope::SameParent && rest.consume_front(module) && !rest.contains("__");
  }
  if (!node.path)
    return scope == Scope::Unknown;
  llvm::ArrayRef<std::string> wanted = dropPrefix(key.path, keyPrefix), path = dropPrefix(*node.path, sitePrefix);
  if (scope != Scope::SameParent)
    return fits(wanted, path);
  if (wanted.empty() || key.kind == OpKind::Unknown)
    return false;
  wanted = wanted.drop_back();
  return fits(wanted, path) || (!path.empty() && fits(wanted, path.drop_back()));
}

/// Holders a key's scope and kind allow, in graph order.
std::vector<const NodeSite *> KeyBinder::openNodes(const QuantKey &key, Scope scope) const {
  std::vector<const NodeSite *> out;
  for (const NodeSite &node : sites.nodes)
    if (node.holds() && node.kind != OpKind::Input && !taken.count(node.holder) && compatible(key.kind, node.kind) &&
        fitsScope(key, node, scope))
      out.push_back(&node);
  return out;
}

/// Keys of one module and kind are its uses in order: bound if there are as many values as keys. SameParent: a module
/// that training renamed (relu1 and relu2 where the model uses one relu twice), by its kind among its neighbours.
void KeyBinder::byScope(Scope scope) {
  struct Class {
    std::vector<size_t> rows;
    int rank; ///< how little is known: fewer unnamed modules first, then known kinds, then longer paths
  };
  std::map<std::string, Class> classes;
  for (size_t row = 0; row < rows.size(); ++row) {
    const QuantKey &key = keys[row];
    if (!isOpen(row) || !key.hasPath)
      continue;
    int named = llvm::count_if(key.path, [](const std::string &s) { return !s.empty(); });
    int unnamed = key.path.size() - named;
    llvm::ArrayRef<std::string> path = key.path;
    if (scope == Scope::SameParent && !path.empty())
      path = path.drop_back();
    std::string module = sites.isXir ? key.text.substr(0, key.text.size() - key.valueName.size()) : join(path);
    Class &c = classes[fmt::format("{}#{}", module, static_cast<int>(key.kind))];
    c.rows.push_back(row);
    c.rank = (unnamed ? 100'000 : 0) + (key.kind == OpKind::Unknown ? 10'000 : 0) - std::min(named, 1000);
  }
  if (classes.size() > MaxAlignmentCells / (sites.nodes.size() + 1))
    return;
  std::vector<const Class *> order;
  for (const auto &[name, c] : classes)
    order.push_back(&c);
  llvm::stable_sort(order, [](const Class *a, const Class *b) { return a->rank < b->rank; });
  for (const Class *c : order) {
    std::vector<const NodeSite *> nodes = openNodes(keys[c->rows.front()], scope);
    if (nodes.size() == c->rows.size())
      for (size_t i = 0; i < nodes.size(); ++i)
        bind(c->rows[i], nodes[i]->holder, scope == Scope::Same ? "scope" : "parent scope");
  }
}

//===-- All together ------------------------------------------------------------===//

void KeyBinder::run() {
  if (sites.isXir)
    ignoreOtherGraphs();
  byName();
  choosePrefix();
  byStateDict();
  byParameterOrder();
  byInput();
  byNodeCount();
  byScope(Scope::Same);
  byScope(Scope::SameParent);
  byOrder();
  byOperandOrder();
}

} // namespace dpuopt
