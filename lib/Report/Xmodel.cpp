//===- Xmodel.cpp - what the vendor's tool on the board says of an xmodel --------------===//
#include "dpuopt/Report/Xmodel.h"
#include "PythonJson.h"
#include "dpuopt/Report/Formats.h"
#include "dpuopt/Target/FileSubgraphs.h"
#include "dpuopt/Target/Fusion.h"
#include "llvm/ADT/StringMap.h"
#include <fmt/format.h>
#include <set>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

namespace {

Json jsonOf(const Attr &a) {
  switch (a.kind()) {
  case AttrKind::Bool:
    return a.asBool();
  case AttrKind::I32:
  case AttrKind::U32:
  case AttrKind::I64:
    return a.asInt();
  case AttrKind::U64:
    return static_cast<uint64_t>(a.asInt());
  case AttrKind::F32:
  case AttrKind::F64:
    return a.asFloat();
  case AttrKind::String:
    return a.asString();
  case AttrKind::List: {
    Json list = Json::array();
    for (const Attr &element : a.asList())
      list.push_back(jsonOf(element));
    return list;
  }
  case AttrKind::Map:
  case AttrKind::Dict: {
    Json object = Json::object();
    for (auto &[key, member] : a.asMap())
      object[key] = jsonOf(member);
    return object;
  }
  case AttrKind::None:
  case AttrKind::Bytes:
  case AttrKind::Tensor:
    break;
  }
  return nullptr;
}

Json jsonOf(const Attr *a) { return a ? jsonOf(*a) : Json(); }

/// The integer attribute of a tensor that is not part of its type.
std::optional<int64_t> tensorAttr(const Value &v, llvm::StringRef key) {
  const Attr *a = memberOf(v.def()->attr("tensor_attrs"), key);
  return a && a->isInt() ? std::optional(a->asInt()) : std::nullopt;
}

Json tensors(llvm::ArrayRef<const Value *> values) {
  Json list = Json::array();
  for (const Value *v : values) {
    auto untyped = tensorAttr(*v, "fix_point");
    Json fix = v->type().isFix() ? Json(v->type().elemType().fixPoint) : untyped ? Json(*untyped) : Json();
    Json shape = Json::array();
    for (int64_t d : v->type().shape())
      shape.push_back(d);
    list.push_back({{"index", list.size()}, {"name", v->name()}, {"shape", shape}, {"fixpos", fix}});
  }
  return list;
}

/// The registers, that is memory regions, that the application's tensors are in. What is handed over lies where the
/// DPU's side of it lies: before the download, behind the upload.
std::set<int64_t> registersOf(llvm::ArrayRef<const Value *> values, const FileSubgraph &s, const FileSubgraphs &all) {
  std::set<int64_t> found;
  auto add = [&](const Value *v) {
    auto reg = v && v->def() ? tensorAttr(*v, "reg_id") : std::nullopt;
    if (reg)
      found.insert(*reg);
    return reg.has_value();
  };
  for (const Value *v : values) {
    const bool inside = all.of(v->def()) == &s;
    if (inside && add(v->def()->is("xir.download") ? v->def()->operand(0) : v))
      continue;
    for (const Use &u : v->uses())
      if (all.of(u.user) == &s && u.user->is("xir.upload"))
        add(u.user->result());
  }
  return found;
}

/// "INTERFACE" says less than which side of it.
std::string contextOf(llvm::StringRef reg, const std::string &type, const std::set<int64_t> &in,
                      const std::set<int64_t> &out) {
  int64_t id = -1;
  if (type != "INTERFACE")
    return type;
  reg.consume_front("REG_");
  if (reg.getAsInteger(10, id))
    id = -1;
  if (in.count(id))
    return out.count(id) ? "DATA_LOCAL" : "DATA_LOCAL_INPUT";
  return out.count(id) ? "DATA_LOCAL_OUTPUT" : "INVALID TYPE: INTERFACE";
}

Json registers(const FileSubgraph &s, const FileSubgraphs &all, llvm::ArrayRef<const Value *> inputs,
               llvm::ArrayRef<const Value *> outputs) {
  const Attr *v2 = s.attr("reg_id_to_context_type_v2");
  const Attr *types = v2 ? v2 : s.attr("reg_id_to_context_type");
  const Attr *sizes = s.attr("reg_id_to_size");
  std::set<std::string> names;
  for (const Attr *map : {types, sizes, s.attr("reg_id_to_parameter_value")})
    if (map && (map->is(AttrKind::Map) || map->is(AttrKind::Dict)))
      for (auto &[name, value] : map->asMap())
        names.insert(name);
  const std::set<int64_t> in = registersOf(inputs, s, all), out = registersOf(outputs, s, all);
  Json list = Json::array();
  for (const std::string &name : names) {
    const Attr *type = memberOf(types, name);
    Json context = type && type->is(AttrKind::String)
                       ? Json(v2 ? contextOf(name, type->asString(), in, out) : type->asString())
                       : Json();
    list.push_back({{"name", name}, {"context type", context}, {"size", jsonOf(memberOf(sizes, name))}});
  }
  return list;
}

void addDpu(const FileSubgraph &s, const FileSubgraphs &all, Json &json) {
  const Attr *fingerprint = s.attr("dpu_fingerprint"), *code = s.attr("mc_code");
  const uint64_t bits = fingerprint && fingerprint->isInt() ? static_cast<uint64_t>(fingerprint->asInt()) : 0;
  const std::vector<const Value *> inputs = all.inputs(s), outputs = all.outputs(s);
  json["fingerprint"] = fmt::format("{:#x}", bits);
  json["DPU Arch"] = jsonOf(s.attr("dpu_name"));
  json["workload"] = jsonOf(s.attr("workload"));
  json["input_tensor"] = tensors(inputs);
  json["output_tensor"] = tensors(outputs);
  json["reg info"] = registers(s, all, inputs, outputs);
  if (code && code->is(AttrKind::Bytes))
    json["instruction reg"] = code->asBytes().size();
}

} // namespace

std::string dpuopt::xmodelList(const Graph &g) {
  FileSubgraphs all(g);
  Json list = Json::array();
  for (const FileSubgraph *s : all.sorted()) {
    if (s->device.empty())
      continue;
    Json json = {{"index", list.size()}, {"name", s->name}, {"device", s->device}};
    if (s->device == "DPU")
      addDpu(*s, all, json);
    list.push_back(std::move(json));
  }
  return pythonJson({{"subgraphs", list}}) + "\n";
}

/// Files by their name alone; the first that was only a by-product of the compiler is left out.
static Json filesMd5(const AttrMap &sums) {
  std::map<std::string, Json> byFile;
  for (auto &[path, sum] : sums)
    byFile[path.substr(path.rfind('/') + 1)] = jsonOf(sum);
  for (auto it = byFile.begin(); it != byFile.end(); ++it)
    if (it->first.find("_org.xmodel") != std::string::npos) {
      byFile.erase(it);
      break;
    }
  return byFile;
}

std::string dpuopt::xmodelMeta(const Graph &g) {
  Json json = Json::object();
  for (auto &[key, value] : g.attrs())
    if (key != "subgraphs" && key != "root_attrs" && key != "op_defs")
      json[key] = key == "files_md5sum" && value.is(AttrKind::Map) ? filesMd5(value.asMap()) : jsonOf(value);
  return pythonJson(json) + "\n";
}

/// The devices of a compiled file are in its tree of subgraphs, not on its ops.
static ModelReport placedReport(const Graph &g) {
  ModelReport report = collectReport(g);
  FileSubgraphs all(g);
  llvm::StringMap<const FileSubgraph *> places;
  for (const Op &op : g.ops())
    places[xirName(op)] = all.of(&op);
  llvm::StringMap<int> indexOf;
  for (size_t i = 0; i < report.subgraphs.size(); ++i)
    indexOf[report.subgraphs[i].name] = static_cast<int>(i);
  for (ReportedOp &op : report.ops)
    if (const FileSubgraph *s = places.lookup(op.name))
      op.device = s->device, op.subgraph = indexOf.lookup(s->name);
  return report;
}

std::string dpuopt::xmodelSvg(const Graph &g) { return reportSvg(placedReport(g), g); }
std::string dpuopt::xmodelDot(const Graph &g) { return reportDot(placedReport(g), g); }
