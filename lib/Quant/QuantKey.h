//===- QuantKey.h - what a key of quant_info.json says about its node ----------===//
//
// The vendor's keys are names of nodes in its own graph. Here a key is taken apart;
// which tensor of a graph it means is Binder.h's business.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_QUANTKEY_H
#define DPUOPT_QUANT_QUANTKEY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace dpuopt {

/// Families of operators that ONNX, XIR, torch modules and the quantizer each have names for. ReLU, ReLU6 and Clip are
/// one family (the quantizer may turn one into the other), as are an average pool and a mean.
enum class OpKind {
  Unknown, ///< a function called in a module's forward(), or a type not known here: fits any other
  Input,
  QuantStub,
  Conv,
  Dense,
  Relu,
  LeakyRelu,
  PRelu,
  MaxPool,
  Average,
  Add,
  Sub,
  Mul,
  Div,
  Concat,
  Resize,
  Pad,
  Softmax,
  Sigmoid,
  Tanh,
  HardSigmoid,
  HardSwish,
  Swish,
  Gelu,
  Mish,
  Max,
  Min,
  Sum,
  Sqrt,
  Norm,
  Move, ///< reshape, permute, slice and their like
};

/// Family of an operator by any of its names ("Conv2d", "nndct_conv2d", "onnx.Conv", "xir.conv2d").
OpKind opKindOf(llvm::StringRef typeName);
bool compatible(OpKind a, OpKind b);

/// Components of a module path; "" stands for modules whose name the quantizer did not see (one or more).
using ModulePath = std::vector<std::string>;

struct QuantKey {
  std::string text;
  std::string graph; ///< before "::"; empty: the key is no name of the vendor's
  std::string rest;  ///< after it

  /// Dotted name, split (`layer1.0.conv1.weight`). For keys of section `param`.
  std::vector<std::string> parameter;

  OpKind kind = OpKind::Unknown;
  std::optional<unsigned> input; ///< `input_0`: number of a model input
  std::optional<unsigned> index; ///< `nndct_relu_2`: place in the quantizer's graph (3.5)
  bool hasPath = false;          ///< `Net/Sequential[layer1]/ReLU[relu]/input.7`
  ModulePath path;               ///< layer1, relu
  std::string valueName;         ///< input.7
};

QuantKey parseQuantKey(llvm::StringRef key, bool isParameter);

/// Module path of an ONNX node named by torch.onnx (`/layer1/layer1.0/relu_1/Relu`); nullopt for other names.
std::optional<ModulePath> modulePathOf(llvm::StringRef nodeName);

/// Does `path` fit `pattern`, which may hold ""? A component also fits with the suffix `_N` that torch.onnx
/// gives the second and later uses of a module.
bool fits(llvm::ArrayRef<std::string> pattern, llvm::ArrayRef<std::string> path);

/// The name of an XIR op made from a name of the quantizer: every character but letters and digits is `_`.
std::string xirName(llvm::StringRef name);

} // namespace dpuopt
#endif
