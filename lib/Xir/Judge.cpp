//===- Judge.cpp - asking libxir, in a child process -------------------------------------===//
//
// Runs dpuopt-xir-judge and believes it only as far as it goes: the number, names,
// shapes and data types of the ops that libxir sees must be those our own reader sees.
//
//===----------------------------------------------------------------------===//
#include "DataTypes.h"
#include "FileOp.h"
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Process.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using namespace dpuopt::xmodel;
using Json = nlohmann::json;

/// Seconds after which a file that libxir is still loading is given up.
static constexpr unsigned Timeout = 300;

//===-- Question --------------------------------------------------------------------===//

static const Attr *member(const Attr &dict, const char *key) {
  auto it = dict.asMap().find(key);
  return it == dict.asMap().end() ? nullptr : &it->second;
}

/// The subgraphs as the helper wants them; nullopt if the attribute has another form.
static std::optional<Json> subgraphsJson(const Graph &g) {
  Json out = Json::array();
  const Attr *list = g.attr("subgraphs");
  if (!list)
    return out;
  if (!list->is(AttrKind::List))
    return std::nullopt;
  for (const Attr &dict : list->asList()) {
    if (!dict.is(AttrKind::Dict))
      return std::nullopt;
    const Attr *name = member(dict, "name"), *attrs = member(dict, "attrs"), *ops = member(dict, "ops");
    if (!name || !name->is(AttrKind::String) || !attrs || !attrs->is(AttrKind::Dict) || !ops || !ops->isStringList())
      return std::nullopt;
    const Attr *device = member(*attrs, "device");
    bool named = device && device->is(AttrKind::String);
    out.push_back({{"name", name->asString()}, {"device", named ? device->asString() : ""}, {"ops", ops->asStrings()}});
  }
  return out;
}

/// Definitions of the ops in use that came after libxir 2.5.
static Json laterDefinitions(const Graph &g) {
  std::map<std::string, const XirOpDef *> used;
  for (const Op &op : g.ops())
    if (const XirOpDef *def = findXirOp(opType(op)); def && !def->builtin)
      used[def->type] = def;
  Json out = Json::array();
  for (auto &[type, def] : used) {
    Json args = Json::array();
    for (const XirArg &a : def->args)
      args.push_back({{"name", a.name}, {"occurrence", static_cast<int>(a.occurrence)}});
    out.push_back({{"name", type}, {"args", args}});
  }
  return out;
}

namespace {
/// A temporary file, gone with the object.
struct TemporaryFile {
  llvm::SmallString<64> path;
  ~TemporaryFile() {
    if (!path.empty())
      llvm::sys::fs::remove(path);
  }
};
} // namespace

/// What the helper is to do besides loading `file`. Null `plan`: no subgraphs are built.
static Status writePlan(const Graph &file, const Graph *plan, TemporaryFile &out, DiagEngine &diags) {
  Json json = {{"definitions", laterDefinitions(file)}};
  if (plan) {
    std::optional<Json> subgraphs = subgraphsJson(*plan);
    if (!subgraphs)
      return diags.error("graph attribute 'subgraphs' must be a list of dictionaries with name, attrs and ops");
    json["subgraphs"] = *subgraphs;
  }
  if (auto ec = llvm::sys::fs::createTemporaryFile("dpuopt-plan", "json", out.path))
    return diags.error("cannot create a temporary file: " + ec.message());
  return writeFileAtomically(out.path, diags, [&](llvm::raw_pwrite_stream &os) {
    os << json.dump(-1, ' ', false, Json::error_handler_t::replace);
    return success();
  });
}

//===-- Answer ----------------------------------------------------------------------===//

/// What libxir said last before it gave up, without glog's prefix and stack frames.
static std::string lastWords(const ProcessResult &result) {
  llvm::SmallVector<llvm::StringRef, 16> lines;
  llvm::StringRef(result.err).split(lines, '\n', -1, false);
  llvm::StringRef words, last;
  for (llvm::StringRef line : lines) {
    if (line.contains("[FATAL]"))
      words = line.substr(line.find("[FATAL]") + strlen("[FATAL]"));
    else if (line.contains("what():"))
      words = line;
    if (!line.startswith("***") && !line.startswith("    @") && !line.contains("[WARNING]"))
      last = line;
  }
  if (words.empty())
    words = last;
  return words.empty() ? result.failure : words.trim().str();
}

static Status refused(const ProcessResult &result, llvm::StringRef path, DiagEngine &diags) {
  const char *how = result.exitCode == -1   ? "the xir judge could not be started"
                    : result.exitCode == -2 ? "libxir aborted on the file"
                                            : "libxir refuses the file";
  return diags.error(fmt::format("{}: {}", how, lastWords(result))).file(path.str());
}

/// libxir infers shapes and data types again: they must be the file's.
static Status compareOps(const Json &ops, const Graph &ours, llvm::StringRef path, DiagEngine &diags) {
  llvm::StringMap<const Op *> byName;
  for (const Op &op : ours.ops())
    byName[opName(op)] = &op;
  if (ops.size() != byName.size())
    return diags.error(fmt::format("libxir sees {} ops, the file has {}", ops.size(), byName.size())).file(path.str());
  for (const Json &op : ops) {
    std::string name = op.value("name", "");
    const Op *own = byName.lookup(name);
    if (!own)
      return diags.error(fmt::format("libxir sees an op '{}' that the file does not have", name)).file(path.str());
    std::vector<int64_t> shape = op.value("shape", std::vector<int64_t>());
    if (shape.empty() && own->result()->type().rank() == 1)
      shape = {1}; // full reductions: libxir infers a scalar, we write one element
    std::string theirs = op.value("data_type", "") + "<" + shapeStr(shape) + ">";
    std::string said = dataTypeName(tensorElem(*own)) + "<" + shapeStr(own->result()->type().shape()) + ">";
    if (theirs != said)
      return diags.error({name, 0}, fmt::format("libxir infers the type {}, the file says {}", theirs, said))
          .file(path.str());
  }
  return success();
}

static Result<Json> parseAnswer(const std::string &text, llvm::StringRef path, DiagEngine &diags) {
  // libxir may log to standard output before the JSON.
  size_t start = text.find("{\n");
  Json j = Json::parse(start == std::string::npos ? std::string() : text.substr(start), nullptr, false);
  auto isObject = [](const Json &e) { return e.is_object(); };
  for (const char *key : {"ops", "subgraphs"})
    if (!j.is_object() || !j.contains(key) || !j[key].is_array() || !llvm::all_of(j[key], isObject))
      return diags.error("the xir judge gave no answer that can be read").file(path.str());
  return j;
}

Result<XirVerdict> dpuopt::judgeXmodel(llvm::StringRef path, const Graph *plan, DiagEngine &diags) {
  std::string helper = findHelper("dpuopt-xir-judge");
  if (helper.empty())
    return diags.error("the helper program dpuopt-xir-judge is not installed beside this program");
  auto ours = importXmodel(path, diags); // libxir takes an empty file or a PNG for a graph
  if (!ours)
    return failure();
  TemporaryFile planFile;
  if (failed(writePlan(**ours, plan, planFile, diags)))
    return failure();
  ProcessResult result = runProcess(helper, {path.str(), "--plan", planFile.path.str().str()}, {Timeout});
  if (result.exitCode != 0)
    return refused(result, path, diags);
  auto answer = parseAnswer(result.out, path, diags);
  if (!answer || failed(compareOps((*answer)["ops"], **ours, path, diags)))
    return failure();
  XirVerdict v;
  v.graphName = answer->value("graph", "");
  for (const Json &op : (*answer)["ops"])
    v.opNames.push_back(op.value("name", ""));
  v.numOps = v.opNames.size();
  for (const Json &s : (*answer)["subgraphs"])
    v.subgraphs.push_back({s.value("name", ""), s.value("device", "")});
  return v;
}
