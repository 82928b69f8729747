//===- HeadProbe.h - what a head's outputs do when its inputs move ---------------===//
//
// Private to passes/Head*.cpp. Exporters write the same decoder in many ways; executed
// they are all the same. The outputs are seen as one matrix: a row per box, a column
// per number of a box.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_HEADPROBE_H
#define DPUOPT_PASSES_HEADPROBE_H

#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Passes/DetectHead.h"

namespace dpuopt {

/// Rows x columns, row-major.
struct HeadMatrix {
  int64_t rows = 0, columns = 0;
  std::vector<float> values;
  float at(int64_t row, int64_t column) const { return values[row * columns + column]; }
};

/// The (row, column) of everything that differs, rows ascending.
using HeadChanges = std::vector<std::pair<int64_t, int64_t>>;

class HeadProbe {
public:
  /// Null with `why` if the head cannot be executed or its outputs are no matrix.
  static std::unique_ptr<HeadProbe> create(const Graph &g, llvm::ArrayRef<std::string> cut, std::string &why);

  /// Runs the head; `cut` in the order of the names. Null if that fails.
  std::optional<HeadMatrix> run(llvm::ArrayRef<Tensor> cut);
  HeadChanges changes(const HeadMatrix &a, const HeadMatrix &b) const;

  llvm::ArrayRef<Type> cutTypes() const { return types; }
  llvm::ArrayRef<HeadResult> results() const { return seen; }
  int64_t rows() const { return numRows; }
  int64_t columns() const { return numColumns; }
  llvm::StringRef cutBefore() const { return before; }
  unsigned ops() const { return numOps; }

private:
  bool arrange(std::string &why);
  std::unique_ptr<Graph> graph;
  std::unique_ptr<Executor> executor;
  std::vector<int> feedOf; ///< index in the cut for each feed; -1: another input of the model
  std::vector<Type> types;
  std::vector<HeadResult> seen;
  int64_t numRows = 0, numColumns = 0;
  unsigned numOps = 0;
  std::string before;
};

} // namespace dpuopt
#endif
