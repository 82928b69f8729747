//===- Deployment.h - the files that go to the board with a model ---------------------===//
//
// contract.json, the C++ header and NumPy module that follow it, and what the vendor's
// runtimes read beside an xmodel. Knows a contract; finds no fix points and compiles nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_DEPLOYMENT_H
#define DPUOPT_TOOLS_DPUC_DEPLOYMENT_H

#include "Command.h"
#include "OutputFolder.h"
#include "dpuopt/Deploy/Contract.h"

namespace dpuopt {

/// What only the user knows of a model's use.
struct DeployOptions {
  std::optional<PixelFormat> pixels;
  std::string head;         ///< head.json, may be empty
  std::string boxDecode;    ///< of a head whose boxes the model does not decode; empty: they stay as they are
  std::string background;   ///< "none" or the number of the class that is none; empty: as the head's kind has it
  bool headIsGuess = false; ///< it only lies beside the model: without use if it does not fit
  std::vector<std::string> labels;
};

/// --mean, --std, --scale, --divide, --bgr, --fit, --short, --head, --box-decode, --background, --labels.
class DeployFlags {
public:
  explicit DeployFlags(cl::SubCommand &sub);
  /// `calib` is the calibration data, which says what is done to pixels if the flags do not, and `model` the file whose
  /// description of a head may lie beside it; both may be empty.
  Result<DeployOptions> read(llvm::StringRef calib, llvm::StringRef model, DiagEngine &diags) const;

private:
  Result<std::optional<PixelFormat>> pixels(llvm::StringRef calib, DiagEngine &diags) const;

  cl::opt<std::string> mean, deviation, scale, divide, fit, shortSide, head, boxDecode, background, labels;
  cl::opt<bool> bgr;
};

/// What is deployed, and where it came from.
struct DeployedModel {
  std::string name;     ///< net of net.onnx
  std::string xmodel;   ///< path; quantized, or compiled
  std::string source;   ///< path of the float model; may be empty
  const Graph &graph;   ///< of the xmodel; says where its ops are
  const Target &target; ///< of a graph that does not say for which DPU it was compiled
};

/// Writes every file of the package into `folder`. Errors: options that do not fit the model, files that cannot be read
/// or written. What a detector or classifier would have is left out where not enough is known; a remark says why.
Status writeDeployment(const DeployedModel &model, const DeployOptions &options, OutputFolder &folder,
                       DiagEngine &diags);

} // namespace dpuopt
#endif
