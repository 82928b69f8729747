//===- Ranks.h - several processes of mpirun that share one job -------------------------===//
//
// Every rank does the same, except that each runs its part of the calibration samples and
// gets what the others found; rank 0 alone prints and writes. Without mpirun there is one
// rank, and nothing of MPI is loaded.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_RANKS_H
#define DPUOPT_TOOLS_DPUC_RANKS_H

#include "dpuopt/Calibrate/Quantize.h"

struct DpuoptMpi;

namespace dpuopt {

class Ranks {
public:
  Ranks() = default;
  ~Ranks();
  Ranks(const Ranks &) = delete;
  /// Errors [quantize.mpi]: started by mpirun, and built without MPI.
  Status join(DiagEngine &diags);
  unsigned rank() const { return number; }
  unsigned size() const { return count; }
  bool isFirst() const { return number == 0; }
  /// What all ranks found, each running its part of the samples. Errors are those of any rank's samples.
  Result<Statistics> gatherAll(const Graph &g, const Recipe &recipe, const StepContext &context) const;
  /// Ends the other ranks too, which would wait for this one for ever. Returns `status` if there are none.
  int fail(int status) const;

private:
  unsigned number = 0, count = 1;
  const DpuoptMpi *mpi = nullptr;
};

} // namespace dpuopt
#endif
