//===- CheckTarget.cpp - pass `check-target` --------------------------------===//
//
// Before, after: a lowered graph (xir.*), unchanged. Emits one warning per broken rule
// of every op, with the rule's id and its remedy as a note. Conditions: none.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Pass/Pass.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "dpuopt/Target/Partition.h"

namespace dpuopt {

static PassResult runCheckTarget(Graph &g, PassContext &ctx) {
  auto target = makeDpuczdx8gTarget({ctx.option("target"), ctx.option("vitis-ai")}, ctx.diags);
  if (!target)
    return PassResult::Failure;
  Partition p = partitionGraph(g, partitionFor(**target));
  for (const Op &op : g.ops())
    for (const BrokenRule &b : p.of(op).broken) {
      Location loc = op.loc();
      if (loc.node.empty())
        loc.node = xirName(op);
      ctx.diags.warning(loc, b.message()).rule(b.rule->id).note(b.remedy);
    }
  return PassResult::Unchanged;
}

extern const PassInfo CheckTargetPass;
const PassInfo CheckTargetPass = {
    "check-target",
    "Warn of every rule of the target that an op breaks",
    "**Before, after:** a lowered graph (`xir.*`), unchanged. One warning per broken rule of every op with what is "
    "required, what "
    "was found, the rule's id and the remedy as a note. **Conditions:** none.",
    Preserves::Exactly,
    {{"target", "NAME", "board alias, target name, fingerprint or arch.json", "kv260"},
     {"vitis-ai", "VERSION", "release of the compiler: 2.5, 3.0, 3.5 (default: 3.5)", ""}},
    runCheckTarget};

} // namespace dpuopt
