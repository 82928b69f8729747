//===- Verifier.cpp - is this graph well formed? -----------------------------===//
#include "dpuopt/IR/Verifier.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/XirOps.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace dpuopt;

namespace {

class Verifier {
public:
  Verifier(const Graph &g, DiagEngine &diags) : g(g), diags(diags) {}

  Status run() {
    for (Value *in : g.inputs())
      define(*in), listUses(*in);
    for (const Op &op : g.ops())
      for (Value *r : op.results())
        listUses(*r);
    for (const Op &op : g.ops()) {
      checkOperands(op);
      checkAttrs(op);
      if (op.isConst())
        checkConst(op);
      if (op.isXir())
        checkXir(op);
      for (Value *r : op.results())
        define(*r);
    }
    checkOperands(g.returnOp());
    for (Value *out : g.outputs())
      if (!out)
        diags.error("a graph output is absent"), good = false;
    return good ? success() : failure();
  }

private:
  void error(const Op &op, std::string message) {
    good = false;
    Location loc = op.loc();
    if (loc.node.empty() && op.numResults())
      loc.node = op.result()->name();
    diags.error(std::move(loc), op.name().str() + ": " + message);
  }

  void define(const Value &v) {
    defined.insert(&v);
    if (g.lookup(v.name()) != &v) {
      diags.error("value " + printValueName(v.name()) + " is not the one registered under its name");
      good = false;
    }
  }

  /// A value may have as many uses as there are ops: looking through them for each use
  /// would take their number squared.
  void listUses(const Value &v) {
    for (const Use &u : v.uses())
      listed.insert({&v, {u.user, u.index}});
  }

  void checkOperands(const Op &op) {
    for (unsigned i = 0; i < op.numOperands(); ++i) {
      Value *v = op.operand(i);
      if (!v)
        continue;
      if (!defined.count(v))
        error(op, "operand " + printValueName(v->name()) + " is not defined before it is used");
      if (!listed.count({v, {&op, i}}))
        error(op, "operand " + printValueName(v->name()) + " does not know this use");
    }
  }

  /// Attributes that mean the same on every op.
  void checkAttrs(const Op &op) {
    if (const Attr *a = op.attr("device"); a && !a->is(AttrKind::String))
      error(op, "attribute device must be a string, is " + printAttr(*a));
  }

  void checkConst(const Op &op) {
    const Tensor *value = op.getTensor("value");
    if (!value || op.numResults() != 1 || op.numOperands() != 0)
      return error(op, "needs one result, no operand and a tensor attribute 'value'");
    if (value->type() != op.result()->type())
      error(op, "holds " + value->type().str() + " but its result is " + op.result()->type().str());
  }

  void checkXir(const Op &op) {
    if (op.numResults() != 1)
      error(op, "must have one result");
    for (const XirProblem &p : xirProblems(op))
      if (p.argument || !op.getBool(OffTable))
        error(op, p.text);
  }

  const Graph &g;
  DiagEngine &diags;
  llvm::SmallPtrSet<const Value *, 32> defined;
  llvm::DenseSet<std::pair<const Value *, std::pair<const Op *, unsigned>>> listed;
  bool good = true;
};

} // namespace

Status dpuopt::verify(const Graph &g, DiagEngine &diags) { return Verifier(g, diags).run(); }
