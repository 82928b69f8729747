//===- Partition.cpp - pass `partition` -------------------------------------===//
//
// Before: a lowered graph (xir.*). After: the same graph; graph attribute `subgraphs`,
// op attributes `device` and, for CPU ops, `reason`. Conditions: none, any graph of
// xir.* ops is partitioned; without fix points every result counts as quantized.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Target/Partition.h"
#include "dpuopt/Pass/Pass.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include <fmt/format.h>

namespace dpuopt {

static PassResult runPartition(Graph &g, PassContext &ctx) {
  auto target = makeDpuczdx8gTarget({ctx.option("target"), ctx.option("vitis-ai")}, ctx.diags);
  if (!target)
    return PassResult::Failure;
  Partition p = partitionGraph(g, partitionFor(**target));
  annotate(g, p);
  ctx.diags.remark(fmt::format("{}: {} DPU, {} CPU, {} USER subgraphs", (*target)->described(), p.count(Device::Dpu),
                               p.count(Device::Cpu), p.count(Device::User)));
  return PassResult::Changed;
}

extern const PassInfo PartitionPass;
const PassInfo PartitionPass = {"partition",
                                "Predict the device of every op and the subgraphs of the compiled file",
                                "**Before:** a lowered graph (`xir.*`). **After:** unchanged ops with attribute "
                                "`device` (`DPU`, `CPU`, `USER`) and, on the CPU, "
                                "`reason`; graph attribute `subgraphs` lists the children of the compiled file's root "
                                "in order, each with name, device and "
                                "ops. **Conditions:** none; a graph without fix points is taken as if every result "
                                "were quantized. A subgraph that holds "
                                "only a conversion the compiler adds (`fix2float` of an output) has no ops.",
                                Preserves::Exactly,
                                {{"target", "NAME", "board alias, target name, fingerprint or arch.json", "kv260"},
                                 {"vitis-ai", "VERSION", "release of the compiler: 2.5, 3.0, 3.5 (default: 3.5)", ""}},
                                runPartition};

} // namespace dpuopt
