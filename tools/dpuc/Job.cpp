//===- Job.cpp - from a file to a partitioned graph --------------------------------===//
#include "Job.h"
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

static std::string nodeOf(const Op &op) { return op.loc().node.empty() ? op.result()->name() : op.loc().node; }

/// Splitting ops of one kind that break the same rules are one root cause: the first
/// is named, the others are counted.
static std::vector<std::string> describeSplits(llvm::ArrayRef<SplittingOp> splits) {
  struct Cause {
    std::string text, remedy;
    unsigned ops = 0, followers = 0;
  };
  std::vector<std::pair<std::string, Cause>> causes;
  for (const SplittingOp &s : splits) {
    std::string type = s.op->isXir() ? s.op->name().drop_front(4).str() : s.op->name().str(), key = type;
    for (const BrokenRule &b : s.broken)
      key += std::string(" ") + b.rule->id;
    auto it = llvm::find_if(causes, [&](auto &c) { return c.first == key; });
    if (it == causes.end()) {
      causes.push_back({key, {}});
      it = std::prev(causes.end());
      it->second.text = fmt::format("{} '{}'", type, nodeOf(*s.op));
      for (const BrokenRule &b : s.broken)
        it->second.text += ": " + b.str(), it->second.remedy = b.remedy;
    }
    ++it->second.ops;
    it->second.followers += s.followers.size();
  }
  std::vector<std::string> out;
  for (auto &[key, c] : causes) {
    std::string more = c.ops > 1 ? fmt::format("; {} more like it", c.ops - 1) : "";
    if (c.followers)
      more += fmt::format("; {} op{} follow{}", c.followers, c.followers == 1 ? "" : "s", c.followers == 1 ? "s" : "");
    out.push_back(c.text + more + (c.remedy.empty() ? "" : " -> " + c.remedy));
  }
  return out;
}

/// Subgraphs of the compiled file, also those that hold only ops the compiler adds.
static void countAll(const Partition &partition, ModelReport &report) {
  std::vector<ReportedSubgraph> all;
  for (const Subgraph &s : partition.subgraphs) {
    auto it = llvm::find_if(report.subgraphs, [&](const ReportedSubgraph &r) { return r.name == s.name; });
    all.push_back(it != report.subgraphs.end() ? *it : ReportedSubgraph{s.name, deviceName(s.device), 0, 0});
    all.back().added = s.added.size();
  }
  report.subgraphs = std::move(all);
}

void dpuopt::placeOnTarget(Job &job, const ModelOptions &options) {
  Partition partition = partitionGraph(*job.graph, partitionFor(*job.target));
  annotate(*job.graph, partition);
  OpCounts before = std::move(job.report.before);
  job.report = collectReport(*job.graph);
  countAll(partition, job.report);
  job.report.before = std::move(before);
  job.report.model = options.model;
  job.report.target = job.target->described();
  job.report.expectedDpu = options.expectDpu;
  if (partition.count(Device::Dpu) > 1 || !job.report.asExpected())
    job.report.splitting = describeSplits(splittingOps(partition, *job.graph));
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
