//===- FileSubgraphs.cpp - the children of an xmodel's root, as libxir sees them -----------===//
#include "dpuopt/Target/FileSubgraphs.h"
#include "dpuopt/Target/Fusion.h"
#include "llvm/ADT/SetVector.h"

using namespace dpuopt;

const Attr *dpuopt::memberOf(const Attr *dict, llvm::StringRef key) {
  if (!dict || (!dict->is(AttrKind::Dict) && !dict->is(AttrKind::Map)))
    return nullptr;
  auto it = dict->asMap().find(std::string_view(key.data(), key.size()));
  return it == dict->asMap().end() ? nullptr : &it->second;
}

static std::string stringOf(const Attr *a) { return a && a->is(AttrKind::String) ? a->asString() : ""; }

FileSubgraphs::FileSubgraphs(const Graph &g) {
  const Attr *tree = g.attr("subgraphs");
  if (!tree || !tree->is(AttrKind::List))
    return;
  llvm::StringMap<const Op *> byName;
  for (const Op &op : g.ops())
    byName[xirName(op)] = &op;
  for (const Attr &child : tree->asList()) {
    const Attr *attrs = memberOf(&child, "attrs"), *ops = memberOf(&child, "ops");
    FileSubgraph s{stringOf(memberOf(&child, "name")), llvm::StringRef(stringOf(memberOf(attrs, "device"))).upper(),
                   attrs};
    for (const std::string &name : ops && ops->isStringList() ? ops->asStrings() : std::vector<std::string>())
      if (const Op *op = byName.lookup(name); op && indexOf.try_emplace(op, list.size()).second)
        s.ops.push_back(op);
    list.push_back(std::move(s));
  }
}

const FileSubgraph *FileSubgraphs::of(const Op *op) const {
  auto it = indexOf.find(op);
  return it == indexOf.end() ? nullptr : &list[it->second];
}

static void sortByName(std::vector<const Op *> &ops) {
  llvm::sort(ops, [](const Op *a, const Op *b) { return xirName(*a) < xirName(*b); });
}

/// The order of the edges decides the order of the search; libxir adds those of each child's operands first, then
/// those of its users, by the name of the op at the other end.
std::vector<std::vector<unsigned>> FileSubgraphs::successors(llvm::ArrayRef<unsigned> byName) const {
  std::vector<std::vector<unsigned>> edges(list.size());
  for (unsigned child : byName) {
    std::vector<const Op *> from, to;
    for (const Op *op : list[child].ops) {
      for (const Value *v : op->operands())
        if (v && v->def() && of(v->def()) && of(v->def()) != &list[child])
          from.push_back(v->def());
      for (const Value *v : op->results())
        for (const Use &u : v->uses())
          if (of(u.user) && of(u.user) != &list[child])
            to.push_back(u.user);
    }
    sortByName(from), sortByName(to);
    for (const Op *op : from)
      edges[indexOf.lookup(op)].push_back(child);
    for (const Op *op : to)
      edges[child].push_back(indexOf.lookup(op));
  }
  return edges;
}

std::vector<const FileSubgraph *> FileSubgraphs::sorted() const {
  std::vector<unsigned> byName(list.size());
  for (unsigned i = 0; i < byName.size(); ++i)
    byName[i] = i;
  llvm::stable_sort(byName, [&](unsigned a, unsigned b) { return list[a].name < list[b].name; });
  const std::vector<std::vector<unsigned>> edges = successors(byName);
  std::vector<const FileSubgraph *> order;
  std::vector<bool> seen(list.size());
  std::vector<std::pair<unsigned, size_t>> stack; ///< and which edge is next
  for (unsigned root : byName) {
    if (!seen[root])
      seen[root] = true, stack.push_back({root, 0});
    while (!stack.empty()) {
      auto &[node, next] = stack.back();
      if (next == edges[node].size()) {
        order.push_back(&list[node]);
        stack.pop_back();
      } else if (unsigned to = edges[node][next++]; !seen[to]) {
        seen[to] = true, stack.push_back({to, 0});
      }
    }
  }
  std::reverse(order.begin(), order.end());
  return order;
}

static std::vector<const Value *> byName(const llvm::SetVector<const Value *> &values) {
  std::vector<const Value *> sorted(values.begin(), values.end());
  llvm::sort(sorted, [](const Value *a, const Value *b) { return a->name() < b->name(); });
  return sorted;
}

std::vector<const Value *> FileSubgraphs::inputs(const FileSubgraph &s) const {
  llvm::SetVector<const Value *> found;
  for (const Op *op : s.ops)
    for (const Value *v : op->operands())
      if (v && v->def() && of(v->def()) != &s)
        found.insert(v);
  return byName(found);
}

std::vector<const Value *> FileSubgraphs::outputs(const FileSubgraph &s) const {
  llvm::SetVector<const Value *> found;
  for (const Op *op : s.ops)
    for (const Value *v : op->results()) {
      bool read = false, elsewhere = false;
      for (const Use &u : v->uses())
        if (!u.user->isReturn())
          read = true, elsewhere |= of(u.user) != &s;
      if (!read || elsewhere)
        found.insert(v);
    }
  return byName(found);
}
