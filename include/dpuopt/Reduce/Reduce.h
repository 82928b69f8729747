//===- Reduce.h - a smaller graph that still shows something -----------------------===//
//
// Shrinks an onnx.* graph as long as the caller says that it still shows what it is to
// show: keeps a part of its ops, replaces weights by random ones, halves sizes. Every
// graph it asks about is valid: what a removed op made is a new input of the same name
// and type, what nobody reads any more is an output. Knows no rule, no target and no
// file; the caller knows what "shows" means.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_REDUCE_REDUCE_H
#define DPUOPT_REDUCE_REDUCE_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// What a reduction asks its caller. All are called from one thread.
struct ReduceCallbacks {
  std::function<bool(const Graph &)> shows; ///< does this candidate still show it? (one try)
  std::function<Status(Op &)> refineTypes;  ///< gives an op's results their types; failure: its operands contradict it
  std::function<bool()> stop = [] { return false; }; ///< asked before each try: is it enough?
};

struct ReduceOptions {
  bool keepWeights = false; ///< weights stay what they are
  bool keepSizes = false;   ///< inputs and channels stay as large as they are
  uint64_t seed = 0;        ///< of random weights
};

struct ReduceResult {
  unsigned tries = 0;            ///< candidates that were asked about
  unsigned accepted = 0;         ///< those that became the graph
  bool complete = true;          ///< nothing more can be removed (false: stopped)
  unsigned randomWeights = 0;    ///< constants of the result with random numbers in the range of the original's
  std::vector<std::string> kept; ///< constants whose own numbers are needed
};

/// Replaces `g` by the smallest graph found; `g` itself must show it. The same graph and answers give the same result.
/// What is left is minimal: taking away any one op, output or half of the sizes does not show it any more, as far as
/// these can be taken away. A connected graph stays connected, so that the result is one example.
ReduceResult reduceGraph(std::unique_ptr<Graph> &g, const ReduceCallbacks &callbacks, const ReduceOptions &options);

/// The ops a reduction counts: all but constants and what only computes with constants.
unsigned countReducible(const Graph &g);

/// Numbers of the same type and shape between the smallest and largest of `t`, both of which occur (at least two
/// elements provided). The same seed gives the same numbers.
Tensor randomLike(const Tensor &t, uint64_t seed);

} // namespace dpuopt
#endif
