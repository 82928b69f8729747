//===- BatchPlan.cpp - many models to compile --------------------------------------------===//
#include "BatchPlan.h"
#include "dpuopt/Support/File.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <fmt/format.h>
#include <sstream>
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

using namespace dpuopt;
namespace fs = llvm::sys::fs;
namespace path_ = llvm::sys::path;

/// Of a folder that is ours to name: whatever a model is called, it stays inside.
static std::string folderName(llvm::StringRef wanted) {
  constexpr size_t Longest = 100;
  std::string name;
  for (char c : wanted.take_front(Longest))
    name += llvm::isAlnum(c) || c == '.' || c == '_' || c == '-' ? c : '_';
  return name.empty() || name[0] == '.' ? "_" + name : name;
}

/// No file or flag needs one, and build files and logs have lines.
static bool isControl(char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }

namespace {

class PlanReader {
public:
  PlanReader(llvm::StringRef file, llvm::ArrayRef<std::string> flags, DiagEngine &diags)
      : file(file.str()), flags(flags), diags(diags) {}
  Status readToml();
  Status readFolder();
  BatchPlan plan;

private:
  using Flags = std::vector<std::string>;
  Status error(const std::string &text) { return diags.error(text).file(file).rule("batch.plan"); }
  Result<Flags> flagsOf(const toml::table &table, std::vector<std::string> &targets);
  Status addFlag(const std::string &key, const toml::node &value, Flags &to);
  Status add(const std::string &model, std::string name, std::vector<std::string> targets, const Flags &own);

  std::string file;
  llvm::ArrayRef<std::string> flags;
  DiagEngine &diags;
  llvm::StringSet<> names;
};

Status PlanReader::addFlag(const std::string &key, const toml::node &value, Flags &to) {
  if (auto text = value.value_exact<std::string>())
    to.push_back("--" + key + "=" + *text);
  else if (auto number = value.value_exact<int64_t>())
    to.push_back(fmt::format("--{}={}", key, *number));
  else if (auto real = value.value_exact<double>())
    to.push_back(fmt::format("--{}={}", key, *real));
  else if (auto on = value.value_exact<bool>()) {
    if (*on)
      to.push_back("--" + key);
  } else if (const toml::array *list = value.as_array()) {
    for (const toml::node &one : *list)
      if (one.is_array() || failed(addFlag(key, one, to)))
        return failure();
  } else {
    return error(fmt::format("'{}' is no value of a flag", key));
  }
  return success();
}

Result<PlanReader::Flags> PlanReader::flagsOf(const toml::table &table, std::vector<std::string> &targets) {
  Flags found;
  for (auto &&[key, value] : table) {
    const std::string name(key.str());
    if (name == "onnx" || name == "name")
      continue;
    if (name == "target") {
      Flags spelled;
      if (failed(addFlag("", value, spelled)))
        return failure();
      targets.clear();
      for (const std::string &t : spelled)
        targets.push_back(t.substr(3)); // behind "--="
      continue;
    }
    if (name == "o" || name == "batch" || name == "jobs")
      return error(fmt::format("'{}' is for the whole batch, not for a model", name));
    if (failed(addFlag(name, value, found)))
      return failure();
  }
  return found;
}

Status PlanReader::add(const std::string &model, std::string name, std::vector<std::string> targets, const Flags &own) {
  if (name.empty())
    name = path_::stem(model).str();
  for (const std::string &word : own)
    if (llvm::any_of(word, isControl))
      return error(fmt::format("a flag of '{}' has a control character in it", name));
  if (llvm::any_of(model, isControl))
    return error("the name of a model has a control character in it");
  const bool several = targets.size() > 1;
  if (targets.empty())
    targets.push_back("");
  for (const std::string &target : targets) {
    BatchJob job{folderName(several ? name + "-" + target : name), model, target, {model}};
    job.args.insert(job.args.end(), flags.begin(), flags.end());
    job.args.insert(job.args.end(), own.begin(), own.end());
    if (!target.empty())
      job.args.push_back("--target=" + target);
    if (!names.insert(job.name).second)
      return error(fmt::format("two models are called '{}': give one a name", job.name));
    plan.jobs.push_back(std::move(job));
  }
  return success();
}

Status PlanReader::readToml() {
  plan.folder = path_::parent_path(file).str();
  auto text = readFile(file, diags);
  if (!text)
    return failure();
  toml::parse_result parsed = toml::parse(*text);
  if (!parsed) {
    const auto &at = parsed.error().source().begin;
    return error(fmt::format("line {}, column {}: {}", at.line, at.column, parsed.error().description()));
  }
  std::vector<std::string> commonTargets;
  Flags common;
  if (const toml::table *defaults = parsed["defaults"].as_table()) {
    auto found = flagsOf(*defaults, commonTargets);
    if (!found)
      return failure();
    common = std::move(*found);
  }
  const toml::array *models = parsed["model"].as_array();
  for (size_t i = 0; models && i < models->size(); ++i) {
    const toml::table *table = models->get(i)->as_table();
    auto onnx = table ? (*table)["onnx"].value<std::string>() : std::nullopt;
    if (!onnx)
      return error(fmt::format("model {} has no onnx = \"FILE\"", i + 1));
    std::vector<std::string> targets = commonTargets;
    auto own = flagsOf(*table, targets);
    if (!own)
      return failure();
    Flags all = common;
    all.insert(all.end(), own->begin(), own->end());
    if (failed(add(*onnx, (*table)["name"].value_or(std::string()), targets, all)))
      return failure();
  }
  return plan.jobs.empty() ? error("names no model: [[model]] with onnx = \"FILE\"") : success();
}

Status PlanReader::readFolder() {
  plan.folder = file;
  std::vector<std::string> models;
  std::error_code ec;
  for (fs::directory_iterator it(file, ec), end; it != end && !ec; it.increment(ec))
    if (path_::extension(it->path()) == ".onnx")
      models.push_back(path_::filename(it->path()).str());
  if (ec)
    return error(ec.message());
  llvm::sort(models);
  for (const std::string &model : models)
    if (failed(add(model, "", {}, {})))
      return failure();
  return models.empty() ? error("has no .onnx file") : success();
}

} // namespace

Result<BatchPlan> dpuopt::readBatchPlan(llvm::StringRef path, llvm::ArrayRef<std::string> flags, DiagEngine &diags) {
  PlanReader reader(path, flags, diags);
  if (failed(fs::is_directory(path) ? reader.readFolder() : reader.readToml()))
    return failure();
  llvm::SmallString<128> folder(reader.plan.folder.empty() ? "." : reader.plan.folder);
  fs::make_absolute(folder);
  path_::remove_dots(folder);
  reader.plan.folder = folder.str().str();
  return std::move(reader.plan);
}
