//===- HeadStripping.h - a model without its head, on the way to an xmodel ----------===//
#ifndef DPUOPT_TOOLS_DPUC_HEADSTRIPPING_H
#define DPUOPT_TOOLS_DPUC_HEADSTRIPPING_H

#include "Deployment.h"
#include "Job.h"
#include "OutputFolder.h"

namespace dpuopt {

/// Cuts off what decodes boxes, before fix points are sought: it needs none. NAME.head.json and NAME.head.onnx go into
/// the folder, and the contract will have what they say if all the maps come from the DPU. Errors: a model that has
/// fix points already, or no head that can be cut off.
Status takeHeadOff(Job &job, const ModelOptions &options, OutputFolder &folder, DeployOptions &deployment,
                   DiagEngine &diags);

} // namespace dpuopt
#endif
