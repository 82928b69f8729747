//===- ImportConstants.cpp - initializers and nodes that make constants -------===//
#include "Importer.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

Result<const Importer::Pending *> Importer::constant(llvm::StringRef name) {
  auto it = constants.find(name);
  if (it != constants.end())
    return &it->second;
  const Definition *d = names.find(name);
  if (!d || d->kind != Definition::Initializer)
    return static_cast<const Pending *>(nullptr);
  const InitializerProto &init = model->graph.initializers[d->index];
  std::string what = fmt::format("initializer '{}'", name.str());
  if (init.sparse)
    return diags.error(what + " is sparse, which is not supported").note("store it as a dense tensor");
  auto tensor = tensors.decode(init.message, what);
  if (!tensor)
    return failure();
  return &(constants[name] = Pending{std::move(*tensor), {}});
}

/// The tensor a Constant node holds in whichever of its attributes; nullopt for
/// a sparse or undecodable one.
static std::optional<Tensor> constantOfNode(const AttrMap &attrs) {
  for (auto &[name, a] : attrs) {
    if (name == "value" && a.is(AttrKind::Tensor))
      return a.asTensor();
    if (name == "value_float" && a.isFloat())
      return Tensor::fromFloats({}, {static_cast<float>(a.asFloat())});
    if (name == "value_int" && a.isInt())
      return Tensor::fromInts({}, {a.asInt()});
    if (name == "value_floats" && a.isFloatList())
      return Tensor::fromFloats({static_cast<int64_t>(a.asList().size())}, a.asFloats());
    if (name == "value_ints" && a.isIntList())
      return Tensor::fromInts({static_cast<int64_t>(a.asList().size())}, a.asInts());
    if (name == "value_string" && a.is(AttrKind::String))
      return Tensor(Type(ElemKind::String, {}), packStrings({a.asString()}));
    if (name == "value_strings" && a.isStringList())
      return Tensor(Type(ElemKind::String, {static_cast<int64_t>(a.asList().size())}), packStrings(a.asStrings()));
  }
  return std::nullopt;
}

Result<bool> Importer::takeConstant(const NodeProto &n, const AttrMap &attrs) {
  if (!n.domain.empty() || n.outputs.size() != 1 || n.outputs[0].empty())
    return false;
  if (n.opType == "ConstantOfShape")
    return takeConstantOfShape(n, attrs);
  if (n.opType != "Constant" || !n.inputs.empty())
    return false;
  if (auto tensor = constantOfNode(attrs)) {
    constants[n.outputs[0]] = Pending{std::move(*tensor), {n.name.str()}};
    return true;
  }
  if (attrs.empty())
    return diags.error(locationOf(n), "onnx.Constant has no value");
  diags.warning(locationOf(n), "onnx.Constant is kept as it is: its value is sparse or of an unsupported element type");
  return false;
}

/// One element, whatever the shape: a 400 MB tensor of zeros costs four bytes.
Result<bool> Importer::takeConstantOfShape(const NodeProto &n, const AttrMap &attrs) {
  if (n.inputs.size() != 1)
    return false;
  auto shape = constant(n.inputs[0]);
  if (!shape)
    return failure();
  if (!*shape)
    return false;
  const Tensor &t = (*shape)->tensor;
  if (t.elemType().kind != ElemKind::I64 || t.shape().size() != 1 || t.numElements() > 64)
    return diags.error(locationOf(n),
                       "onnx.ConstantOfShape: the shape must be a short list of i64, is " + t.type().str());
  Type type(ElemKind::F32, Shape());
  Blob element = Blob::adopt(std::vector<float>{0});
  auto it = attrs.find("value");
  if (it != attrs.end()) {
    if (!it->second.is(AttrKind::Tensor) || it->second.asTensor().elemType().byteSize() == 0)
      return false;
    const Tensor &value = it->second.asTensor();
    if (value.numElements() != 1)
      return diags.error(locationOf(n), "onnx.ConstantOfShape: value must have one element, is " + value.type().str());
    type = type.withElem(value.elemType());
    element = value.storage();
  }
  std::vector<int64_t> dims = t.toInts();
  type = type.withShape(dims);
  if (!type.isStatic() || type.numElements() < 0 || type.numElements() > MaxElements)
    return diags.error(locationOf(n),
                       fmt::format("onnx.ConstantOfShape: {} has negative dimensions or more than {} elements",
                                   shapeStr(dims), MaxElements));
  constants[n.outputs[0]] = Pending{Tensor::splat(type, element), {n.name.str()}};
  return true;
}
