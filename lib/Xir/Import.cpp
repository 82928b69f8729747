//===- Import.cpp - .xmodel to graph ------------------------------------------------===//
//
// The second half of the import: what Reader.cpp decoded is put in order, checked and
// built. A foreign xmodel is untrusted: names, shapes, sizes and attribute kinds are
// checked before they are used, and the verifier has the last word.
//
//===----------------------------------------------------------------------===//
#include "DataTypes.h"
#include "FileOp.h"
#include "Oddity.h"
#include "Order.h"
#include "Parameters.h"
#include "Reader.h"
#include "Subgraphs.h"
#include "dpuopt/IR/Verifier.h"
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::xmodel;

namespace {

constexpr int MaxFixPoint = 1024;

/// The fix point and width attributes are 32-bit integers in the file, our types smaller.
bool inRange(const Attr &a, int64_t lo, int64_t hi) { return a.isInt() && a.asInt() >= lo && a.asInt() <= hi; }

const Attr *find(const AttrMap &attrs, llvm::StringRef name) {
  auto it = attrs.find(name);
  return it == attrs.end() ? nullptr : &it->second;
}

/// Takes `name` out of `attrs` if it says what is said elsewhere already.
bool dropIfEqual(AttrMap &attrs, llvm::StringRef name, const Attr &value) {
  auto it = attrs.find(name);
  if (it == attrs.end() || it->second != value)
    return false;
  attrs.erase(it);
  return true;
}

class Importer {
public:
  Importer(RawGraph raw, llvm::StringRef path, DiagEngine &diags) : raw(std::move(raw)), path(path), diags(diags) {}

  std::unique_ptr<Graph> run() {
    graph = std::make_unique<Graph>(raw.name.str());
    order = orderOps(raw.ops);
    if (!order.bad.empty())
      return error(order.bad, order.culprit), nullptr;
    values.resize(raw.ops.size());
    parameters.emplace(&*raw.root);
    for (unsigned i : order.sequence)
      if (!buildOp(i))
        return nullptr;
    if (!setGraphAttrs())
      return nullptr;
    setOutputs();
    withoutValue.warn("constants without numbers", path, diags);
    offTable.warn("ops that libxir would not take as they are", path, diags);
    return std::move(graph);
  }

private:
  bool error(std::string message, llvm::StringRef node = "") {
    diags.error(Location{node.str(), 0}, std::move(message)).file(path.str());
    return false;
  }

  //===-- Ops ----------------------------------------------------------------------===//
  bool buildOp(unsigned i) {
    RawOp &op = raw.ops[i];
    if (op.tensor.name.empty())
      op.tensor.name = op.name;
    if (graph->lookup(op.tensor.name))
      return error(fmt::format("two tensors are named '{}'", op.tensor.name.str()), op.name);
    bool custom = !findXirOp(op.type);
    for (auto &[name, value] : op.attrs)
      if (isOurs(name) && !(custom && name == "arg_names"))
        return error(fmt::format("attribute '{}' cannot be kept: the name means something else here", name), op.name);
    OpSpec spec;
    spec.name = "xir." + op.type.str();
    spec.attrs = std::move(op.attrs);
    if (op.name != op.tensor.name)
      spec.attrs["op_name"] = Attr::string(op.name);
    Type type;
    if (!tensorType(op, spec, type) || !checkShapeAttrs(op, spec.attrs, type) || !takeFixPoint(op, spec, type) ||
        !takeConstant(op, spec, type))
      return false;
    dropImplied(op, spec, type);
    placeOperands(op, spec);
    spec.results.push_back({op.tensor.name.str(), type});
    Op *made = graph->create(std::move(spec));
    values[i] = made->result();
    if (std::vector<XirProblem> problems = xirProblems(*made); !problems.empty()) {
      made->setAttr(OffTable, Attr::boolean(true));
      offTable.add(op.name, op.type.str() + ": " + problems[0].text);
    }
    return true;
  }

  bool tensorType(RawOp &op, OpSpec &spec, Type &type) {
    Shape shape;
    for (uint64_t d : op.tensor.dims) {
      if (d == 0 || d > INT32_MAX)
        return error(fmt::format("dimension {} of the output is {}: it must be in 1..2147483647", shape.size(), d),
                     op.name);
      shape.push_back(static_cast<int64_t>(d));
    }
    auto elem = elemTypeOf({op.tensor.dataType, op.tensor.bitWidth});
    if (!elem) {
      elem = ElemType(ElemKind::None);
      spec.attrs["tensor_type"] =
          Attr::string(fmt::format("data type {} of {} bits", op.tensor.dataType, op.tensor.bitWidth));
      offTable.add(op.name, "no data type has number " + std::to_string(op.tensor.dataType) + " and " +
                                std::to_string(op.tensor.bitWidth) + " bits");
    }
    type = Type(*elem, shape);
    if (type.numElements() < 0 || type.numElements() > MaxElements)
      return error(
          fmt::format("an output of shape {} is beyond the limit of {} elements", shapeStr(shape), MaxElements),
          op.name);
    return takeTensorAttrs(op, spec, type);
  }

  /// Attributes of the tensor: the fix point goes into the type, the others are kept.
  /// `tensor_fix` remembers which fix attributes a tensor has that does not have all.
  bool takeTensorAttrs(RawOp &op, OpSpec &spec, Type &type) {
    AttrMap &attrs = op.tensor.attrs;
    if (type.isFix()) {
      if (const Attr *point = find(attrs, "fix_point")) {
        if (!inRange(*point, -MaxFixPoint, MaxFixPoint))
          return error("the tensor attribute 'fix_point' is no integer in -1024..1024", op.name);
        ElemType e = type.elemType();
        type = type.withElem(ElemType::fix(e.bits, static_cast<int>(point->asInt()), e.isSigned));
      }
      std::vector<std::string> folded;
      unsigned given = 0;
      AttrMap implied = fixAttrs(type.elemType());
      for (auto &[name, value] : implied) {
        given += attrs.count(name);
        if (dropIfEqual(attrs, name, value))
          folded.push_back(name);
      }
      if (given != implied.size())
        spec.attrs["tensor_fix"] = Attr::strings(folded);
    }
    if (!attrs.empty())
      spec.attrs["tensor_attrs"] = Attr::dict(std::move(attrs));
    return true;
  }

  /// `shape` and `data_type` of ops that have no other way to know them.
  bool checkShapeAttrs(const RawOp &op, const AttrMap &attrs, const Type &type) {
    static const llvm::StringRef sources[] = {"const", "const-fix", "data", "data-fix"};
    if (!llvm::is_contained(sources, op.type))
      return true;
    if (const Attr *shape = find(attrs, "shape"))
      if (!shape->isIntList() || llvm::makeArrayRef(shape->asInts()) != type.shape())
        return error(fmt::format("attribute 'shape' does not agree with the output's shape {}", shapeStr(type.shape())),
                     op.name);
    if (const Attr *dataType = find(attrs, "data_type"))
      if (!dataType->is(AttrKind::String) || !parseDataTypeName(dataType->asString()))
        return error("attribute 'data_type' is no data type", op.name);
    return true;
  }

  /// `fix` and `float2fix`: the position goes into the result type.
  bool takeFixPoint(const RawOp &op, OpSpec &spec, Type &type) {
    if (op.type != "fix" && op.type != "float2fix")
      return true;
    const Attr *point = find(spec.attrs, "fix_point"), *bits = find(spec.attrs, "bit_width"),
               *sign = find(spec.attrs, "if_signed");
    if (!point || !bits || !sign)
      return error(fmt::format("{} needs the attributes fix_point, bit_width and if_signed", op.type.str()), op.name);
    if (!inRange(*point, -MaxFixPoint, MaxFixPoint) || !inRange(*bits, 1, 32) || !sign->is(AttrKind::Bool))
      return error("fix_point must be an integer in -1024..1024, bit_width one in 1..32, if_signed a bool", op.name);
    ElemType tensor = type.elemType();
    ElemType fix =
        ElemType::fix(static_cast<unsigned>(bits->asInt()), static_cast<int>(point->asInt()), sign->asBool());
    type = type.withElem(fix);
    if (tensor != (op.type == "fix" ? ElemType(ElemKind::F32) : fix))
      spec.attrs["tensor_type"] = Attr::string(tensor.str());
    for (auto &[name, value] : fixAttrs(fix))
      dropIfEqual(spec.attrs, name, value);
    return true;
  }

  /// `const` with data becomes our const op; so does a `const-fix` whose numbers are in
  /// its subgraph's parameters.
  bool takeConstant(const RawOp &op, OpSpec &spec, const Type &type) {
    if (op.type != "const" && op.type != "const-fix")
      return true;
    const Attr *found = find(spec.attrs, "data");
    if ((!found && op.type == "const-fix") || type.elemType().kind == ElemKind::None)
      return true; // an early compiler's, with its numbers elsewhere
    if (!found || !found->is(AttrKind::Bytes))
      return error("a constant needs its attribute 'data', as bytes", op.name);
    Blob data = found->asBytes();
    if (op.type == "const-fix" && data.empty() && !takeParameters(op, spec, type, data))
      return true;
    if (type.numBytes() != static_cast<int64_t>(data.size()))
      return error(fmt::format("a constant of type {} needs {} bytes, the file has {}", type.str(), type.numBytes(),
                               data.size()),
                   op.name);
    spec.name = "const";
    spec.attrs.erase("data");
    spec.attrs["value"] = Attr::tensor(Tensor(type, std::move(data)));
    if (op.type != defaultConstType(type.elemType()))
      spec.attrs["xir_type"] = Attr::string(op.type);
    return true;
  }

  /// False: the constant stays without a value; said once for the whole file.
  bool takeParameters(const RawOp &op, OpSpec &spec, const Type &type, Blob &data) {
    std::string why;
    const Attr *attrs = find(spec.attrs, "tensor_attrs");
    std::optional<Blob> slice = attrs ? parameters->find(op.name, type, attrs->asMap(), why) : std::nullopt;
    if (!why.empty())
      withoutValue.add(op.name, why);
    if (!slice)
      return false;
    data = *slice;
    spec.attrs[InParameters] = Attr::boolean(true);
    return true;
  }

  /// What the writer adds by itself is not repeated in the graph.
  static void dropImplied(const RawOp &op, OpSpec &spec, const Type &type) {
    const XirOpDef *def = findXirOp(op.type);
    if (spec.name == "const") {
      dropIfEqual(spec.attrs, "shape", Attr::i32s(type.shape()));
      dropIfEqual(spec.attrs, "data_type", Attr::string(defaultConstDataType(type.elemType())));
    } else if (!def || !def->builtin) {
      std::vector<std::string> absent;
      for (auto &[name, value] : sourceAttrs(type)) {
        bool declared = def && llvm::any_of(def->attrs, [&, name = llvm::StringRef(name)](const XirAttr &a) {
                          return name == a.name;
                        });
        if (!declared && !spec.attrs.count(name))
          absent.push_back(name);
        else if (def && !declared)
          dropIfEqual(spec.attrs, name, value);
      }
      if (!absent.empty())
        spec.attrs["absent_attrs"] = Attr::strings(absent);
    }
  }

  //===-- Arguments ------------------------------------------------------------------===//
  /// Operands in the table's argument order; attribute `arg_names` where that cannot be.
  /// `empty_args` remembers the arguments without a producer if they are not all optional ones.
  void placeOperands(const RawOp &op, OpSpec &spec) {
    std::vector<std::string> empty, usual, names;
    for (const RawArg &arg : op.args)
      if (arg.producers.empty())
        empty.push_back(arg.name.str());
    const XirOpDef *def = findXirOp(op.type);
    for (size_t i = 0; def && i < def->args.size(); ++i) {
      const XirArg &want = def->args[i];
      bool given = llvm::any_of(op.args, [&](const RawArg &a) { return a.name == want.name && !a.producers.empty(); });
      if (want.occurrence == Occurrence::Optional && !given)
        usual.push_back(want.name);
    }
    if (empty != usual)
      spec.attrs["empty_args"] = Attr::strings(empty);
    if (def && placeByTable(*def, op, spec.operands))
      return;
    spec.operands.clear();
    for (const RawArg &arg : op.args)
      for (llvm::StringRef producer : arg.producers) {
        names.push_back(arg.name.str());
        spec.operands.push_back(values[order.byName.lookup(producer)]);
      }
    // A custom op's own attribute `arg_names` says what our writer could not.
    bool allInput = llvm::all_of(names, [](const std::string &n) { return n == "input"; });
    const Attr *given = find(spec.attrs, "arg_names");
    if (def || !allInput || (given && !(given->isStringList() && given->asList().size() == names.size())))
      spec.attrs["arg_names"] = Attr::strings(names);
  }

  /// False if the file has arguments that the table does not have, or more of them.
  bool placeByTable(const XirOpDef &def, const RawOp &op, std::vector<Value *> &out) {
    size_t placed = 0, given = 0;
    bool anyRepeated = false;
    for (const RawArg &arg : op.args)
      given += arg.producers.size();
    for (const XirArg &want : def.args) {
      bool repeated = want.occurrence == Occurrence::Repeated || want.occurrence == Occurrence::RequiredAndRepeated;
      anyRepeated |= repeated;
      size_t before = out.size();
      for (const RawArg &arg : op.args)
        if (arg.name == want.name)
          for (llvm::StringRef producer : arg.producers)
            out.push_back(values[order.byName.lookup(producer)]);
      placed += out.size() - before;
      if (!repeated && out.size() > before + 1)
        return false;
      if (!repeated && out.size() == before)
        out.push_back(nullptr);
    }
    while (!anyRepeated && !out.empty() && !out.back())
      out.pop_back();
    return placed == given;
  }

  //===-- The graph itself -----------------------------------------------------------===//
  bool setGraphAttrs() {
    for (llvm::StringRef ours : {"root_attrs", "subgraphs", "op_defs"})
      if (raw.attrs.count(ours))
        return error(
            fmt::format("the graph attribute '{}' cannot be kept: the name means something else here", ours.str()));
    graph->attrs() = std::move(raw.attrs);
    if (!raw.root->attrs.empty())
      graph->attrs()["root_attrs"] = Attr::dict(std::move(raw.root->attrs));
    if (!raw.root->children.empty()) {
      std::vector<llvm::StringRef> names;
      for (unsigned i : order.sequence)
        names.push_back(raw.ops[i].name);
      std::string bad;
      Attr tree = subgraphsToAttr(std::move(raw.root->children), names, bad);
      if (!bad.empty())
        return error(bad);
      graph->attrs()["subgraphs"] = std::move(tree);
    }
    keepOpDefs();
    return true;
  }

  /// Definitions of the types in use that libxir does not build in travel with the graph.
  void keepOpDefs() {
    llvm::StringSet<> used;
    for (const RawOp &op : raw.ops)
      used.insert(op.type);
    std::vector<Attr> kept;
    for (auto &[type, message] : raw.opDefs) {
      const XirOpDef *known = findXirOp(type);
      if (used.count(type) && !(known && known->builtin))
        kept.push_back(Attr::bytes(message));
    }
    if (!kept.empty())
      graph->attrs()["op_defs"] = Attr::list(AttrKind::Bytes, std::move(kept));
  }

  /// The ops that `return_ops` names; if it is absent or not about these ops (the
  /// compiler keeps the quantized model's), every op without a user.
  void setOutputs() {
    std::vector<Value *> outputs;
    const Attr *named = graph->attr("return_ops");
    std::vector<std::string> names = named && named->isStringList() ? named->asStrings() : std::vector<std::string>();
    if (llvm::all_of(names, [&](const std::string &name) { return order.byName.count(name); }))
      for (const std::string &name : names)
        outputs.push_back(values[order.byName.lookup(name)]);
    if (outputs.empty())
      for (unsigned i : order.sequence)
        if (values[i]->unused())
          outputs.push_back(values[i]);
    graph->setOutputs(outputs);
  }

  RawGraph raw;
  llvm::StringRef path;
  DiagEngine &diags;
  std::unique_ptr<Graph> graph;
  OpOrder order;
  std::vector<Value *> values;
  std::optional<Parameters> parameters;
  Oddity withoutValue; ///< constants whose numbers should be in the parameters and are not
  Oddity offTable;     ///< ops that do not fit their definition
};

} // namespace

Result<std::unique_ptr<Graph>> dpuopt::importXmodel(llvm::StringRef path, DiagEngine &diags) {
  auto file = Blob::mapFile(path, diags);
  return file ? importXmodelBytes(*file, path, diags) : failure();
}

Result<std::unique_ptr<Graph>> dpuopt::importXmodelBytes(const Blob &file, llvm::StringRef path, DiagEngine &diags) {
  std::optional<RawGraph> raw = readXmodel(file, path, diags);
  if (!raw)
    return failure();
  std::unique_ptr<Graph> graph = Importer(std::move(*raw), path, diags).run();
  if (!graph)
    return failure();
  std::string previous = diags.file();
  diags.setFile(path.str());
  Status sound = verify(*graph, diags);
  diags.setFile(previous);
  if (failed(sound))
    return failure();
  return graph;
}
