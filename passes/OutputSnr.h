//===- OutputSnr.h - what a rewrite costs at the outputs --------------------------===//
//
// Private to passes/*.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_OUTPUTSNR_H
#define DPUOPT_PASSES_OUTPUTSNR_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// Runs both graphs (outputs match by position) on `count` samples of `data` (a DataSource spec; "": random numbers)
/// and says "output SNR 11.8 dB on 2 random inputs". "" if they cannot be executed or the data cannot be had, which is
/// a warning.
std::string outputSnr(const Graph &before, const Graph &after, llvm::StringRef data, int64_t count, DiagEngine &diags);

} // namespace dpuopt
#endif
