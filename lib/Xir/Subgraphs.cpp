//===- Subgraphs.cpp - the subgraph tree as a graph attribute ----------------------===//
#include "Subgraphs.h"
#include "AttrCodec.h"
#include "Schema.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::xmodel;

static constexpr unsigned MaxDepth = 64;

//===-- From the file --------------------------------------------------------------===//

namespace {
struct TreeBuilder {
  llvm::ArrayRef<llvm::StringRef> ops;
  llvm::StringMap<unsigned> number;
  std::string bad;

  /// `members` collects the numbers of the subgraph's ops.
  Attr build(RawSubgraph &s, std::vector<unsigned> &members) {
    std::vector<Attr> children;
    for (RawSubgraph &child : s.children)
      children.push_back(build(child, members));
    std::vector<unsigned> own;
    for (llvm::StringRef op : s.ops)
      if (auto it = number.find(op); it != number.end())
        own.push_back(it->second);
      else
        bad = fmt::format("subgraph '{}' names an op that does not exist: '{}'", s.name.str(), op.str());
    members.insert(members.end(), own.begin(), own.end());
    // A leaf keeps its order, a parent gets the graph's.
    std::vector<unsigned> all = s.children.empty() ? own : members;
    if (!s.children.empty()) {
      llvm::sort(all);
      all.erase(std::unique(all.begin(), all.end()), all.end());
    }
    std::vector<std::string> names;
    for (unsigned i : all)
      names.push_back(ops[i].str());
    return Attr::dict({{"attrs", Attr::dict(std::move(s.attrs))},
                       {"children", Attr::list(AttrKind::Dict, std::move(children))},
                       {"name", Attr::string(s.name)},
                       {"ops", Attr::strings(names)}});
  }
};
} // namespace

Attr xmodel::subgraphsToAttr(std::vector<RawSubgraph> children, llvm::ArrayRef<llvm::StringRef> ops, std::string &bad) {
  TreeBuilder builder{ops, {}, {}};
  for (unsigned i = 0; i < ops.size(); ++i)
    builder.number[ops[i]] = i;
  std::vector<Attr> list;
  for (RawSubgraph &child : children) {
    std::vector<unsigned> members;
    list.push_back(builder.build(child, members));
  }
  bad = builder.bad;
  return Attr::list(AttrKind::Dict, std::move(list));
}

//===-- Checks ---------------------------------------------------------------------===//

static const Attr *member(const Attr &dict, const char *key) {
  auto it = dict.asMap().find(key);
  return it == dict.asMap().end() ? nullptr : &it->second;
}

static llvm::ArrayRef<Attr> childrenOf(const Attr &dict) {
  const Attr *children = member(dict, "children");
  return children ? children->asList() : llvm::ArrayRef<Attr>();
}

namespace {
struct TreeChecker {
  llvm::StringMap<bool> seen; ///< op -> is it in a leaf?

  std::string check(const Attr &s, unsigned depth) {
    const Attr *name = s.is(AttrKind::Dict) ? member(s, "name") : nullptr;
    if (!name || !name->is(AttrKind::String) || !isUtf8(name->asString()))
      return "a subgraph must be a dictionary with a name";
    auto because = [&](std::string why) { return fmt::format("subgraph '{}' {}", name->asString(), why); };
    const Attr *ops = member(s, "ops"), *attrs = member(s, "attrs"), *children = member(s, "children");
    if (!ops || !ops->isStringList() || (children && !children->is(AttrKind::List)) ||
        (attrs && !attrs->is(AttrKind::Dict)))
      return because("needs a list of names 'ops', and 'attrs' and 'children' must be a dictionary and a list");
    if (depth > MaxDepth)
      return because("is nested too deep");
    if (attrs)
      for (auto &[key, value] : attrs->asMap())
        if (!isEncodable(value) || !isUtf8(key))
          return because(fmt::format("has an attribute '{}' of a kind that an xmodel does not have", key));
    if (ops->asList().empty())
      return because("has no ops");
    if (childrenOf(s).empty())
      return checkLeaf(*ops, because);
    for (const Attr &child : childrenOf(s))
      if (std::string bad = check(child, depth + 1); !bad.empty())
        return bad;
    return "";
  }

  template <class F> std::string checkLeaf(const Attr &ops, F because) {
    for (const Attr &op : ops.asList()) {
      auto it = seen.find(op.asString());
      if (it == seen.end())
        return because(fmt::format("names an op that does not exist: '{}'", op.asString()));
      if (it->second)
        return because(fmt::format("has op '{}', which another subgraph has too", op.asString()));
      it->second = true;
    }
    return "";
  }
};
} // namespace

std::string xmodel::checkSubgraphs(const Attr &subgraphs, llvm::ArrayRef<std::string> ops) {
  if (!subgraphs.is(AttrKind::List))
    return "graph attribute 'subgraphs' must be a list of dictionaries";
  if (subgraphs.asList().empty())
    return "";
  TreeChecker checker;
  for (const std::string &op : ops)
    checker.seen[op] = false;
  for (const Attr &s : subgraphs.asList())
    if (std::string bad = checker.check(s, 1); !bad.empty())
      return bad;
  for (const std::string &op : ops)
    if (!checker.seen[op])
      return fmt::format("op '{}' is in no subgraph", op);
  return "";
}

//===-- To the file ----------------------------------------------------------------===//

static Rope encodeSubgraph(const Attr &dict) {
  Rope out;
  out.string(SubgraphField::Name, member(dict, "name")->asString());
  if (childrenOf(dict).empty())
    for (const Attr &op : member(dict, "ops")->asList())
      out.string(SubgraphField::Op, op.asString());
  if (const Attr *attrs = member(dict, "attrs"))
    for (auto &[name, value] : attrs->asMap())
      encodeAttrEntry(out, SubgraphField::Attr, name, value);
  for (const Attr &child : childrenOf(dict))
    out.message(SubgraphField::Child, encodeSubgraph(child));
  return out;
}

Rope xmodel::encodeRoot(llvm::ArrayRef<std::string> ops, const Attr *rootAttrs, const Attr *subgraphs) {
  Rope out;
  out.string(SubgraphField::Name, "root");
  bool isLeaf = !subgraphs || subgraphs->asList().empty();
  if (isLeaf)
    for (const std::string &op : ops)
      out.string(SubgraphField::Op, op);
  if (rootAttrs)
    for (auto &[name, value] : rootAttrs->asMap())
      encodeAttrEntry(out, SubgraphField::Attr, name, value);
  if (!isLeaf)
    for (const Attr &child : subgraphs->asList())
      out.message(SubgraphField::Child, encodeSubgraph(child));
  return out;
}
