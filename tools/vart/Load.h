//===- Load.h - a DPU under load ---------------------------------------------------------===//
//
// Threads, each with a runner of its own, that run jobs one after the other and look at every
// result. The request is
//
//   {"do": "bench", "name": SUBGRAPH, "inputs": [...], "outputs": [...] as for load,
//    "threads": 2, "seconds": 60.0, "jobs": 0 (of each thread; then the time does not count),
//    "timeout": SECONDS of one job,
//    "samples": [[FILE of each input]] (none: random bytes), "results": [[FILE of each output]]}
//
// and the answer
//
//   {"threads": [{"frames", "wrong"}], "slots", "seconds", "shutdown_us",
//    "latency": {"jobs", "mean_ms", "min_ms", "p50_ms", "p99_ms", "max_ms"},
//    "first_wrong": {"thread", "sample", "tensor", "byte", "expected", "found"} or null}
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_VART_LOAD_H
#define DPUOPT_TOOLS_VART_LOAD_H

#include "Dpu.h"
#include <functional>
#include <nlohmann/json.hpp>

struct Load {
  unsigned threads = 1;
  double seconds = 0;
  size_t jobs = 0;
  int timeoutMilliseconds = 0;
  std::vector<std::vector<std::string>> samples, results;
  std::function<void(int)> progress; ///< 0, 10, ... 100
};

nlohmann::json applyLoad(const Border &border, const Load &load);

/// A file of so many bytes, or refusal.
std::vector<char> readSample(const std::string &file, size_t bytes);
void writeSample(const std::string &file, const char *data, size_t bytes);

#endif
