//===- Judge.cpp - asking libxir, in a child process -------------------------------------===//
#include "dpuopt/Support/File.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::json;

/// Seconds after which a file that libxir is still loading is given up.
static constexpr unsigned Timeout = 300;

static Json planJson(const Graph &g) {
  Json plan = Json::array();
  const Attr *list = g.attr("subgraphs");
  if (!list || !list->is(AttrKind::List))
    return plan;
  for (const Attr &dict : list->asList()) {
    const AttrMap &s = dict.asMap();
    auto device = s.at("attrs").asMap().find("device");
    plan.push_back({{"name", s.at("name").asString()},
                    {"device", device == s.at("attrs").asMap().end() ? "" : device->second.asString()},
                    {"ops", s.at("ops").asStrings()}});
  }
  return plan;
}

/// The last line that is not a stack frame: glog's reason for aborting.
static std::string lastWords(llvm::StringRef err) {
  llvm::SmallVector<llvm::StringRef, 16> lines;
  err.split(lines, '\n', -1, false);
  std::string words;
  for (llvm::StringRef line : lines)
    if (line.contains("Check fail") || line.contains("UNILOG") || line.startswith("F"))
      words = line.trim().str();
  return words.empty() && !lines.empty() ? lines.back().trim().str() : words;
}

static Result<XirVerdict> parseVerdict(const std::string &text, llvm::StringRef path, DiagEngine &diags) {
  // libxir may log to standard output before the JSON.
  size_t start = text.find("{\n");
  Json j = Json::parse(start == std::string::npos ? std::string() : text.substr(start), nullptr, false);
  if (!j.is_object() || !j.contains("ops") || !j.contains("subgraphs"))
    return diags.error("the xir judge gave no answer that can be read").file(path.str());
  XirVerdict v;
  v.graphName = j.value("graph", "");
  v.opNames = j["ops"].get<std::vector<std::string>>();
  v.numOps = v.opNames.size();
  for (const Json &s : j["subgraphs"])
    v.subgraphs.push_back({s.value("name", ""), s.value("device", "")});
  return v;
}

Result<XirVerdict> dpuopt::judgeXmodel(llvm::StringRef path, const Graph *plan, DiagEngine &diags) {
  std::string helper = findHelper("dpuopt-xir-judge");
  if (helper.empty())
    return diags.error("the helper program dpuopt-xir-judge is not installed beside this program");
  std::vector<std::string> args = {path.str()};
  llvm::SmallString<64> planFile;
  if (plan) {
    if (auto ec = llvm::sys::fs::createTemporaryFile("dpuopt-plan", "json", planFile))
      return diags.error("cannot create a temporary file: " + ec.message());
    Status written = writeFileAtomically(
        planFile, diags, [&](llvm::raw_pwrite_stream &os) { return os << planJson(*plan).dump(), success(); });
    if (failed(written))
      return failure();
    args.insert(args.end(), {"--plan", planFile.str().str()});
  }
  ProcessResult result = runProcess(helper, args, Timeout);
  if (plan)
    llvm::sys::fs::remove(planFile);
  if (result.exitCode != 0)
    return diags
        .error(fmt::format("libxir refuses the file: {}", result.err.empty() ? result.failure : lastWords(result.err)))
        .file(path.str());
  return parseVerdict(result.out, path, diags);
}
