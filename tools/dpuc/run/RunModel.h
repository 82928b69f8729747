//===- RunModel.h - a model about to be executed, and its inputs -------------------===//
//
// What `run`, `eval`, `compare` and `bench` have in common: a model of any form, its
// inputs and outputs as users name them, and the flags that say what to feed.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_RUNMODEL_H
#define DPUOPT_TOOLS_DPUC_RUNMODEL_H

#include "Command.h"
#include "dpuopt/Data/InputSource.h"
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Onnx/Onnx.h"

namespace dpuopt {

/// A model as it was read; nothing has been done to it.
struct RunModel {
  std::string path;
  std::unique_ptr<Graph> graph;
  bool channelsLast = false;       ///< xir: NHWC
  std::vector<InputWanted> inputs; ///< as graphFeeds()

  /// Errors: unreadable, no input or output, an input whose shape is not known.
  static Result<RunModel> open(llvm::StringRef path, const OnnxImportOptions &onnx, DiagEngine &diags);
  /// The same of a graph at hand, which `path` names.
  static Result<RunModel> of(std::unique_ptr<Graph> graph, llvm::StringRef path, DiagEngine &diags);
  /// "xir, quantized", "xir, compiled", "ONNX": for headings.
  std::string form() const;
};

/// QuantizeLinear nodes and their like as fix points of types, if all of them are that; else nothing is changed.
void readFixPoints(std::unique_ptr<Graph> &graph);

/// "1x28x28x1 (NHWC)", "1x10".
std::string layoutStr(llvm::ArrayRef<int64_t> shape, bool channelsLast);

/// What all inputs of a model are fed with, run after run.
class Feeds {
public:
  struct Set {
    std::vector<Tensor> tensors; ///< in graphFeeds order
    std::vector<std::string> names;
    int label = -1;
  };
  size_t size() const;
  /// Every sample of run `i`.
  Result<Set> load(size_t i, DiagEngine &diags);
  bool isDefault = false; ///< nobody said what to feed

private:
  friend class InputFlags;
  std::vector<std::unique_ptr<DataSource>> sources;
};

/// --input, --input-shape, --prototxt.
class InputFlags {
public:
  InputFlags(cl::SubCommand &sub, bool withInputs);
  Result<OnnxImportOptions> importOptions(DiagEngine &diags) const { return shapes.read(diags); }
  /// Opens what was named for each input; random numbers when nothing was.
  Result<Feeds> open(llvm::ArrayRef<InputWanted> inputs, DiagEngine &diags) const;
  bool isDefault() const { return inputs.empty(); } ///< no --input
  /// mean and scale of --prototxt.
  Result<DataOptions> defaults(DiagEngine &diags) const;

private:
  cl::list<std::string> inputs;
  InputShapeFlag shapes;
  cl::opt<std::string> prototxt;
};

/// --vendor-means, --vendor-biases: where the vendor's reference kernels are not what the hardware does.
class VendorFlags {
public:
  explicit VendorFlags(cl::SubCommand &sub);
  /// Options of a run that computes as these flags say.
  ExecOptions options() const;

private:
  cl::opt<bool> means, biases;
};

/// Checks --threads (1 to 1024).
Status checkThreads(int threads, DiagEngine &diags);

} // namespace dpuopt
#endif
