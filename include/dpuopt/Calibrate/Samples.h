//===- Samples.h - calibration data for all inputs of a graph -----------------------===//
//
// "SPEC", or "INPUT=SPEC;INPUT=SPEC" for a graph with several inputs (SPEC: DataSource.h);
// and graphs run on those samples, several at once. What is found does not depend on how
// many: a sample's run is collected only after all those before it.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_SAMPLES_H
#define DPUOPT_CALIBRATE_SAMPLES_H

#include "dpuopt/Data/DataSource.h"
#include "dpuopt/Exec/Executor.h"
#include <functional>

namespace dpuopt {

/// One thread's view of the samples.
class SampleReader {
public:
  size_t size() const { return sources.front()->size(); }
  /// Sample `i`: a tensor per graph input, NCHW f32. Errors are the data source's.
  Result<std::vector<Tensor>> load(size_t i, DiagEngine &diags);
  /// What the last sample loaded is called.
  const std::string &name() const { return lastName; }

private:
  friend class Samples;
  std::vector<std::unique_ptr<DataSource>> sources;
  std::string lastName;
};

class Samples {
public:
  /// Samples for the inputs of `g`, at most `count` (0: what the source gives). Errors [calibrate.data]: an input
  /// without data, different numbers of samples; and the data source's own.
  static Result<Samples> open(const Graph &g, llvm::StringRef data, size_t count, DiagEngine &diags);
  size_t size() const { return number; }
  /// The text they were opened with.
  const std::string &text() const { return data; }
  Result<std::unique_ptr<SampleReader>> reader(DiagEngine &diags) const;

private:
  std::string data;
  std::vector<DataSpec> specs;
  std::vector<Shape> shapes;
  size_t number = 0;
};

/// Warns of each input of `g` that is the same number everywhere on all samples [calibrate.constant], once. Reads no more
/// samples than it takes to know.
void warnOfConstants(const Graph &g, const Samples &samples, DiagEngine &diags);

/// What looks at the runs of one sample: graph 0, then graph 1, ... on one thread.
class SampleVisitor {
public:
  virtual ~SampleVisitor() = default;
  /// Before graph `k` runs; may change what it is fed.
  virtual void feed(unsigned k, const Value &input, Tensor &t) { (void)k, (void)input, (void)t; }
  /// Each value of graph `k` as it is computed; may change it.
  virtual void observe(unsigned k, const Value &v, Tensor &t) { (void)k, (void)v, (void)t; }
  /// After graph `k` has run.
  virtual void finish(unsigned k, llvm::ArrayRef<Tensor> outputs) { (void)k, (void)outputs; }
};

/// What a graph's run shows its visitor.
enum class Watch {
  Outputs,  ///< finish() only: ops may be fused
  AnyOrder, ///< observe() too; axes may be in another order than the type says, and no tensor may be kept
  InOrder   ///< observe() with tensors as their types say
};

struct WatchedGraph {
  const Graph *graph;
  Watch watch;
};

/// What collecting a sample says of it.
enum class Collected {
  Keep,
  Again, ///< run it once more, now that all samples before it are collected; at most once
  Stop   ///< an error that has been reported
};

struct SampleJob {
  /// A visitor for sample `i`. Calls of begin and collect do not overlap.
  std::function<std::unique_ptr<SampleVisitor>(size_t i)> begin;
  /// In the order in which the samples were given. `name`: what the sample is called.
  std::function<Collected(size_t i, SampleVisitor &visitor, llvm::StringRef name)> collect;
};

/// Says how far a stage is; may be empty. Calls do not overlap.
using StageProgress = std::function<void(llvm::StringRef stage, size_t done, size_t total)>;

/// Graphs made ready to run on samples, on several threads.
class SampleRunner {
public:
  /// `graphs` (with inputs of the same names, constants included) and `samples` must outlive the runner. Errors: an op
  /// that cannot be executed.
  static Result<std::unique_ptr<SampleRunner>> create(llvm::ArrayRef<WatchedGraph> graphs, const Samples &samples,
                                                      unsigned threads, DiagEngine &diags);
  ~SampleRunner();
  /// Runs the samples `which`. Errors: data that cannot be read, an op that fails, Collected::Stop.
  Status run(llvm::ArrayRef<size_t> which, const SampleJob &job, const StageProgress &progress, llvm::StringRef stage);

private:
  struct Worker;
  class Schedule;
  explicit SampleRunner(DiagEngine &diags);
  DiagEngine &diags;
  std::vector<std::unique_ptr<Worker>> workers;
};

/// 0, 1, ... n-1.
std::vector<size_t> firstSamples(size_t n);

} // namespace dpuopt
#endif
