//===- Conformance.h - our partition against the vendor's, file by file -----------===//
//
// Finds compiled xmodels (and the quantized ones they were made of) and the inspector's
// reports, chooses the target each is about, and compares (Target/Conformance.h,
// Target/Inspector.h). A file that cannot be
// judged is a row that says why, never the end.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_DRIVER_CONFORMANCE_H
#define DPUOPT_DRIVER_CONFORMANCE_H

#include "dpuopt/Target/Conformance.h"

namespace dpuopt {

enum class RowStatus : uint8_t {
  Conforms,
  Differs,
  OtherTarget, ///< compiled for a DPU we do not model
  Error,       ///< unreadable, or without an op
  Skipped,     ///< nothing to compare: no xmodel and no report, or a quantized one without its compiled file
};
const char *rowStatusName(RowStatus s); ///< "conforms", "differs", "other target", "error", "skipped"

struct ConformanceRow {
  std::string file;
  bool isReport = false; ///< the inspector's: counts and ops are of the float model's nodes
  std::string source;    ///< the quantized file the prediction starts from; empty: the compiled file itself
  std::string version;   ///< of Vitis AI: "3.5", "2.5 (by fingerprint)", "3.5 (default)"
  std::string target;    ///< "DPUCZDX8G_ISA1_B4096"
  RowStatus status = RowStatus::Skipped;
  std::string reason; ///< why it was skipped or could not be judged; how `source` was found
  Conformance result; ///< of files that were compared
};

/// Looks at every path (folders recursively), in byte order. A path that does not exist is an error.
Result<std::vector<ConformanceRow>> checkConformance(llvm::ArrayRef<std::string> paths, DiagEngine &diags);

} // namespace dpuopt
#endif
