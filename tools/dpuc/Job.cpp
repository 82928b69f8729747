//===- Job.cpp - from a file to a partitioned graph --------------------------------===//
#include "Job.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Passes/Registry.h"
#include "dpuopt/Quant/Qdq.h"
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
  Job job{std::move(*graph), std::move(*target), {}, false};
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
  OpCounts before = countOps(*job.graph);
  options.observe = [&](const PassStep &step, PassResult result, double) {
    if (result != PassResult::Changed)
      return;
    OpCounts after = countOps(*job.graph);
    job.report.passes.push_back({step.pass->name, before, after});
    before = std::move(after);
  };
  return runPipeline(job.graph, pipeline, options, diags);
}

Status dpuopt::lowerForCheck(Job &job, bool timePasses, DiagEngine &diags) {
  job.hasFixPoints = carriesQdq(*job.graph);
  Pipeline all = job.hasFixPoints ? steps("import-qdq", {{"round-scales", "true"}}) : Pipeline();
  for (const char *name : {"clean-up", "assume-fix-points", "lower-to-xir"})
    if (!job.hasFixPoints || name != llvm::StringRef("assume-fix-points"))
      for (PassStep &step : steps(name))
        all.push_back(std::move(step));
  return runSteps(job, all, timePasses, diags);
}

void dpuopt::countSubgraphs(const Partition &partition, ModelReport &report) {
  std::vector<ReportedSubgraph> all;
  for (const Subgraph &s : partition.subgraphs) {
    auto it = llvm::find_if(report.subgraphs, [&](const ReportedSubgraph &r) { return r.name == s.name; });
    all.push_back(it != report.subgraphs.end() ? *it : ReportedSubgraph{s.name, deviceName(s.device), 0, 0});
    all.back().added = s.added.size();
  }
  report.subgraphs = std::move(all);
}

Partition dpuopt::placeOnTarget(Job &job, const ModelOptions &options) {
  Partition partition = partitionGraph(*job.graph, partitionFor(*job.target));
  annotate(*job.graph, partition);
  OpCounts before = std::move(job.report.before);
  std::vector<ReportedPass> passes = std::move(job.report.passes);
  job.report = collectReport(*job.graph);
  job.report.passes = std::move(passes);
  countSubgraphs(partition, job.report);
  job.report.before = std::move(before);
  job.report.model = options.model;
  job.report.target = job.target->described();
  job.report.expectedDpu = options.expectDpu;
  addDiagnosis(job.report, *job.graph, partition,
               diagnose(*job.graph, partition, partitionFor(*job.target), options.expectDpu.value_or(1)));
  return partition;
}

bool dpuopt::checkExpectation(const ModelReport &report, DiagEngine &diags) {
  if (report.asExpected())
    return true;
  DiagBuilder d = diags.error(fmt::format("{} DPU subgraph{} expected, the partition has {}", *report.expectedDpu,
                                          *report.expectedDpu == 1 ? "" : "s", report.count("DPU")));
  for (const std::string &line : causeLines(report))
    d.note(line);
  return false;
}
