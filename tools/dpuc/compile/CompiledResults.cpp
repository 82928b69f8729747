//===- CompiledResults.cpp - does a compiled file compute what it was to? ---------------===//
#include "CompiledResults.h"
#include "Comparison.h"
#include "CompiledCheck.h"
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Target/Fusion.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>
#include <set>

using namespace dpuopt;

/// All tensors of both runs are kept: more bytes than this are not.
constexpr int64_t MostBytes = int64_t(2) << 30;

static int64_t bytesOf(const Side &side) {
  int64_t sum = 0;
  for (const TensorEntry &e : side.entries())
    if (e.type.isStatic())
      sum += e.type.numElements() * static_cast<int64_t>(e.type.elemType().byteSize());
  return sum;
}

/// Ops nobody here can execute give random numbers, the same in both files: their results become inputs. Adds their
/// types.
static void cutUnknown(Graph &g, std::set<std::string> &types) {
  std::vector<Op *> unknown;
  for (Op &op : g.ops())
    if (op.isXir() && !findXirOp(xirType(op)) && !canExecute(op))
      unknown.push_back(&op);
  for (Op *op : unknown) {
    types.insert(xirType(*op).str());
    for (Value *v : op->results())
      v->replaceAllUsesWith(g.addInput(g.uniqueName(v->name() + "_given"), v->type()));
    g.erase(op);
  }
}

static Result<Side> openSide(const std::string &path, std::set<std::string> &unknown, DiagEngine &diags) {
  auto model = RunModel::open(path, {}, diags);
  if (!model)
    return failure();
  cutUnknown(*model->graph, unknown);
  auto whole = RunModel::of(std::move(model->graph), path, diags);
  return whole ? Result<Side>(Side::of(std::move(*whole))) : failure();
}

static Result<std::vector<Tensor>> randomInputs(const Side &side, DiagEngine &diags) {
  std::vector<Tensor> tensors;
  for (const InputWanted &wanted : side.model->inputs) {
    auto source = openInput({fmt::format("random:{}", tensors.size() + 1)}, wanted, {}, diags);
    auto sample = source ? (*source)->load(0, diags) : failure();
    if (!sample)
      return failure();
    tensors.push_back(std::move(sample->input));
  }
  return tensors;
}

static Result<Comparison> execute(Side &a, Side &b, DiagEngine &diags) {
  if (const int64_t bytes = bytesOf(a) + bytesOf(b); bytes > MostBytes)
    return diags.error(fmt::format("their tensors take {} GB", bytes >> 30)).rule("results.size");
  auto inputs = randomInputs(a, diags);
  if (!inputs || failed(a.run(*inputs, diags)))
    return failure();
  auto translated = inputsLike(a, *inputs, b, diags);
  if (!translated || failed(b.run(*translated, diags)))
    return failure();
  return compareSides(a, b, diags, LayersAlone::IfDifferent);
}

static std::string differenceOf(const ComparedTensor &r) {
  const TensorStats &s = r.single ? *r.single : r.entire;
  std::string text = fmt::format("'{}' ({}): {} of {} numbers differ", r.name, r.op, s.differing, s.elements);
  if (s.maxLsb)
    text += fmt::format(", by at most {:.6g} LSB", *s.maxLsb);
  text += r.single ? ", fed with the same tensors" : "";
  return r.cause.empty() ? text : text + ": " + r.cause;
}

CheckedItem dpuopt::judgeResults(const Comparison &c) {
  CheckedItem item{"results", true, ""};
  unsigned rewritten = 0, others = 0;
  for (const ComparedTensor &r : c.rows) {
    if (r.entire.identical() || (r.single && r.single->identical()))
      continue;
    const bool known = r.single && r.single->maxLsb && *r.single->maxLsb <= r.causeLsb;
    ++(known ? rewritten : others);
    item.add(differenceOf(r), r.name);
  }
  item.good = !others;
  item.text = fmt::format("{} of {} tensors are bit-identical, on random numbers", c.identical(), c.rows.size());
  if (others)
    item.text += fmt::format("; {} layer{} something else", others, others == 1 ? " computes" : "s compute");
  if (rewritten)
    item.text +=
        fmt::format("; {} layer{} as the compiler is known to", rewritten, rewritten == 1 ? " differs" : "s differ");
  return item;
}

CheckedItem dpuopt::checkResults(const std::string &quantized, const std::string &compiled) {
  DiagEngine diags;
  std::set<std::string> unknown;
  auto a = openSide(quantized, unknown, diags);
  auto b = a ? openSide(compiled, unknown, diags) : failure();
  auto found = b ? execute(*a, *b, diags) : failure();
  if (found) {
    CheckedItem item = judgeResults(*found);
    if (!unknown.empty())
      item.text += "; not executed, but given random results: " + llvm::join(unknown, ", ");
    return item;
  }
  for (const Diagnostic &d : diags.all())
    if (llvm::StringRef(d.rule).startswith("compare.") && d.severity == Severity::Error) // they do not fit together
      return {"results", false, d.message};
  for (const Diagnostic &d : diags.all())
    if (d.severity == Severity::Error)
      return CheckedItem::unchecked("results", "not compared: " + d.message);
  return CheckedItem::unchecked("results", "not compared");
}
