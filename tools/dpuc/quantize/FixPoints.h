//===- FixPoints.h - where the fix points of a compilation come from -----------------===//
//
// From calibration data, a quant_info.json, or the Q/DQ nodes of the model itself:
// exactly one of them. Knows no flag and writes no file.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_FIXPOINTS_H
#define DPUOPT_TOOLS_DPUC_FIXPOINTS_H

#include "Job.h"
#include "QuantizeFlags.h"
#include "Ranks.h"

namespace dpuopt {

struct FixPointOptions {
  std::string calib, quantInfo; ///< one of them, or none for a model with fix points of its own
  QuantizeOptions quantize;     ///< how they are found in `calib`
  PassOptions bind;             ///< how the keys of quantInfo may bind
  bool roundScales = false;
  bool timePasses = false;
  const Ranks *ranks = nullptr; ///< that share the work; null: none but this process
};

/// Fix points are sought for float models: an xmodel, or Q/DQ nodes, have theirs (errors).
Status checkIsFloat(const Graph &g, DiagEngine &diags);

class FixPoints {
public:
  FixPoints(const FixPointOptions &options, Job &job, DiagEngine &diags) : options(options), job(job), diags(diags) {}

  /// They come from exactly one place: anything else is an error.
  Status check();
  /// Cleans the float graph up, equalized if the positions of quantInfo ask for it.
  Status cleanUp();
  /// Cleans the job's graph up and gives it fix points; see changes().
  Status apply(bool keepFloat);

  bool fromQdqNodes() const { return ownFixPoints; }
  /// What was repaired, rounded or equalized, a line each.
  std::vector<std::string> changes;
  /// The graph before fix points, if apply() was to keep it.
  std::unique_ptr<Graph> floatGraph;
  /// What was found in the calibration data, if that is where they come from.
  std::optional<Quantized> found;

private:
  Status importQdq();
  Status cleanUpAndQuantize(bool keepFloat);
  Status calibrate();
  Result<Equalize> decideEqualize();
  Result<Equalize> chooseOnData();

  const FixPointOptions &options;
  Job &job;
  DiagEngine &diags;
  bool ownFixPoints = false; ///< the model has Q/DQ nodes
};

} // namespace dpuopt
#endif
