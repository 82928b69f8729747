//===- CompilerStep.h - the vendor's compiler as a step of dpuc compile ----------------===//
//
// Runs it in a folder of its own, takes from there the files that belong to a package, and
// says what is wrong with them: nothing made, something else made than was predicted.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_COMPILERSTEP_H
#define DPUOPT_TOOLS_DPUC_COMPILERSTEP_H

#include "OutputFolder.h"
#include "VendorCompiler.h"
#include "dpuopt/Target/Target.h"

namespace dpuopt {

struct CompilerStepInput {
  const VendorCompiler &compiler;
  const Graph &quantized; ///< before placement
  const Target &target;
  std::optional<unsigned> expectDpu;
  std::string name;         ///< of the model; NAME_int.xmodel and arch.json are in the folder
  std::string command;      ///< as it is shown
  bool keepWeights = false; ///< of a regression case
};

struct CompilerStepResult {
  std::unique_ptr<Graph> compiled; ///< null: it made nothing that can be used
  std::string said;                ///< what came of it, for the report
  int status = 0;                  ///< exit status: 1 it made something else, 2 it made nothing
};

/// Puts NAME.xmodel and vai_c_xir.log into `folder`, and where something else was made difference.txt and
/// NAME.case.zip. Errors of the compiler are diagnosed and are in `status`; failure: files of ours that cannot be
/// written.
Result<CompilerStepResult> runCompilerStep(const CompilerStepInput &input, OutputFolder &folder, DiagEngine &diags);

} // namespace dpuopt
#endif
