//===- QuantizeFlags.h - how fix points are found from data --------------------------===//
//
// The flags that `quantize`, `compile --calib` and `calibrate` share, and what they mean
// for a model: the recipe, the threads, what is shown meanwhile.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_QUANTIZEFLAGS_H
#define DPUOPT_TOOLS_DPUC_QUANTIZEFLAGS_H

#include "Command.h"
#include "Progress.h"
#include "dpuopt/Calibrate/Quantize.h"

namespace dpuopt {

/// Cross-layer equalization before fix points. Auto: with data always (it is vai_q_pytorch's default too), with a
/// quant_info.json if its positions fit the equalized weights better than the weights as they are.
enum class Equalize { Off, On, Auto };

struct QuantizeOptions {
  Recipe recipe;
  Equalize equalize = Equalize::Auto;
  unsigned threads = 1;
  uint64_t seed = 0;
};

class QuantizeFlags {
public:
  explicit QuantizeFlags(cl::SubCommand &sub);
  Status fill(QuantizeOptions &options, DiagEngine &diags) const;
  /// Was any of them given?
  bool given() const;

private:
  cl::opt<std::string> method;
  cl::opt<Equalize> equalize;
  cl::opt<double> percentile;
  cl::opt<int> bits, threads;
  cl::opt<uint64_t> seed;
};

/// A bar per stage on a terminal.
class StageBars {
public:
  void operator()(llvm::StringRef stage, size_t done, size_t total);
  /// As StepContext::progress; this object must outlive the step.
  StageProgress callback() {
    return [this](llvm::StringRef stage, size_t done, size_t total) { (*this)(stage, done, total); };
  }

private:
  std::unique_ptr<Progress> bar;
  std::string current;
  size_t shown = 0;
};

} // namespace dpuopt
#endif
