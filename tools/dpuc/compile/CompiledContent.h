//===- CompiledContent.h - fix points and parameters that a compiler was given --------===//
//
// Are they in its file as they were? Tensors are paired by name, with what the compiler
// is known to append. Executes nothing: what the ops do with them is CompiledResults.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_COMPILEDCONTENT_H
#define DPUOPT_TOOLS_DPUC_COMPILEDCONTENT_H

#include "dpuopt/IR/Graph.h"
#include <optional>

namespace dpuopt {

struct CheckedItem;

/// Fills "fix points" and "weights". Parameters must be the same integers in the same order (whatever the shape), but
/// for what compilers are known to do: the weights of a product behind a transpose and a flatten take the order of the
/// tensor before the transpose, those that are K x O become O x K, and biases beyond the shifter's reach are shifted
/// right in advance (docs/exactness-and-speed.md).
void checkContent(const Graph &quantized, const Graph &compiled, CheckedItem &positions, CheckedItem &weights);

} // namespace dpuopt
#endif
