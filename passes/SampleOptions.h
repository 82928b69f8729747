//===- SampleOptions.h - options shared by the passes that run the graph on samples ----===//
//
// Private to passes/*.cpp: data, count and threads.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_SAMPLEOPTIONS_H
#define DPUOPT_PASSES_SAMPLEOPTIONS_H

#include "dpuopt/Calibrate/Samples.h"
#include "dpuopt/Pass/Pass.h"

namespace dpuopt {

constexpr PassOption DataOption = {"data", "SPEC",
                                   "Where samples come from: fashion-mnist:200, a folder, x.npy, x.bin, with :options"};
constexpr PassOption CountOption = {"count", "N", "At most N samples (0: what the source gives)", "0"};
constexpr PassOption ThreadsOption = {"threads", "N", "Samples run at once; the result is the same", "1"};

struct GivenSamples {
  Samples samples;
  unsigned threads;
};

/// What those options say. Errors: no data [`rule`], with the note `instead` unless it is empty; the data source's.
Result<GivenSamples> openSamples(const Graph &g, const PassContext &ctx, llvm::StringRef pass, llvm::StringRef rule,
                                 llvm::StringRef instead = "");

} // namespace dpuopt
#endif
