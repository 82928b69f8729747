//===- ImportInputs.cpp - graph inputs, and the shapes the user gives them ----===//
#include "Importer.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

std::string Importer::listInputs() const {
  std::string out;
  for (const ValueInfoProto &in : model->graph.inputs)
    if (names.find(in.name)->kind == Definition::Input)
      out += (out.empty() ? "" : ", ") + fmt::format("{} {}", in.name.str(), in.type.str());
  return out.empty() ? "the model has no inputs" : "the inputs are: " + out;
}

/// Every --input-shape must be for an input there is; one without a name is for
/// the only input.
Status Importer::checkInputShapes() {
  for (auto &[given, shape] : options.inputShapes) {
    std::string name = given;
    std::vector<llvm::StringRef> inputs;
    for (const ValueInfoProto &in : model->graph.inputs)
      if (names.find(in.name)->kind == Definition::Input)
        inputs.push_back(in.name);
    if (name.empty()) {
      if (inputs.size() != 1)
        return diags
            .error(
                fmt::format("--input-shape {} needs a name: the model has {} inputs", shapeStr(shape), inputs.size()))
            .note(listInputs());
      name = inputs.front().str();
    }
    const Definition *d = names.find(name);
    if (!d || d->kind != Definition::Input)
      return diags.error(fmt::format("--input-shape names '{}', which is no input of the model", name))
          .note(listInputs());
    const Type &type = model->graph.inputs[d->index].type;
    if (type.hasRank() && type.rank() != shape.size())
      return diags
          .error(fmt::format("--input-shape {}={} has {} dimensions, the input is {}", name, shapeStr(shape),
                             shape.size(), type.str()))
          .note(listInputs());
    for (int64_t d : shape)
      if (d < 1 || d > MaxElements)
        return diags.error(fmt::format("--input-shape {}={}: dimensions must be positive", name, shapeStr(shape)));
    inputShapes[name] = shape;
  }
  return success();
}

Result<Type> Importer::inputType(const ValueInfoProto &input) {
  std::string name = input.name.str();
  auto given = inputShapes.find(name);
  Type type = input.type;
  if (given != inputShapes.end()) {
    Type wanted = type.withShape(given->second);
    for (size_t i = 0; type.hasRank() && i < type.rank(); ++i)
      if (type.dim(i) >= 0 && type.dim(i) != wanted.dim(i)) {
        diags.warning(
            fmt::format("input '{}' is declared as {}; --input-shape makes it {}", name, type.str(), wanted.str()));
        declared.clear(); // shapes recorded in the file belong to the declared one
        break;
      }
    type = wanted;
  }
  if (!input.isTensor)
    return Type();
  Shape dims(type.shape().begin(), type.shape().end());
  for (int64_t &d : dims) {
    if (d < -1 || d > MaxElements)
      return diags.error(fmt::format("input '{}' has an impossible dimension: {}", name, d));
  }
  if (!dims.empty() && dims[0] < 0)
    dims[0] = options.batch;
  if (type.hasRank())
    type = type.withShape(dims);
  if (type.isStatic() && (type.numElements() < 0 || type.numElements() > MaxElements))
    return diags.error(fmt::format("input '{}' has more than {} elements: {}", name, MaxElements, type.str()));
  if (!type.isStatic()) {
    std::string example = type.hasRank() ? shapeStr(dims) : "1x3x224x224";
    std::replace(example.begin(), example.end(), '?', 'N');
    diags.warning(fmt::format("input '{}' has dimensions that are not known: {}", name, type.str()))
        .note(fmt::format("give them with --input-shape {}={}{}", name, example,
                          example.find('N') == std::string::npos ? "" : ", numbers for every N"));
  }
  return type;
}

/// A declared type is advice: one with impossible dimensions is not taken.
static Type plausible(const Type &type) {
  for (int64_t d : type.shape())
    if (d < -1 || d > MaxElements)
      return Type::unranked(type.elemType());
  return type;
}

/// Sequences, maps and optionals have no Type: what the model says of its inputs
/// and outputs is kept for the exporter.
void Importer::keepOtherTypes() {
  AttrMap types;
  for (llvm::ArrayRef<ValueInfoProto> list :
       {llvm::ArrayRef(model->graph.inputs), llvm::ArrayRef(model->graph.outputs)})
    for (const ValueInfoProto &v : list)
      if (!v.isTensor && !v.typeMessage.empty())
        types[v.name.str()] = Attr::bytes(tensors.view(v.typeMessage));
  if (!types.empty())
    graph->attrs()["value_types"] = Attr::dict(std::move(types));
}

Status Importer::addInputs() {
  const GraphProto &g = model->graph;
  if (options.batch < 1 || options.batch > MaxElements)
    return diags.error(fmt::format("the batch size must be positive, is {}", options.batch));
  for (llvm::ArrayRef<ValueInfoProto> list : {llvm::ArrayRef(g.valueInfo), llvm::ArrayRef(g.outputs)})
    for (const ValueInfoProto &v : list)
      declared[v.name] = plausible(v.type);
  keepOtherTypes();
  if (failed(checkInputShapes()))
    return failure();
  for (const ValueInfoProto &in : g.inputs) {
    if (names.find(in.name)->kind != Definition::Input)
      continue; // an initializer with that name is its value
    auto type = inputType(in);
    if (!type)
      return failure();
    values[in.name] = graph->addInput(in.name, std::move(*type));
  }
  return success();
}
