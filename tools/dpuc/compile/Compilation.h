//===- Compilation.h - from ONNX to a verified xmodel, step by step -------------------===//
//
// Fix points, lowering, prediction, the files, libxir's opinion, the vendor's compiler and
// what it made, reports. Knows no flag.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_COMPILATION_H
#define DPUOPT_TOOLS_DPUC_COMPILATION_H

#include "BudgetFlags.h"
#include "Deployment.h"
#include "FixPoints.h"
#include "VendorCompiler.h"

namespace dpuopt {

struct CompileOptions : ModelOptions {
  FixPointOptions fixPoints;
  DeployOptions deploy;
  Pipeline emitted; ///< what brings the quantized graph into the form to be written too; may be empty
  std::string outputDir;
  bool stripHead = false;
  bool xirCheck = true;    ///< let libxir load the result
  bool runCompiler = true; ///< run vai_c_xir when it is on the PATH
  CompilerOptions compiler;
  bool caseWeights = false;            ///< of a regression case: the model's own
  const BudgetFlags *budget = nullptr; ///< what the model may need; null: anything
  unsigned accuracyImages = 1000;
};

/// Carries it out; returns the exit status.
int runCompilation(const CompileOptions &options, DiagEngine &diags);

} // namespace dpuopt
#endif
