//===- CompiledGraph.cpp - what a compiled graph says, and forgetting it ----===//
#include "dpuopt/Target/Conformance.h"

using namespace dpuopt;

static const Attr *member(const Attr &dict, llvm::StringRef key) {
  if (!dict.is(AttrKind::Dict) && !dict.is(AttrKind::Map))
    return nullptr;
  auto it = dict.asMap().find(key);
  return it == dict.asMap().end() ? nullptr : &it->second;
}

static void readSubgraph(const Attr &subgraph, CompiledFacts &facts) {
  const Attr *attrs = member(subgraph, "attrs");
  const Attr *name = attrs ? member(*attrs, "dpu_name") : nullptr;
  const Attr *fingerprint = attrs ? member(*attrs, "dpu_fingerprint") : nullptr;
  if (name && name->is(AttrKind::String) && facts.dpuName.empty())
    facts.dpuName = name->asString();
  if (fingerprint && fingerprint->isInt() && !facts.fingerprint)
    facts.fingerprint = static_cast<uint64_t>(fingerprint->asInt());
}

CompiledFacts dpuopt::compiledFacts(const Graph &g) {
  CompiledFacts facts;
  if (const Attr *list = g.attr("subgraphs"); list && list->is(AttrKind::List))
    for (const Attr &s : list->asList())
      readSubgraph(s, facts);
  // libs_info: "xcompiler.3.5.0" or "xcompiler.2.5.0 : xir.2.5.0" -> commit.
  if (const Attr *libs = g.attr("libs_info"); libs && libs->is(AttrKind::Map))
    for (auto &[key, commit] : libs->asMap())
      if (llvm::StringRef name(key); facts.compiler.empty() && name.consume_front("xcompiler."))
        facts.compiler = name.split(' ').first.str();
  if (const Attr *sums = g.attr("files_md5sum"); sums && sums->is(AttrKind::Map))
    for (auto &[path, sum] : sums->asMap())
      if (sum.is(AttrKind::String))
        facts.sourceMd5.push_back(llvm::StringRef(sum.asString()).lower());
  return facts;
}

bool dpuopt::isCompiledGraph(const Graph &g) {
  if (const Attr *list = g.attr("subgraphs"); list && list->is(AttrKind::List))
    for (const Attr &s : list->asList())
      if (const Attr *attrs = member(s, "attrs"); attrs && member(*attrs, "device"))
        return true;
  return llvm::any_of(g.ops(), [](const Op &op) { return op.isXir() && op.name().endswith("-fix"); });
}

//===----------------------------------------------------------------------===//
// Forgetting

/// `v` gets the name of `named`; the op that makes it keeps its own.
static void takeTensorName(Value *v, Value *named) {
  if (Op *def = v->def(); def && !def->hasAttr("op_name"))
    def->setAttr("op_name", Attr::string(v->name()));
  v->takeName(named);
}

static bool endsHere(const Op &op) {
  return llvm::all_of(op.results(), [](const Value *v) {
    return llvm::all_of(v->uses(), [](const Use &u) { return u.user->isReturn(); });
  });
}

/// The values nothing reads any more, fix2float and download aside.
static std::vector<Value *> realOutputs(Graph &g) {
  std::vector<Value *> outputs;
  for (Op &op : g.ops()) {
    if (op.isConst() || op.numResults() != 1 || !endsHere(op))
      continue;
    Value *v = op.result();
    while (v->def() && v->def()->isOneOf("xir.fix2float", "xir.download") && v->def()->operand(0))
      v = v->def()->operand(0);
    if (v->def() && !v->def()->is("xir.const-fix") && !llvm::is_contained(outputs, v))
      outputs.push_back(v);
  }
  return outputs;
}

static Op *asFix(Graph &g, Op &op) {
  Op *fix = g.create({"xir.fix", {op.operand(0)}, {{"", op.result()->type()}}, op.attrs(), op.loc()}, &op);
  takeTensorName(fix->result(), op.result());
  return fix;
}

static void forgetOp(Graph &g, Op &op) {
  op.removeAttr("device");
  Value *from = op.operand(0);
  if (!from || op.numResults() != 1)
    return;
  if (op.is("xir.float2fix")) {
    std::string name = xirName(op);
    Op *fix = asFix(g, op);
    fix->setAttr("op_name", Attr::string(name));
    g.replace(&op, {fix->result()});
    return;
  }
  if (!op.isOneOf("xir.upload", "xir.download", "xir.fix2float"))
    return;
  if (op.is("xir.download"))
    takeTensorName(from, op.result());
  g.replace(&op, {from});
}

std::unique_ptr<Graph> dpuopt::forgetPlacement(const Graph &compiled) {
  std::unique_ptr<Graph> g = compiled.clone();
  g->attrs().erase("subgraphs");
  std::vector<Value *> outputs = realOutputs(*g);
  g->setOutputs(outputs);
  for (Op &op : llvm::make_early_inc_range(g->ops()))
    forgetOp(*g, op);
  return g;
}
