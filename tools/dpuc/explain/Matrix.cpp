//===- Matrix.cpp - one model on every DPU -----------------------------------------===//
#include "Matrix.h"
#include "dpuopt/Report/Lines.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {
/// What is left of a line behind the numbers.
constexpr size_t WhyWidth = Columns - 61;

struct Row {
  DpuConfiguration dpu;
  unsigned subgraphs = 0, cpuOps = 0;
  std::string why;
};
} // namespace

/// The cause that cuts most there.
static std::string whyNot(const Diagnosis &d) {
  if (d.causes.empty())
    return "";
  const Cause &c = d.causes.front();
  std::string found = c.rules.empty() || c.isHead ? "" : ": " + c.rules.front().found;
  std::string more = d.causes.size() > 1 ? fmt::format("; {} more", d.causes.size() - 1) : "";
  std::string title = c.isHead ? "post-processing" : c.title;
  return fmt::format("{} x{} [{}]{}{}", title, c.ops.size(), c.id, found, more);
}

static Result<Row> place(const Graph &g, const DpuConfiguration &dpu, unsigned expected, DiagEngine &diags) {
  auto target = makeDpuczdx8gTarget({fmt::format("0x{:x}", dpu.fingerprint), vitisAiStr(dpu.release)}, diags);
  if (!target)
    return failure();
  PartitionOptions options = partitionFor(**target);
  Partition p = partitionGraph(g, options);
  Row row{dpu, p.count(Device::Dpu), 0, ""};
  row.cpuOps = llvm::count_if(p.fused->ops,
                              [](const FusedOp &op) { return op.device == Device::Cpu && isJudged(op) && op.anchor; });
  if (row.subgraphs != expected || row.cpuOps)
    row.why = whyNot(diagnose(g, p, options, expected));
  return row;
}

Status dpuopt::printMatrix(const Graph &g, unsigned expected, llvm::raw_ostream &os, DiagEngine &diags) {
  os << fmt::format("\n{:<30} {:<18} {:>4} {:>4}  {}\n", "DPU", "fingerprint", "DPU", "CPU", "why not");
  const DpuConfiguration *smallest = nullptr;
  std::vector<DpuConfiguration> all = dpuczdx8gConfigurations();
  for (const DpuConfiguration &dpu : all) {
    auto row = place(g, dpu, expected, diags);
    if (!row)
      return failure();
    bool good = row->subgraphs == expected;
    os << fmt::format("{:<30} 0x{:<16x} ", fmt::format("{} {}", dpu.name.substr(10), vitisAiStr(dpu.release)),
                      dpu.fingerprint);
    os.changeColor(good ? llvm::raw_ostream::GREEN : llvm::raw_ostream::RED);
    os << fmt::format("{:>4}", row->subgraphs);
    os.resetColor();
    std::string why = row->why.size() > WhyWidth ? row->why.substr(0, WhyWidth - 3) + "..." : row->why;
    os << fmt::format(" {:>4}{}{}\n", row->cpuOps, why.empty() ? "" : "  ", why);
    if (good && (!smallest || dpu.peak < smallest->peak))
      smallest = &dpu;
  }
  std::string want = fmt::format("{} DPU subgraph{}", expected, expected == 1 ? "" : "s");
  os << (smallest ? fmt::format("smallest with {}: {} 0x{:x} (Vitis AI {})\n", want, smallest->name,
                                smallest->fingerprint, vitisAiStr(smallest->release))
                  : fmt::format("no DPU of the family gives {}\n", want));
  return success();
}
