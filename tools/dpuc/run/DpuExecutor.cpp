//===- DpuExecutor.cpp - a compiled model with its DPU subgraphs run by a device ---------===//
#include "DpuExecutor.h"
#include "dpuopt/Compare/Meaning.h"
#include <fmt/format.h>
#include <map>

using namespace dpuopt;

namespace {

/// Results by name, each stage computing what the next one needs.
class DpuExecutor : public Executor {
public:
  DpuExecutor(const RunModel &model, std::shared_ptr<DpuDevice> device, ExecOptions options, DiagEngine &diags)
      : g(*model.graph), path(model.path), all(g), device(std::move(device)), options(std::move(options)),
        diags(diags) {}
  Result<std::vector<Tensor>> run(llvm::ArrayRef<Tensor> inputs) override;

private:
  /// Ops that run here, once for all samples.
  struct Part {
    std::unique_ptr<Graph> graph;
    std::unique_ptr<Executor> executor;
    std::vector<std::string> feeds, results;
  };
  Result<Part> partUntil(llvm::ArrayRef<const Value *> wanted) const;
  Status compute(llvm::ArrayRef<const Value *> wanted);
  Result<std::vector<Tensor>> integersOf(llvm::ArrayRef<const Value *> values) const;
  Status runOnDpu(const FileSubgraph &s);
  ExecOptions optionsOfPart() const;

  const Graph &g;
  std::string path;
  FileSubgraphs all;
  std::shared_ptr<DpuDevice> device;
  ExecOptions options;
  DiagEngine &diags;
  std::map<std::string, Tensor> known;
  std::vector<Part> parts; ///< in the order of a run
  size_t next = 0;
};

/// The watcher knows the values of the whole model only.
ExecOptions DpuExecutor::optionsOfPart() const {
  ExecOptions part = options;
  if (options.watcher)
    part.watcher = [this](const Value &v, const Tensor &t) {
      if (const Value *original = g.lookup(v.name()))
        options.watcher(*original, t);
    };
  return part;
}

/// The part of the graph between what is known and what is wanted. Neither differs from run to run.
Result<DpuExecutor::Part> DpuExecutor::partUntil(llvm::ArrayRef<const Value *> wanted) const {
  Part part;
  part.graph = g.clone();
  std::vector<Value *> missing;
  for (const Value *v : wanted)
    if (!known.count(v->name())) {
      missing.push_back(part.graph->lookup(v->name()));
      part.results.push_back(v->name());
    }
  if (missing.empty())
    return part;
  part.graph->setOutputs(missing);
  for (auto &[name, tensor] : known)
    if (Value *v = part.graph->lookup(name); v && v->def()) {
      Value *input = part.graph->addInput(part.graph->uniqueName(name), v->type());
      v->replaceAllUsesWith(input);
      input->takeName(v);
    }
  for (Op &op : llvm::make_early_inc_range(llvm::reverse(part.graph->ops())))
    if (op.unused())
      part.graph->erase(&op);
  for (Value *input : part.graph->inputs())
    if (input->unused())
      part.graph->eraseInput(input);
  for (const Value *v : graphFeeds(*part.graph))
    part.feeds.push_back(v->name());
  auto executor = Executor::create(*part.graph, optionsOfPart(), diags);
  if (!executor)
    return failure();
  part.executor = std::move(*executor);
  return part;
}

/// The next part, on this machine.
Status DpuExecutor::compute(llvm::ArrayRef<const Value *> wanted) {
  if (next == parts.size()) {
    auto part = partUntil(wanted);
    if (!part)
      return failure();
    parts.push_back(std::move(*part));
  }
  const Part &part = parts[next++];
  if (part.results.empty())
    return success();
  std::vector<Tensor> feeds;
  for (const std::string &name : part.feeds)
    feeds.push_back(known.at(name));
  auto results = part.executor->run(feeds);
  if (!results)
    return failure();
  for (size_t i = 0; i < part.results.size(); ++i)
    known[part.results[i]] = std::move((*results)[i]);
  return success();
}

/// Stored integers of tensors that are known.
Result<std::vector<Tensor>> DpuExecutor::integersOf(llvm::ArrayRef<const Value *> values) const {
  std::vector<Tensor> list;
  for (const Value *v : values) {
    if (!v->type().isFix())
      return diags
          .error(fmt::format("the DPU reads '{}', which is {}: it takes stored integers", v->name(), v->type().str()))
          .file(path)
          .rule("run.vart");
    const Tensor &t = known.at(v->name());
    const bool stored = t.elemType() == v->type().elemType();
    list.push_back(stored ? t : storedIntegers(t, v->type().elemType()));
  }
  return list;
}

Status DpuExecutor::runOnDpu(const FileSubgraph &s) {
  const std::vector<const Value *> from = all.inputs(s), to = all.outputs(s);
  auto integers = integersOf(from);
  auto results = integers ? device->run(s, from, *integers, to) : failure();
  if (!results)
    return failure();
  for (size_t i = 0; i < to.size(); ++i) {
    if (options.watcher)
      options.watcher(*to[i], (*results)[i]);
    known[to[i]->name()] = std::move((*results)[i]);
  }
  return success();
}

Result<std::vector<Tensor>> DpuExecutor::run(llvm::ArrayRef<Tensor> inputs) {
  known.clear();
  next = 0;
  std::vector<Value *> feeds = graphFeeds(g);
  for (size_t i = 0; i < feeds.size(); ++i)
    known[feeds[i]->name()] = inputs[i];
  for (const FileSubgraph *s : all.sorted())
    if (s->device == "DPU" && (failed(compute(all.inputs(*s))) || failed(runOnDpu(*s))))
      return failure();
  std::vector<const Value *> wanted(g.outputs().begin(), g.outputs().end());
  if (failed(compute(wanted)))
    return failure();
  std::vector<Tensor> results;
  for (const Value *v : wanted)
    results.push_back(v->type().isFix() ? known.at(v->name()).toFloat() : known.at(v->name()));
  return results;
}

} // namespace

Status dpuopt::checkHasDpuSubgraph(const RunModel &model, DiagEngine &diags) {
  const FileSubgraphs all(*model.graph);
  if (llvm::StringRef(model.path).endswith(".xmodel") &&
      llvm::any_of(all.sorted(), [](const FileSubgraph *s) { return s->device == "DPU"; }))
    return success();
  return diags.error("VART runs compiled xmodels; this file has no DPU subgraph").file(model.path).rule("run.backend");
}

std::unique_ptr<Executor> dpuopt::createDpuExecutor(const RunModel &model, std::shared_ptr<DpuDevice> device,
                                                    const ExecOptions &options, DiagEngine &diags) {
  return std::make_unique<DpuExecutor>(model, std::move(device), options, diags);
}
