//===- vart-stand-in-dpu - what a DPU subgraph computes -------------------------------------===//
//
//   vart-stand-in-dpu MODEL.xmodel SUBGRAPH FOLDER
//
// Reads in0.i8, in1.i8, ... (the subgraph's inputs, by name) in FOLDER and writes out0.i8, ...
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Compare/Isolate.h"
#include "dpuopt/Compare/Meaning.h"
#include "dpuopt/Data/TensorFiles.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Target/FileSubgraphs.h"

using namespace dpuopt;

/// The subgraph alone: fed with its inputs, giving its outputs.
static std::unique_ptr<Graph> subgraphAlone(const Graph &g, llvm::ArrayRef<const Value *> inputs,
                                            llvm::ArrayRef<const Value *> outputs) {
  IsolatedGraph alone = isolateLayers(g, inputs);
  for (auto &[value, cut] : alone.inputs)
    if (cut != SIZE_MAX)
      alone.graph->lookup(value->name())->takeName(alone.graph->lookup(inputs[cut]->name()));
  std::vector<Value *> wanted;
  for (const Value *v : outputs)
    wanted.push_back(alone.graph->lookup(v->name()));
  alone.graph->setOutputs(wanted);
  for (Op &op : llvm::make_early_inc_range(llvm::reverse(alone.graph->ops())))
    if (op.unused())
      alone.graph->erase(&op);
  return std::move(alone.graph);
}

static Status compute(const Graph &g, llvm::StringRef name, const std::string &folder, DiagEngine &diags) {
  const FileSubgraphs all(g);
  for (const FileSubgraph *s : all.sorted()) {
    if (s->name != name)
      continue;
    const std::vector<const Value *> inputs = all.inputs(*s), outputs = all.outputs(*s);
    std::unique_ptr<Graph> alone = subgraphAlone(g, inputs, outputs);
    std::vector<Tensor> feeds;
    for (const Value *v : graphFeeds(*alone))
      for (size_t i = 0; i < inputs.size(); ++i)
        if (inputs[i]->name() == v->name()) {
          auto t = readTensorFile({v->name(), v->type(), folder + "/in" + std::to_string(i) + ".i8"}, v->name(),
                                  v->type(), diags);
          feeds.push_back(t ? std::move(*t) : Tensor());
        }
    auto executor = Executor::create(*alone, {}, diags);
    auto results = executor ? (*executor)->run(feeds) : failure();
    for (size_t i = 0; results && i < outputs.size(); ++i)
      if (failed(writeTensorFile(folder + "/out" + std::to_string(i) + ".i8",
                                 storedIntegers((*results)[i], outputs[i]->type().elemType()), TensorFormat::Raw,
                                 diags)))
        return failure();
    return results ? success() : failure();
  }
  return diags.error("no such subgraph");
}

int main(int argc, char **argv) {
  DiagEngine diags(&llvm::errs());
  auto g = argc == 4 ? loadGraph(argv[1], {}, diags) : failure();
  return g && succeeded(compute(**g, argv[2], argv[3], diags)) ? 0 : 1;
}
