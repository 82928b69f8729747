//===- Side.h - one side of a comparison: a model that is run, or a folder of tensors -===//
#ifndef DPUOPT_TOOLS_DPUC_SIDE_H
#define DPUOPT_TOOLS_DPUC_SIDE_H

#include "Backend.h"
#include "dpuopt/Compare/Matching.h"
#include "dpuopt/Data/TensorFiles.h"

namespace dpuopt {

/// What is compared: tensors with names, from a run or from files.
class Side {
public:
  /// A folder, or a model of any form. A model's QuantizeLinear nodes are read as fix points where they are some.
  static Result<Side> open(llvm::StringRef path, const OnnxImportOptions &onnx, DiagEngine &diags);
  /// Of a model at hand.
  static Side of(RunModel model);

  bool isModel() const { return model.has_value(); }
  std::string describe() const; ///< "x.xmodel (compiled xmodel)"
  bool rounds() const;          ///< a model with fix points
  const std::vector<TensorEntry> &entries() const { return list; }

  /// Entry `i` with the type that a folder's index gives it.
  TensorEntry described(size_t i) const;

  /// Runs the model and keeps every entry's tensor.
  Status run(llvm::ArrayRef<Tensor> inputs, DiagEngine &diags);
  /// Entry `i` after run(), or read from its file as `wanted` (its own type if that is unknown). Errors say what was
  /// expected. Null: nothing was computed for it.
  Result<const Tensor *> tensor(size_t i, const TensorEntry &wanted, DiagEngine &diags);
  /// The file that holds input `feed` of another model, read as that input.
  Result<std::optional<Tensor>> fileForInput(const Value &feed, const InputWanted &wanted, DiagEngine &diags);

  std::string path;
  std::optional<RunModel> model;
  std::vector<Tensor> inputs; ///< what run() was given
  ExecOptions exec;           ///< how it is run
  BackendOptions backend;     ///< on what

private:
  Result<Tensor> readFile(size_t i, const TensorEntry &wanted, DiagEngine &diags) const;

  std::vector<TensorEntry> list;
  std::vector<TensorFile> files;
  std::vector<std::optional<Tensor>> tensors;
};

/// Whether tensors of `from` have to be moved to channels last (or first) for `to`; none: they are as they are.
std::optional<bool> layoutMove(const Side &from, const Side &to);

/// What model `to` is fed with where model `from` is fed with `given`: inputs are paired as tensors are. Errors
/// [compare.input]: they do not fit.
Result<std::vector<Tensor>> inputsLike(const Side &from, llvm::ArrayRef<Tensor> given, const Side &to,
                                       DiagEngine &diags);

} // namespace dpuopt
#endif
