//===- Rewriting.h - rewrites that are proven as they are applied -----------------===//
//
// One pass after the other, each executed before and after on the same inputs. Knows no
// flag and prints nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_REWRITING_H
#define DPUOPT_TOOLS_DPUC_REWRITING_H

#include "Job.h"
#include "dpuopt/Exec/Executor.h"

namespace dpuopt {

/// What one step did, for the table.
struct RewriteRow {
  std::string name, what;
  std::string proof;                    ///< "exact", "exact-after-quantization", "bounded(0.142)", "retrain"
  std::optional<Deviation> difference; ///< of the outputs before and after
  bool holds = true;                    ///< what is called exact is
};

class Rewriting {
public:
  /// `samples`: one list of inputs each, in the order of the graph's feeds.
  Rewriting(std::vector<std::vector<Tensor>> samples, DiagEngine &diags) : samples(std::move(samples)), diags(diags) {}

  /// Runs the steps on `g`; a row if they changed something. Failure: a pass failed.
  Status apply(std::unique_ptr<Graph> &g, llvm::StringRef name, const Pipeline &steps);
  /// Largest difference of the outputs of two graphs with the same inputs; behind `b` comes `head` if it is given.
  /// nullopt if they cannot be executed.
  std::optional<Deviation> apart(const Graph &a, const Graph &b, const Graph *head) const;
  llvm::ArrayRef<RewriteRow> rows() const { return done; }
  void add(RewriteRow row) { done.push_back(std::move(row)); }

private:
  std::vector<std::vector<Tensor>> samples;
  DiagEngine &diags;
  std::vector<RewriteRow> done;
};

/// Samples of `spec` (a DataSource; "": random numbers), at most `count`.
Result<std::vector<std::vector<Tensor>>> rewriteSamples(const Graph &g, llvm::StringRef spec, size_t count,
                                                        DiagEngine &diags);

} // namespace dpuopt
#endif
