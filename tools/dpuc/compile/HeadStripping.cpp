//===- HeadStripping.cpp - a model without its head, on the way to an xmodel --------===//
#include "HeadStripping.h"
#include "dpuopt/Quant/Qdq.h"

using namespace dpuopt;

Status dpuopt::takeHeadOff(Job &job, const ModelOptions &options, OutputFolder &folder, DeployOptions &deployment,
                           DiagEngine &diags) {
  if (carriesQdq(*job.graph))
    return diags.error("--strip-head takes a float model, this one has fix points already").rule("head.quantized");
  const std::string name = resultName(options.model), description = name + ".head.json", part = name + ".head.onnx";
  Pipeline all = steps("clean-up");
  for (PassStep &step : steps(
           "strip-detect-head",
           {{"target", options.target.target}, {"description", folder.file(description)}, {"head", folder.file(part)}}))
    all.push_back(std::move(step));
  if (failed(runSteps(job, all, options.timePasses, diags)))
    return failure();
  if (job.report.passes.empty() || job.report.passes.back().name != "strip-detect-head")
    return diags.error("--strip-head: no head was found that can be cut off")
        .note("dpuc fix --outputs 'A;B' cuts where you say")
        .rule("head.unknown");
  deployment.head = folder.note(description);
  deployment.headIsGuess = true; // maps that the CPU makes do not fit
  folder.note(part);
  return success();
}
