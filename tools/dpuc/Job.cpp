//===- Job.cpp - from a file to a partitioned graph --------------------------------===//
#include "Commands.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Passes/Registry.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include <fmt/format.h>

using namespace dpuopt;

Result<Job> dpuopt::openJob(const ModelOptions &options, DiagEngine &diags) {
  auto target = makeDpuczdx8gTarget(options.target, diags);
  if (!target)
    return failure();
  auto graph = loadGraph(options.model, options.onnx, diags);
  if (!graph)
    return failure();
  diags.setFile(options.model);
  Job job{std::move(*graph), std::move(*target), {}};
  job.report.before = countOps(*job.graph);
  return job;
}

Pipeline dpuopt::steps(llvm::StringRef name, PassOptions options) {
  DiagEngine silent;
  auto pipeline = parsePipeline(name, allPasses(), silent);
  assert(pipeline && "a pass that dpuc itself names exists");
  for (auto &[key, value] : options)
    pipeline->back().options[key] = value;
  return std::move(*pipeline);
}

Status dpuopt::runSteps(Job &job, const Pipeline &pipeline, bool timePasses, DiagEngine &diags) {
  RunOptions options;
  options.timePasses = timePasses;
  return runPipeline(job.graph, pipeline, options, diags);
}

static std::string describeSplit(const SplittingOp &s) {
  std::string text = fmt::format("{} '{}'", s.op->isXir() ? s.op->name().drop_front(4).str() : s.op->name().str(),
                                 s.op->loc().node.empty() ? s.op->result()->name() : s.op->loc().node);
  for (const BrokenRule &b : s.broken)
    text += fmt::format(": {}, {} [{}]", b.required, b.found, b.rule->id);
  if (!s.followers.empty())
    text += fmt::format(" (and {} that follow it)", s.followers.size());
  return text;
}

void dpuopt::placeOnTarget(Job &job, const ModelOptions &options) {
  Partition partition = partitionGraph(*job.graph, partitionFor(*job.target));
  annotate(*job.graph, partition);
  OpCounts before = std::move(job.report.before);
  job.report = collectReport(*job.graph);
  job.report.before = std::move(before);
  job.report.model = options.model;
  job.report.target = job.target->described();
  job.report.expectedDpu = options.expectDpu;
  if (partition.count(Device::Dpu) > 1 || !job.report.asExpected())
    for (const SplittingOp &s : splittingOps(partition, *job.graph))
      job.report.splitting.push_back(describeSplit(s));
}

bool dpuopt::checkExpectation(const ModelReport &report, DiagEngine &diags) {
  if (report.asExpected())
    return true;
  DiagBuilder d = diags.error(fmt::format("{} DPU subgraph{} expected, the partition has {}", *report.expectedDpu,
                                          *report.expectedDpu == 1 ? "" : "s", report.count("DPU")));
  for (const std::string &s : report.splitting)
    d.note("split by " + s);
  return false;
}
