//===- Captures.cpp - names a subgraph takes from outside ---------------------===//
#include "Captures.h"
#include "OnnxProto.h"
#include "dpuopt/Support/Wire.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

namespace {
class Collector {
public:
  Collector(std::vector<std::string> &names, const std::string &owner, DiagEngine &diags)
      : names(names), owner(owner), diags(diags) {
    for (const std::string &n : names)
      listed.insert(n);
  }

  Status visit(llvm::StringRef message) {
    if (scopes.size() >= MaxGraphNesting)
      return diags.error(fmt::format("{}: subgraphs are nested deeper than {}", owner, MaxGraphNesting));
    GraphProto g;
    std::string where;
    if (!parseGraph(message, g, where))
      return diags.error(fmt::format("{}: its subgraph is truncated or damaged at {}", owner, where));
    scopes.emplace_back(definitions(g));
    for (const NodeProto &n : g.nodes) {
      for (llvm::StringRef in : n.inputs)
        use(in);
      if (failed(visitAttributes(n)))
        return failure();
    }
    for (const ValueInfoProto &out : g.outputs)
      use(out.name);
    scopes.pop_back();
    return success();
  }

private:
  static llvm::StringSet<> definitions(const GraphProto &g) {
    llvm::StringSet<> names;
    for (const ValueInfoProto &in : g.inputs)
      names.insert(in.name);
    for (const InitializerProto &i : g.initializers)
      names.insert(i.name);
    for (const NodeProto &n : g.nodes)
      for (llvm::StringRef out : n.outputs)
        names.insert(out);
    return names;
  }

  void use(llvm::StringRef name) {
    bool inner = llvm::any_of(scopes, [&](const llvm::StringSet<> &s) { return s.contains(name); });
    if (!name.empty() && !inner && listed.insert(name).second)
      names.push_back(name.str());
  }

  Status visitAttributes(const NodeProto &n) {
    for (llvm::StringRef message : n.attributes) {
      WireReader r(message);
      while (r.next())
        if ((r.field() == field::AttrG || r.field() == field::AttrGraphs) && failed(visit(r.bytes())))
          return failure();
      if (!r.ok())
        return diags.error(owner + ": an attribute in its subgraph is truncated or damaged");
    }
    return success();
  }

  std::vector<std::string> &names;
  const std::string &owner;
  DiagEngine &diags;
  llvm::StringSet<> listed;
  std::vector<llvm::StringSet<>> scopes;
};
} // namespace

Status onnx::collectCaptures(llvm::StringRef message, std::vector<std::string> &names, const std::string &owner,
                             DiagEngine &diags) {
  return Collector(names, owner, diags).visit(message);
}
