//===- BoardBench.h - a benchmark on a board ------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_BOARDBENCH_H
#define DPUOPT_TOOLS_DPUC_BOARDBENCH_H

#include "BoardDevice.h"

namespace dpuopt {

struct BenchRequest {
  unsigned threads = 1, seconds = 60;
};

struct BenchResult {
  std::string program; ///< that measured: "xdputil benchmark"
  double fps = 0, frames = 0, seconds = 0;
  bool same = true; ///< else some result was another one than the same input gave before
};

/// Copies the model and measures it there; what the program says is printed to `os` as it comes.
Result<BenchResult> benchOnBoard(const RunModel &model, const Board &board, const BoardTools &tools,
                                 BoardFolder &folder, const BenchRequest &request, llvm::raw_ostream &os,
                                 DiagEngine &diags);
std::string benchJson(const BenchResult &result, const BenchRequest &request, const Board &board,
                      llvm::StringRef model);

} // namespace dpuopt
#endif
