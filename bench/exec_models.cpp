//===- exec_models.cpp - how long a whole model takes to execute --------------------===//
//
// A prepared run against preparing anew for every run, on the FashionMNIST example
// and on mobilenet_v2 at 224 x 224 where the shared models are present.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Onnx/Onnx.h"
#include <benchmark/benchmark.h>
#include <filesystem>

using namespace dpuopt;

namespace {

const std::filesystem::path Root = DPUOPT_SOURCE_DIR;

struct Model {
  DiagEngine diags{&llvm::errs()};
  std::unique_ptr<Graph> graph;
  std::vector<Tensor> inputs;

  /// False if the file is not there or cannot be read.
  bool load(const std::filesystem::path &path) {
    if (!std::filesystem::exists(path))
      return false;
    auto g = importOnnx(path.string(), {}, diags);
    if (!g)
      return false;
    graph = std::move(*g);
    for (const Value *v : graphFeeds(*graph))
      inputs.push_back(randomTensor(v->type(), 1));
    return true;
  }
};

void prepared(benchmark::State &state, const std::filesystem::path &path) {
  Model m;
  if (!m.load(path))
    return state.SkipWithError("no such model");
  auto executor = Executor::create(*m.graph, {}, m.diags);
  for (auto _ : state)
    if (!executor || !(*executor)->run(m.inputs))
      return state.SkipWithError("cannot run");
}

void anew(benchmark::State &state, const std::filesystem::path &path) {
  Model m;
  if (!m.load(path))
    return state.SkipWithError("no such model");
  for (auto _ : state) {
    auto executor = Executor::create(*m.graph, {}, m.diags);
    if (!executor || !(*executor)->run(m.inputs))
      return state.SkipWithError("cannot run");
  }
}

const auto Fmnist = Root / "examples/fmnist/fmnist_cnn2.onnx";
const auto Mobilenet = Root / "../shared/data/models/torchvision/mobilenet_v2.onnx";

BENCHMARK_CAPTURE(prepared, fmnist_cnn2, Fmnist)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(anew, fmnist_cnn2, Fmnist)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(prepared, mobilenet_v2, Mobilenet)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(anew, mobilenet_v2, Mobilenet)->Unit(benchmark::kMillisecond);

} // namespace
