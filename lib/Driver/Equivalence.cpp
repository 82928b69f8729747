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
    return 5e-4; // a deep net with random weights reaches 1e-4 by rounding alone
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

static bool hasFixPoints(const Graph &g) {
  auto isFix = [](Value *v) { return v->type().isFix(); };
  return llvm::any_of(g.inputs(), isFix) ||
         llvm::any_of(g.ops(), [&](const Op &op) { return !op.isConst() && llvm::any_of(op.results(), isFix); });
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
    // With fix points, a difference in the last float bit may become a whole step of one of
    // them: such a difference is shown, but only a pass that keeps every bit is judged by it.
    bool rounds = step.pass->preserves == Preserves::Closely && hasFixPoints(after);
    auto worst =
        checkEquivalence(before, after, toleranceOf(rounds ? Preserves::Meaning : step.pass->preserves), seed, diags);
    if (!worst) {
      broken = true;
      return diags.error(std::string("pass '") + step.pass->name + "' changed what the graph computes");
    }
    out << "// " << step.pass->name << ": largest relative difference " << llvm::format("%.2g", *worst) << '\n';
    return success();
  };
}
