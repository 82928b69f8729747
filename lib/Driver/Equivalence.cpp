//===- Equivalence.cpp - --check-equivalence ---------------------------------------===//
#include "dpuopt/Driver/Driver.h"
#include "dpuopt/Exec/Executor.h"
#include "llvm/Support/Format.h"
#include <limits>

using namespace dpuopt;

/// Largest relative difference a pass of this kind may cause.
static double toleranceOf(Preserves p) {
  switch (p) {
  case Preserves::Exactly:
    return 0;
  case Preserves::Closely:
    return 1e-4;
  case Preserves::Meaning:
    return std::numeric_limits<double>::infinity();
  }
  return 0;
}

static const Op *firstNotExecutable(const Graph &g) {
  for (const Op &op : g.ops())
    if (!canExecute(op))
      return &op;
  return nullptr;
}

std::function<Status(const Graph &, const Graph &, const PassStep &)>
dpuopt::equivalenceCheck(llvm::raw_ostream &out, uint64_t seed, bool &broken, DiagEngine &diags) {
  return [&out, seed, &broken, &diags](const Graph &before, const Graph &after, const PassStep &step) -> Status {
    for (const Graph *g : {&before, &after})
      if (const Op *op = firstNotExecutable(*g)) {
        diags.warning(op->loc(), std::string("equivalence of ") + step.pass->name +
                                     " not checked: " + op->name().str() + " cannot be executed");
        return success();
      }
    auto worst = checkEquivalence(before, after, toleranceOf(step.pass->preserves), seed, diags);
    if (!worst) {
      broken = true;
      return diags.error(std::string("pass '") + step.pass->name + "' changed what the graph computes");
    }
    out << "// " << step.pass->name << ": largest relative difference " << llvm::format("%.2g", *worst) << '\n';
    return success();
  };
}
