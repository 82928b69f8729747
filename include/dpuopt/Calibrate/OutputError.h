//===- OutputError.h - how far a quantized network's outputs are from the float ones ---===//
//
// What every step that improves a quantization is judged by: the float graph's outputs on
// a set of samples, kept, against those of the graph rounded at its positions. Kept are at
// most some 64 MB: evenly spread elements of outputs that are larger than that together.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_OUTPUTERROR_H
#define DPUOPT_CALIBRATE_OUTPUTERROR_H

#include "dpuopt/Calibrate/Quantization.h"
#include "dpuopt/Calibrate/Samples.h"

namespace dpuopt {

/// Rounds a flow of `q` at the positions `q` has now, which must outlive it.
class RoundingVisitor : public SampleVisitor {
public:
  /// `flow`: of graph `number` of those that are run; the others are left alone.
  RoundingVisitor(const Quantization &q, const FlowGraph &flow, unsigned number = 0)
      : q(q), flow(flow), number(number) {}
  void feed(unsigned k, const Value &input, Tensor &t) override { k == number ? round(input, t) : void(); }
  void observe(unsigned k, const Value &v, Tensor &t) override { k == number ? round(v, t) : void(); }

protected:
  void round(const Value &v, Tensor &t);
  const Quantization &q;
  const FlowGraph &flow;
  const unsigned number;
};

/// What the outputs differ by, over all samples.
struct OutputNoise {
  double ratio = 0;                    ///< squared error / squared signal, the mean over the outputs; 0: none
  size_t top1Changed = 0, samples = 0; ///< answers that change; of networks whose first output is one vector of scores
  bool classifier = false;
  double decibels() const; ///< the signal-to-noise ratio; infinite without noise
};

class OutputError {
public:
  /// Runs q.reference() on samples `which`; `samples` and `diags` must outlive the result. Errors: an op that cannot be
  /// executed, an output with an infinity or NaN [calibrate.non-finite], the data's.
  static Result<OutputError> create(const Quantization &q, const Samples &samples, std::vector<size_t> which,
                                    unsigned threads, DiagEngine &diags);
  /// Runs `q` as it is now; the same number for any number of threads. Cheaper when only positions of activations
  /// have changed since the last call.
  Result<OutputNoise> of(const Quantization &q);
  size_t samples() const { return which.size(); }

private:
  struct Kept;
  struct Prepared;
  class Reference;
  class Measured;
  OutputError(const Samples &samples, std::vector<size_t> which, unsigned threads, DiagEngine &diags);
  Status prepare(const Quantization &q);

  const Samples *data;
  std::vector<size_t> which;
  unsigned threads;
  DiagEngine *diags;
  std::unique_ptr<Kept> kept;
  std::unique_ptr<Prepared> prepared; ///< of the parameters last seen

public:
  OutputError(OutputError &&);
  ~OutputError();
};

} // namespace dpuopt
#endif
