//===- QuantKey.cpp - names of the quantizer, of torch.onnx and of XIR ---------===//
#include "QuantKey.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

namespace dpuopt {
namespace {

/// By name in lower case without prefix, underscores, dashes and a trailing 1d/2d/3d.
const llvm::StringMap<OpKind> &kinds() {
  using enum OpKind;
  static const llvm::StringMap<OpKind> map = {{"input", Input},
                                              {"data", Input},
                                              {"quantstub", QuantStub},
                                              {"conv", Conv},
                                              {"depthwiseconv", Conv},
                                              {"convtranspose", Conv},
                                              {"transposedconv", Conv},
                                              {"depthwiseconvtranspose", Conv},
                                              {"transposeddepthwiseconv", Conv},
                                              {"linear", Dense},
                                              {"dense", Dense},
                                              {"gemm", Dense},
                                              {"matmul", Dense},
                                              {"relu", Relu},
                                              {"relu6", Relu},
                                              {"reluk", Relu},
                                              {"clip", Relu},
                                              {"hardtanh", Relu},
                                              {"leakyrelu", LeakyRelu},
                                              {"prelu", PRelu},
                                              {"maxpool", MaxPool},
                                              {"adaptivemaxpool", MaxPool},
                                              {"globalmaxpool", MaxPool},
                                              {"avgpool", Average},
                                              {"adaptiveavgpool", Average},
                                              {"averagepool", Average},
                                              {"globalaveragepool", Average},
                                              {"mean", Average},
                                              {"reducemean", Average},
                                              {"reductionmean", Average},
                                              {"add", Add},
                                              {"elemwiseadd", Add},
                                              {"sub", Sub},
                                              {"elemwisesub", Sub},
                                              {"rsub", Sub},
                                              {"mul", Mul},
                                              {"elemwisemul", Mul},
                                              {"tensormul", Mul},
                                              {"multiply", Mul},
                                              {"div", Div},
                                              {"elemwisediv", Div},
                                              {"concat", Concat},
                                              {"cat", Concat},
                                              {"resize", Resize},
                                              {"upsample", Resize},
                                              {"upsampling", Resize},
                                              {"upsamplingbilinear", Resize},
                                              {"upsamplingnearest", Resize},
                                              {"interpolate", Resize},
                                              {"pad", Pad},
                                              {"zeropad", Pad},
                                              {"constantpad", Pad},
                                              {"reflectionpad", Pad},
                                              {"softmax", Softmax},
                                              {"sigmoid", Sigmoid},
                                              {"tanh", Tanh},
                                              {"hardsigmoid", HardSigmoid},
                                              {"hsigmoid", HardSigmoid},
                                              {"hardswish", HardSwish},
                                              {"hswish", HardSwish},
                                              {"swish", Swish},
                                              {"silu", Swish},
                                              {"gelu", Gelu},
                                              {"mish", Mish},
                                              {"max", Max},
                                              {"reducemax", Max},
                                              {"reductionmax", Max},
                                              {"min", Min},
                                              {"reducemin", Min},
                                              {"sum", Sum},
                                              {"reducesum", Sum},
                                              {"reductionsum", Sum},
                                              {"sqrt", Sqrt},
                                              {"batchnorm", Norm},
                                              {"batchnormalization", Norm},
                                              {"layernorm", Norm},
                                              {"layernormalization", Norm},
                                              {"instancenorm", Norm},
                                              {"instancenormalization", Norm},
                                              {"groupnorm", Norm},
                                              {"groupnormalization", Norm},
                                              {"reshape", Move},
                                              {"flatten", Move},
                                              {"view", Move},
                                              {"squeeze", Move},
                                              {"unsqueeze", Move},
                                              {"permute", Move},
                                              {"transpose", Move},
                                              {"split", Move},
                                              {"chunk", Move},
                                              {"slice", Move},
                                              {"stridedslice", Move},
                                              {"pixelshuffle", Move},
                                              {"pixelunshuffle", Move},
                                              {"depthtospace", Move},
                                              {"spacetodepth", Move},
                                              {"identity", Move},
                                              {"dropout", Move},
                                              {"contiguous", Move}};
  return map;
}

/// Splits `text_12` into text and 12; a number too large is the largest.
std::optional<unsigned> trailingNumber(llvm::StringRef &text) {
  auto [before, digits] = text.rsplit('_');
  if (digits.empty() || !llvm::all_of(digits, llvm::isDigit))
    return std::nullopt;
  unsigned number = ~0u;
  if (digits.getAsInteger(10, number))
    number = ~0u;
  text = before;
  return number;
}

/// `Type[name]` -> its parts; `Type` -> no name.
std::pair<llvm::StringRef, llvm::StringRef> moduleParts(llvm::StringRef module) {
  auto [type, name] = module.split('[');
  return {type, name.take_until([](char c) { return c == ']'; })};
}

/// `Net/Sequential[layer1]/ReLU[relu]/input.7`: the first part is the class of the whole net, the last the value.
void parsePath(QuantKey &key) {
  llvm::SmallVector<llvm::StringRef, 8> parts;
  llvm::StringRef(key.rest).split(parts, '/');
  key.hasPath = true;
  key.valueName = parts.back().str();
  for (llvm::StringRef part : llvm::makeArrayRef(parts).drop_front().drop_back()) {
    auto [type, name] = moduleParts(part);
    key.path.push_back(name.str());
    // Elements of a list are written Conv2d[m]/ModuleList[2]: the type stands with the list.
    if (type != "ModuleList")
      key.kind = opKindOf(type);
  }
}

} // namespace

OpKind opKindOf(llvm::StringRef typeName) {
  for (llvm::StringRef prefix : {"nndct_", "onnx.", "xir."})
    typeName.consume_front(prefix);
  std::string plain;
  for (char c : typeName)
    if (c != '_' && c != '-')
      plain += llvm::toLower(c);
  llvm::StringRef text = plain;
  text.consume_back("fix");
  for (llvm::StringRef dims : {"1d", "2d", "3d"})
    if (text.consume_back(dims))
      break;
  auto found = kinds().find(text);
  return found == kinds().end() ? OpKind::Unknown : found->second;
}

bool compatible(OpKind a, OpKind b) { return a == b || a == OpKind::Unknown || b == OpKind::Unknown; }

QuantKey parseQuantKey(llvm::StringRef text, bool isParameter) {
  QuantKey key;
  key.text = text.str();
  size_t colons = text.find("::");
  if (colons == llvm::StringRef::npos)
    return key;
  key.graph = text.take_front(colons).str();
  key.rest = text.drop_front(colons + 2).str();
  llvm::StringRef rest = key.rest;
  if (isParameter) {
    llvm::SmallVector<llvm::StringRef, 8> parts;
    rest.split(parts, '.');
    for (llvm::StringRef part : parts)
      key.parameter.push_back(part.str());
    return key;
  }
  if (rest.contains('/')) {
    parsePath(key);
    return key;
  }
  llvm::StringRef type = rest;
  std::optional<unsigned> number = trailingNumber(type);
  if (number && type == "input") {
    key.kind = OpKind::Input;
    key.input = number;
  } else if (number && type.startswith("nndct_")) {
    key.kind = opKindOf(type);
    key.index = number;
  } else {
    key.valueName = key.rest;
  }
  return key;
}

std::optional<ModulePath> modulePathOf(llvm::StringRef nodeName) {
  if (!nodeName.consume_front("/"))
    return std::nullopt;
  llvm::SmallVector<llvm::StringRef, 8> parts;
  nodeName.split(parts, '/');
  ModulePath path;
  llvm::StringRef container;
  for (llvm::StringRef part : llvm::makeArrayRef(parts).drop_back()) {
    // A child of a container carries the container's name: /layer1/layer1.0.
    llvm::StringRef name = part;
    if (!container.empty() && name.consume_front(container) && !name.consume_front("."))
      name = part;
    llvm::SmallVector<llvm::StringRef, 4> pieces;
    name.split(pieces, '.');
    for (llvm::StringRef piece : pieces)
      path.push_back(piece.str());
    container = part;
  }
  return path;
}

static bool sameModule(llvm::StringRef wanted, llvm::StringRef found) {
  if (wanted == found)
    return true;
  unsigned use = 0;
  return found.consume_front(wanted) && found.consume_front("_") && !found.getAsInteger(10, use);
}

bool fits(llvm::ArrayRef<std::string> pattern, llvm::ArrayRef<std::string> path) {
  // Reachable lengths of `path` after each component of the pattern: linear, whatever the pattern.
  std::vector<bool> reach(path.size() + 1, false);
  reach[0] = true;
  for (const std::string &want : pattern) {
    std::vector<bool> next(path.size() + 1, false);
    for (size_t i = 0; i < path.size(); ++i)
      next[i + 1] = want.empty() ? reach[i] || next[i] : reach[i] && sameModule(want, path[i]);
    reach = std::move(next);
  }
  return reach[path.size()];
}

std::string xirName(llvm::StringRef name) {
  std::string out = name.str();
  for (char &c : out)
    if (!llvm::isAlnum(c))
      c = '_';
  return out;
}

} // namespace dpuopt
