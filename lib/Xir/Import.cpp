//===- Import.cpp - .xmodel to graph ------------------------------------------------===//
//
// Three steps: split the mapped file into messages (nothing is copied), check and
// order them, build the graph. A foreign xmodel is untrusted: every length, name and
// shape is checked before it is used.
//
//===----------------------------------------------------------------------===//
#include "AttrCodec.h"
#include "Schema.h"
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/DenseMap.h"
#include <fmt/format.h>
#include <queue>

using namespace dpuopt;
using namespace dpuopt::xmodel;

namespace {

constexpr unsigned MaxSubgraphDepth = 32;

struct RawTensor {
  std::string name;
  std::vector<uint64_t> dims;
  int32_t dataType = 0, bitWidth = 0;
  AttrMap attrs;
};

struct RawOp {
  std::string name, type;
  AttrMap attrs;
  std::vector<std::pair<std::string, std::vector<std::string>>> args;
  RawTensor tensor;
};

class Importer {
public:
  Importer(Blob file, llvm::StringRef path, DiagEngine &diags) : file(std::move(file)), path(path), diags(diags) {}

  std::unique_ptr<Graph> run() {
    graph = std::make_unique<Graph>("");
    if (!readGraph() || !order() || !build())
      return nullptr;
    return std::move(graph);
  }

private:
  bool error(std::string message, llvm::StringRef node = "") {
    diags.error(Location{node.str(), 0}, std::move(message)).file(path.str());
    return false;
  }

  //===-- Messages ------------------------------------------------------------===//
  bool readGraph() {
    if (file.empty())
      return error("not an xmodel: the file is empty");
    if (file.str().startswith("\x89PNG"))
      return error("not an xmodel: this is a PNG image");
    WireReader r(file.bytes());
    std::string name;
    while (r.next()) {
      switch (r.field()) {
      case GraphField::Name:
        name = r.bytes().str();
        break;
      case GraphField::Op:
        if (!readOp(r.bytes()))
          return false;
        break;
      case GraphField::Root:
        if (!readRoot(r.bytes()))
          return false;
        break;
      case GraphField::Attr:
        if (!decodeAttrEntry(r.bytes(), file, graph->attrs()))
          return error("the xmodel is damaged: a graph attribute cannot be decoded");
        break;
      case GraphField::OpDef:
        readOpDef(r.bytes());
        break;
      default:
        return error(fmt::format("not an xmodel of the current schema: unknown field {} (an ONNX file, or an xmodel of the older v1 "
                                 "schema?)", r.field()));
      }
    }
    if (!r.ok())
      return error(ops.empty() ? "not an xmodel" : fmt::format("the xmodel is truncated or damaged after {} ops", ops.size()));
    if (ops.empty())
      return error("the xmodel holds an empty graph: no ops");
    graph->setName(name);
    if (!opDefs.empty())
      graph->attrs()["op_defs"] = Attr::list(AttrKind::Bytes, std::move(opDefs));
    return true;
  }

  bool damagedOp(const RawOp &op, const char *what) {
    return error(fmt::format("the xmodel is damaged: op {} ('{}'): {} cannot be decoded", ops.size(), op.name, what), op.name);
  }

  bool readOp(llvm::StringRef message) {
    RawOp op;
    WireReader r(message);
    while (r.next()) {
      switch (r.field()) {
      case OpField::Name:
        op.name = r.bytes().str();
        break;
      case OpField::Type:
        op.type = r.bytes().str();
        break;
      case OpField::Attr:
        if (!decodeAttrEntry(r.bytes(), file, op.attrs))
          return damagedOp(op, "an attribute");
        break;
      case OpField::Arg:
        if (!readArg(r.bytes(), op))
          return damagedOp(op, "an argument");
        break;
      case OpField::Tensor:
        if (!readTensor(r.bytes(), op.tensor))
          return damagedOp(op, "the output tensor");
        break;
      }
    }
    if (!r.ok() || op.name.empty() || op.type.empty())
      return damagedOp(op, "the op itself");
    if (op.tensor.name.empty())
      op.tensor.name = op.name;
    ops.push_back(std::move(op));
    return true;
  }

  static bool readArg(llvm::StringRef message, RawOp &op) {
    auto &[name, producers] = op.args.emplace_back();
    WireReader r(message);
    while (r.next()) {
      if (r.field() == ArgField::Name)
        name = r.bytes().str();
      else if (r.field() == ArgField::Producer)
        producers.push_back(r.bytes().str());
    }
    return r.ok();
  }

  bool readTensor(llvm::StringRef message, RawTensor &t) {
    WireReader r(message);
    while (r.next()) {
      switch (r.field()) {
      case TensorField::Name:
        t.name = r.bytes().str();
        break;
      case TensorField::Dim:
        r.appendVarints(t.dims);
        break;
      case TensorField::DataType:
        t.dataType = r.i32();
        break;
      case TensorField::BitWidth:
        t.bitWidth = r.i32();
        break;
      case TensorField::Attr:
        if (!decodeAttrEntry(r.bytes(), file, t.attrs))
          return false;
        break;
      }
    }
    return r.ok();
  }

  /// Definitions of types we know are the library's business; others travel with the graph.
  void readOpDef(llvm::StringRef message) {
    WireReader r(message);
    while (r.next())
      if (r.field() == 1) {
        const XirOpDef *known = findXirOp(r.bytes());
        if (!known || !known->builtin)
          opDefs.push_back(Attr::bytes(Blob::copy(message)));
        return;
      }
  }

  bool readRoot(llvm::StringRef message) {
    Attr root;
    if (!readSubgraph(message, root, 0))
      return error("the xmodel is damaged: the subgraphs cannot be decoded");
    const AttrMap &dict = root.asMap();
    if (!dict.at("attrs").asMap().empty())
      graph->attrs()["root_attrs"] = dict.at("attrs");
    if (!dict.at("children").asList().empty())
      graph->attrs()["subgraphs"] = dict.at("children");
    return true;
  }

  bool readSubgraph(llvm::StringRef message, Attr &out, unsigned depth) {
    if (depth > MaxSubgraphDepth)
      return false;
    std::string name;
    std::vector<std::string> members;
    std::vector<Attr> children;
    AttrMap attrs;
    WireReader r(message);
    while (r.next()) {
      switch (r.field()) {
      case SubgraphField::Name:
        name = r.bytes().str();
        break;
      case SubgraphField::Op:
        members.push_back(r.bytes().str());
        break;
      case SubgraphField::Attr:
        if (!decodeAttrEntry(r.bytes(), file, attrs))
          return false;
        break;
      case SubgraphField::Child:
        children.emplace_back();
        if (!readSubgraph(r.bytes(), children.back(), depth + 1))
          return false;
        break;
      }
    }
    AttrMap dict;
    dict["name"] = Attr::string(name);
    dict["attrs"] = Attr::dict(std::move(attrs));
    dict["ops"] = Attr::strings(members);
    dict["children"] = Attr::list(AttrKind::Dict, std::move(children));
    out = Attr::dict(std::move(dict));
    return r.ok();
  }

  //===-- Order ------------------------------------------------------------------===//
  /// Resolves arguments to op numbers and finds an order in which every producer comes
  /// first: the file's own if that is one.
  bool order() {
    llvm::StringMap<unsigned> byName;
    for (unsigned i = 0; i < ops.size(); ++i)
      if (!byName.try_emplace(ops[i].name, i).second)
        return error(fmt::format("two ops are named '{}'", ops[i].name), ops[i].name);
    producers.resize(ops.size());
    std::vector<std::vector<unsigned>> users(ops.size());
    std::vector<unsigned> waiting(ops.size());
    for (unsigned i = 0; i < ops.size(); ++i)
      for (auto &[arg, names] : ops[i].args)
        for (const std::string &name : names) {
          auto it = byName.find(name);
          if (it == byName.end())
            return error(fmt::format("argument '{}' names an op that does not exist: '{}'", arg, name), ops[i].name);
          producers[i].push_back(it->second);
          users[it->second].push_back(i);
          ++waiting[i];
        }
    std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> ready;
    for (unsigned i = 0; i < ops.size(); ++i)
      if (!waiting[i])
        ready.push(i);
    while (!ready.empty()) {
      unsigned i = ready.top();
      ready.pop();
      sequence.push_back(i);
      for (unsigned user : users[i])
        if (--waiting[user] == 0)
          ready.push(user);
    }
    return sequence.size() == ops.size() || error("the ops of the xmodel form a cycle");
  }

  //===-- Graph ------------------------------------------------------------------===//
  bool build() {
    values.resize(ops.size());
    for (unsigned i : sequence)
      if (!buildOp(i))
        return false;
    // What the model returns: `return_ops` where it is given, else every op without a user.
    std::vector<Value *> outputs;
    const Attr *named = graph->attr("return_ops");
    if (named && named->isStringList()) {
      llvm::StringMap<Value *> byOp;
      for (unsigned i = 0; i < ops.size(); ++i)
        byOp[ops[i].name] = values[i];
      for (const std::string &name : named->asStrings())
        if (Value *v = byOp.lookup(name))
          outputs.push_back(v);
    }
    if (outputs.empty())
      for (Value *v : values)
        if (v->unused())
          outputs.push_back(v);
    graph->setOutputs(outputs);
    return true;
  }

  bool buildOp(unsigned i) {
    RawOp &raw = ops[i];
    if (graph->lookup(raw.tensor.name))
      return error(fmt::format("two tensors are named '{}'", raw.tensor.name), raw.name);
    Type type;
    if (!tensorType(raw, type))
      return false;
    OpSpec spec;
    spec.name = "xir." + raw.type;
    spec.attrs = std::move(raw.attrs);
    if (raw.name != raw.tensor.name)
      spec.attrs["op_name"] = Attr::string(raw.name);
    if (!raw.tensor.attrs.empty())
      spec.attrs["tensor_attrs"] = Attr::dict(std::move(raw.tensor.attrs));
    if (!placeOperands(i, spec) || !takeFixPoint(raw, spec, type) || !takeConstant(raw, spec, type))
      return false;
    spec.results.push_back({raw.tensor.name, type});
    values[i] = graph->create(std::move(spec))->result();
    return true;
  }

  bool tensorType(const RawOp &raw, Type &type) {
    Shape shape;
    for (uint64_t d : raw.tensor.dims) {
      if (d > static_cast<uint64_t>(MaxElements))
        return error(fmt::format("a dimension of {} is absurd", d), raw.name);
      shape.push_back(static_cast<int64_t>(d));
    }
    type = Type(ElemKind::F32, shape);
    if (type.numElements() < 0 || type.numElements() > MaxElements)
      return error(fmt::format("a tensor of shape {} is beyond the limit of {} elements", shapeStr(shape), MaxElements), raw.name);
    auto elem = elemType(raw.tensor);
    if (!elem)
      return error(fmt::format("unknown tensor data type {} with {} bits", raw.tensor.dataType, raw.tensor.bitWidth), raw.name);
    type = type.withElem(*elem);
    return true;
  }

  static std::optional<ElemType> elemType(const RawTensor &t) {
    switch (t.dataType) {
    case Float:
      return t.bitWidth == 32   ? std::optional<ElemType>(ElemKind::F32)
             : t.bitWidth == 64 ? std::optional<ElemType>(ElemKind::F64)
             : t.bitWidth == 16 ? std::optional<ElemType>(ElemKind::F16)
                                : std::nullopt;
    case Int:
    case UInt:
      return integerType(t.bitWidth, t.dataType == Int);
    case XInt:
    case XUInt: {
      auto it = t.attrs.find("fix_point");
      int64_t fixPoint = it != t.attrs.end() && it->second.isInt() ? it->second.asInt() : 0;
      if (t.bitWidth < 1 || t.bitWidth > 32 || fixPoint < -1024 || fixPoint > 1024)
        return std::nullopt;
      return ElemType::fix(t.bitWidth, static_cast<int>(fixPoint), t.dataType == XInt);
    }
    case Unknown:
      return ElemType(ElemKind::None);
    default:
      return std::nullopt;
    }
  }

  static std::optional<ElemType> integerType(int bits, bool isSigned) {
    switch (bits) {
    case 1:
      return ElemType(ElemKind::Bool);
    case 8:
      return ElemType(isSigned ? ElemKind::I8 : ElemKind::U8);
    case 16:
      return ElemType(isSigned ? ElemKind::I16 : ElemKind::U16);
    case 32:
      return ElemType(isSigned ? ElemKind::I32 : ElemKind::U32);
    case 64:
      return ElemType(isSigned ? ElemKind::I64 : ElemKind::U64);
    default:
      return std::nullopt;
    }
  }

  /// Operands in the table's argument order; `arg_names` where the file has it otherwise.
  bool placeOperands(unsigned i, OpSpec &spec) {
    std::vector<std::pair<std::string, Value *>> given;
    size_t next = 0;
    for (auto &[arg, names] : ops[i].args)
      for (size_t k = 0; k < names.size(); ++k)
        given.push_back({arg, values[producers[i][next++]]});
    const XirOpDef *def = findXirOp(ops[i].type);
    if (def && placeByTable(*def, given, spec.operands))
      return true;
    std::vector<std::string> names;
    spec.operands.clear();
    for (auto &[arg, value] : given) {
      names.push_back(arg);
      spec.operands.push_back(value);
    }
    if (llvm::any_of(names, [](const std::string &n) { return n != "input"; }) || (def && !given.empty()))
      spec.attrs["arg_names"] = Attr::strings(names);
    return true;
  }

  static bool placeByTable(const XirOpDef &def, std::vector<std::pair<std::string, Value *>> given, std::vector<Value *> &out) {
    bool anyRepeated = false;
    for (const XirArg &a : def.args) {
      bool repeated = a.occurrence == Occurrence::Repeated || a.occurrence == Occurrence::RequiredAndRepeated;
      anyRepeated |= repeated;
      size_t before = out.size();
      llvm::erase_if(given, [&](auto &g) { return g.first == a.name && (repeated || out.size() == before) && (out.push_back(g.second), true); });
      if (!repeated && out.size() == before)
        out.push_back(nullptr);
    }
    while (!anyRepeated && !out.empty() && !out.back())
      out.pop_back();
    return given.empty();
  }

  /// `fix` and `float2fix`: the position goes into the result type.
  bool takeFixPoint(const RawOp &raw, OpSpec &spec, Type &type) {
    if (raw.type != "fix" && raw.type != "float2fix")
      return true;
    auto &attrs = spec.attrs;
    auto get = [&](const char *name) { auto it = attrs.find(name); return it == attrs.end() ? nullptr : &it->second; };
    const Attr *point = get("fix_point"), *bits = get("bit_width"), *isSigned = get("if_signed");
    if (!point || !point->isInt() || !bits || !bits->isInt() || !isSigned || !isSigned->is(AttrKind::Bool))
      return error(fmt::format("op of type {} needs fix_point, bit_width and if_signed", raw.type), raw.name);
    if (bits->asInt() < 1 || bits->asInt() > 32 || point->asInt() < -1024 || point->asInt() > 1024)
      return error(fmt::format("fix point {} with {} bits is out of range", point->asInt(), bits->asInt()), raw.name);
    ElemType fix = ElemType::fix(bits->asInt(), point->asInt(), isSigned->asBool());
    if (type.isFix() && type.elemType() != fix)
      return error(fmt::format("the op says {}, its tensor says {}", fix.str(), type.elemType().str()), raw.name);
    if ((raw.type == "fix") == type.isFix()) // a fix op's tensor is float, float2fix's is fixed
      attrs["tensor_type"] = Attr::string(type.elemType().str());
    type = type.withElem(fix);
    attrs.erase("fix_point");
    attrs.erase("bit_width");
    attrs.erase("if_signed");
    return true;
  }

  /// `const` with data becomes our const op. `const-fix` of compiled files often has none.
  bool takeConstant(const RawOp &raw, OpSpec &spec, const Type &type) {
    if (raw.type != "const" && raw.type != "const-fix")
      return true;
    auto it = spec.attrs.find("data");
    if (it == spec.attrs.end() || !it->second.is(AttrKind::Bytes))
      return error("a constant needs its attribute 'data' as bytes", raw.name);
    Blob data = it->second.asBytes();
    if (raw.type == "const-fix" && data.empty())
      return true;
    if (type.numBytes() != static_cast<int64_t>(data.size()))
      return error(fmt::format("a constant of type {} needs {} bytes, the file has {}", type.str(), type.numBytes(), data.size()), raw.name);
    spec.attrs.erase(it);
    spec.name = "const";
    if ((raw.type == "const-fix") != type.isFix())
      spec.attrs["xir_type"] = Attr::string(raw.type);
    if (auto shape = spec.attrs.find("shape"); shape != spec.attrs.end() && shape->second == Attr::i32s(type.shape()))
      spec.attrs.erase(shape);
    if (auto dt = spec.attrs.find("data_type"); dt != spec.attrs.end() && dt->second == Attr::string(type.isFix() ? "XINT8" : "float32"))
      spec.attrs.erase(dt);
    spec.attrs["value"] = Attr::tensor(Tensor(type, std::move(data)));
    return true;
  }

  Blob file;
  llvm::StringRef path;
  DiagEngine &diags;
  std::unique_ptr<Graph> graph;
  std::vector<RawOp> ops;
  std::vector<Attr> opDefs;
  std::vector<std::vector<unsigned>> producers;
  std::vector<unsigned> sequence;
  std::vector<Value *> values;
};

} // namespace

Result<std::unique_ptr<Graph>> dpuopt::importXmodel(llvm::StringRef path, DiagEngine &diags) {
  auto file = Blob::mapFile(path, diags);
  if (!file)
    return failure();
  std::unique_ptr<Graph> graph = Importer(std::move(*file), path, diags).run();
  if (!graph)
    return failure();
  return graph;
}
