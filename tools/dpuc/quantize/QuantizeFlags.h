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

/// Cross-layer equalization before fix points.
enum class Equalize {
  Off,
  Vendor, ///< pairs of convolutions, as vai_q_pytorch does
  Dfq,    ///< all layers around each tensor
  Data,   ///< Dfq, and through ReLU6 as far as the calibration data shows that it does not clip
  Auto    ///< with data: Vendor or Data, whichever keeps the outputs better; with a quant_info.json: Vendor if its
          ///< positions then fit the weights better
};
/// Clean-up with or without it; not for Auto. `data` and `threads` are those of the calibration.
Pipeline cleanUpSteps(Equalize equalize, llvm::StringRef data, unsigned threads);

struct QuantizeOptions {
  Recipe recipe;
  Equalize equalize = Equalize::Auto;
  unsigned threads = 1;
  uint64_t seed = 0;
};

class QuantizeFlags {
public:
  /// `equalize`: by default; only where that is Auto can it be asked for.
  explicit QuantizeFlags(cl::SubCommand &sub, Equalize equalize = Equalize::Auto);
  Status fill(QuantizeOptions &options, DiagEngine &diags) const;
  /// Was any of them given?
  bool given() const;

private:
  cl::opt<std::string> method;
  cl::opt<Equalize> equalize;
  cl::opt<double> percentile;
  cl::opt<int> bits, threads;
  cl::opt<uint64_t> seed;
  cl::opt<bool> search, biasCorrect, fineTune;
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
