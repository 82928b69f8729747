//===- NameTable.cpp - who defines which tensor name, and in what order -------===//
#include "NameTable.h"
#include "llvm/ADT/STLExtras.h"
#include <fmt/format.h>
#include <queue>

using namespace dpuopt;
using namespace dpuopt::onnx;

Location onnx::locationOf(const NodeProto &n) {
  if (!n.name.empty())
    return {n.name.str()};
  for (llvm::StringRef out : n.outputs)
    if (!out.empty())
      return {out.str()};
  return {n.opType.str()};
}

//===-- Definitions ------------------------------------------------------------------===//

static std::string describe(const Definition &d, const GraphProto &g) {
  switch (d.kind) {
  case Definition::Input:
    return "a graph input";
  case Definition::Initializer:
    return "an initializer";
  case Definition::Node:
    return fmt::format("node '{}' ({})", locationOf(g.nodes[d.index]).node, g.nodes[d.index].opType.str());
  }
  return "";
}

Status NameTable::define(llvm::StringRef name, Definition d, const GraphProto &g, DiagEngine &diags) {
  auto [it, fresh] = defs.try_emplace(name, d);
  if (fresh)
    return success();
  return diags.error(fmt::format("tensor '{}' is defined twice: by {} and by {}", name.str(), describe(it->second, g),
                                 describe(d, g)));
}

Result<NameTable> NameTable::build(const GraphProto &g, DiagEngine &diags) {
  NameTable t;
  for (unsigned i = 0; i < g.initializers.size(); ++i) {
    if (g.initializers[i].name.empty())
      return diags.error(fmt::format("initializer {} has no name", i + 1));
    if (failed(t.define(g.initializers[i].name, {Definition::Initializer, i}, g, diags)))
      return failure();
  }
  for (unsigned i = 0; i < g.inputs.size(); ++i) {
    const Definition *d = t.find(g.inputs[i].name);
    if (g.inputs[i].name.empty())
      return diags.error(fmt::format("graph input {} has no name", i + 1));
    if (!(d && d->kind == Definition::Initializer) &&
        failed(t.define(g.inputs[i].name, {Definition::Input, i}, g, diags)))
      return failure();
  }
  for (unsigned i = 0; i < g.nodes.size(); ++i)
    for (llvm::StringRef out : g.nodes[i].outputs)
      if (!out.empty() && failed(t.define(out, {Definition::Node, i}, g, diags)))
        return failure();
  return t;
}

const Definition *NameTable::find(llvm::StringRef name) const {
  auto it = defs.find(name);
  return it == defs.end() ? nullptr : &it->second;
}

//===-- Order ------------------------------------------------------------------------===//

namespace {
/// Edges between nodes: producers[i] are the nodes node i needs, each once.
struct Dependencies {
  std::vector<std::vector<unsigned>> producers, users;

  explicit Dependencies(size_t n) : producers(n), users(n) {}
  void finish() {
    for (unsigned i = 0; i < producers.size(); ++i) {
      llvm::sort(producers[i]);
      producers[i].erase(std::unique(producers[i].begin(), producers[i].end()), producers[i].end());
      for (unsigned p : producers[i])
        users[p].push_back(i);
    }
  }
  bool alreadyOrdered() const {
    for (unsigned i = 0; i < producers.size(); ++i)
      if (!producers[i].empty() && producers[i].back() >= i)
        return false;
    return true;
  }
};
} // namespace

/// Follows producers that were never ordered until a node comes up again.
static std::string describeCycle(const GraphProto &g, const Dependencies &deps, const std::vector<bool> &done) {
  unsigned node = std::find(done.begin(), done.end(), false) - done.begin();
  std::vector<unsigned> path;
  while (!llvm::is_contained(path, node)) {
    path.push_back(node);
    node = *llvm::find_if(deps.producers[node], [&](unsigned p) { return !done[p]; });
  }
  path.erase(path.begin(), llvm::find(path, node));
  constexpr size_t shown = 8;
  std::string text = "'" + locationOf(g.nodes[path.front()]).node + "'";
  for (size_t i = path.size(); i-- > 1;) // producers come last in the path
    if (i + shown > path.size())
      text += " -> '" + locationOf(g.nodes[path[i]]).node + "'";
  if (path.size() > shown)
    text += fmt::format(" -> ({} more)", path.size() - shown);
  return text + " -> '" + locationOf(g.nodes[path.front()]).node + "'";
}

/// Always takes the ready node that came first in the file.
static std::vector<unsigned> sorted(const Dependencies &deps, std::vector<bool> &done) {
  std::vector<unsigned> result, waiting;
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> ready;
  for (unsigned i = 0; i < deps.producers.size(); ++i) {
    waiting.push_back(deps.producers[i].size());
    if (!waiting[i])
      ready.push(i);
  }
  while (!ready.empty()) {
    unsigned node = ready.top();
    ready.pop();
    done[node] = true;
    result.push_back(node);
    for (unsigned user : deps.users[node])
      if (--waiting[user] == 0)
        ready.push(user);
  }
  return result;
}

Result<std::vector<unsigned>> NameTable::order(const GraphProto &g, llvm::ArrayRef<std::vector<std::string>> captures,
                                               DiagEngine &diags) const {
  Dependencies deps(g.nodes.size());
  for (unsigned i = 0; i < g.nodes.size(); ++i) {
    auto need = [&](llvm::StringRef name, const char *how) -> Status {
      const Definition *d = find(name);
      if (!d)
        return diags.error(locationOf(g.nodes[i]),
                           fmt::format("{}: {} '{}' is not defined by any node, input or initializer",
                                       g.nodes[i].opType.str(), how, name.str()));
      if (d->kind == Definition::Node)
        deps.producers[i].push_back(d->index);
      return success();
    };
    for (llvm::StringRef in : g.nodes[i].inputs)
      if (!in.empty() && failed(need(in, "input")))
        return failure();
    for (const std::string &name : captures[i])
      if (failed(need(name, "captured value")))
        return failure();
  }
  deps.finish();

  std::vector<bool> done(g.nodes.size(), false);
  if (deps.alreadyOrdered()) {
    std::vector<unsigned> identity(g.nodes.size());
    for (unsigned i = 0; i < identity.size(); ++i)
      identity[i] = i;
    return identity;
  }
  std::vector<unsigned> result = sorted(deps, done);
  if (result.size() != g.nodes.size())
    return diags.error("the graph has a cycle: " + describeCycle(g, deps, done));
  return result;
}
