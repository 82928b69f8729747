//===- EliminateDeadCode.cpp - remove what nothing uses ------------------------===//
//
// Before: any graph. After: every op and constant has a result that is used, directly
// or not, by a graph output. Conditions: none; ops of unknown domains count as free of
// side effects, as every ONNX operator is. Graph inputs stay: they are the interface.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Pass/Pass.h"

namespace dpuopt {
namespace {

PassResult run(Graph &g, PassContext &) {
  size_t before = g.size();
  // Users come after what they use, so one sweep from the end finds everything.
  for (Op &op : llvm::make_early_inc_range(llvm::reverse(g.ops())))
    if (op.unused())
      g.erase(&op);
  return g.size() == before ? PassResult::Unchanged : PassResult::Changed;
}

} // namespace

extern const PassInfo EliminateDeadCodePass;
const PassInfo EliminateDeadCodePass = {
    "eliminate-dead-code",
    "Remove ops and constants that nothing uses",
    "**Before:** any graph. **After:** every op and constant contributes to a graph output. **Conditions:** none; ops "
    "of unknown domains are removed too, since ONNX operators have no side effects. Graph inputs stay.",
    Preserves::Exactly,
    {},
    run,
};

} // namespace dpuopt
