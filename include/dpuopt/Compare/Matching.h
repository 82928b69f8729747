//===- Matching.h - which tensors of two models are the same ----------------------===//
//
// By name first: the compiler's, the quantizer's and our own lowering's names of one
// tensor differ in known endings, and file names in characters that they may not have.
// What is left is paired by the order of layers of one kind and shape, where names have
// nothing in common. Reads names, types and ops; executes nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_COMPARE_MATCHING_H
#define DPUOPT_COMPARE_MATCHING_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// A tensor that may have a partner.
struct TensorEntry {
  std::string name;
  Type type;                    ///< a fix type if its numbers are exactly that; unranked if unknown
  const Value *value = nullptr; ///< of a graph; null for a file
  bool isInput = false, isOutput = false;
};

/// The layers of a graph in order: inputs, results of ops that compute (no copies of a tensor, nothing that only makes
/// shapes), and outputs. What is rounded at once is left to what rounds it.
std::vector<TensorEntry> comparableTensors(const Graph &g);

/// The name without what the vendor's compiler and quantizer append (`_fix`, `_upload_0`, `_download_0`,
/// `_inserted_fix_1`, `(TransferMatMulToConv2d)`), with '_' for what is not a letter or digit.
std::string plainName(llvm::StringRef name);

struct TensorPair {
  size_t a, b;
  bool byName = true; ///< else by the order of layers
};
/// Pairs in the order of `a`; each entry has at most one partner, whose shape fits.
std::vector<TensorPair> matchTensors(llvm::ArrayRef<TensorEntry> a, llvm::ArrayRef<TensorEntry> b);

/// The op that computes `v`: behind fixes, activations, copies and constant factors. Null for inputs.
const Op *anchorOf(const Value &v);
/// "conv", "pool", "add", ...: the same for an op of either vocabulary; empty for what is no layer of its own.
std::string layerKind(const Op &op);

} // namespace dpuopt
#endif
