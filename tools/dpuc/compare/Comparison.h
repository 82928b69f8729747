//===- Comparison.h - two sides, tensor by tensor ------------------------------------===//
//
// `entire`: what both have for one tensor. `single`: the layer of one side alone, fed with
// the other's tensors, against what the other has. Knows no flag.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_COMPARISON_H
#define DPUOPT_TOOLS_DPUC_COMPARISON_H

#include "Side.h"
#include "dpuopt/Compare/Isolate.h"
#include "dpuopt/Compare/TensorStats.h"

namespace dpuopt {

struct ComparedTensor {
  std::string name, nameB; ///< in A and in B
  std::string op;          ///< what computes it in B (in A if B is a folder)
  Type type;               ///< in A, or the type of the side that has a fix point
  bool byName = true, isInput = false;
  TensorStats entire;
  std::optional<TensorStats> single;
  bool rescaled = false; ///< the channels differ by factors, as after cross-layer equalization
  std::string cause;     ///< why the layer itself differs, if that is known
  double causeLsb = 0;   ///< how far that may take it, if the compiler is known to do it; else 0
};

/// A layer of one side without a partner.
struct LoneTensor {
  std::string name, op;
  std::string into; ///< the nearest compared tensor that is made of it; empty: none
};

struct Comparison {
  std::string a, b;      ///< described
  bool bothRound = true; ///< else one side computes with real numbers, and every tensor differs
  std::vector<ComparedTensor> rows;
  std::vector<LoneTensor> onlyA, onlyB;

  size_t identical() const {
    return static_cast<size_t>(llvm::count_if(rows, [](const ComparedTensor &r) { return r.entire.identical(); }));
  }
};

/// When layers are fed one by one: it costs another run.
enum class LayersAlone { Always, IfDifferent };
/// Models have been run. Errors: nothing to compare (a folder of another model), a file that does not fit.
Result<Comparison> compareSides(Side &a, Side &b, DiagEngine &diags, LayersAlone layers = LayersAlone::Always);

void printComparison(const Comparison &c, llvm::ArrayRef<const ComparedTensor *> rows, llvm::StringRef input,
                     llvm::raw_ostream &os);
std::string comparisonJson(const Comparison &c, bool same);

} // namespace dpuopt
#endif
