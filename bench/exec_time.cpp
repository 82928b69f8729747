//===- exec_time.cpp - our half of exec_vs_ort.py -----------------------------------===//
//
// exec_time MODEL THREADS: prepares the model, then for every number N read from
// standard input runs it N times and prints the milliseconds of each run in one
// line. The last line, at end of input, is the peak memory in MB.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Xir/Xir.h"
#include <chrono>
#include <fmt/format.h>
#include <iostream>
#include <sys/resource.h>

using namespace dpuopt;

/// False if a run fails.
static bool timeRuns(Executor &executor, llvm::ArrayRef<Tensor> inputs, int runs) {
  for (int i = 0; i < runs; ++i) {
    auto start = std::chrono::steady_clock::now();
    if (!executor.run(inputs))
      return false;
    std::chrono::duration<double, std::milli> ms = std::chrono::steady_clock::now() - start;
    std::cout << fmt::format("{:.3f} ", ms.count());
  }
  std::cout << std::endl;
  return true;
}

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  DiagEngine diags(&llvm::errs());
  auto graph =
      llvm::StringRef(argv[1]).endswith(".xmodel") ? importXmodel(argv[1], diags) : importOnnx(argv[1], {}, diags);
  if (!graph)
    return 2;
  std::vector<Tensor> inputs;
  for (const Value *v : graphFeeds(**graph))
    inputs.push_back(randomTensor(v->type(), 1));
  ExecOptions options;
  options.threads = static_cast<unsigned>(std::max(1, std::atoi(argv[2])));
  auto executor = Executor::create(**graph, options, diags);
  if (!executor)
    return 2;
  for (int runs; std::cin >> runs;)
    if (!timeRuns(**executor, inputs, runs))
      return 1;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::cout << usage.ru_maxrss / 1024 << "\n";
  return 0;
}
