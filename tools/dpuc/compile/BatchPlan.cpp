//===- BatchPlan.cpp - many models to compile --------------------------------------------===//
#include "BatchPlan.h"
#include "dpuopt/Support/File.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
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
  return name.empty() || name[0] == '.' || name[0] == '-' ? "_" + name : name;
}

/// No file or flag needs one, and build files and logs have lines.
static bool isControl(char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }

namespace {

/// One flag, as the words it is on a command line.
struct Flag {
  std::string name;
  std::vector<std::string> words;
};
using Flags = std::vector<Flag>;

/// Those of `weak` that `strong` does not have, then `strong`.
Flags overridden(const Flags &weak, const Flags &strong) {
  Flags all;
  for (const Flag &f : weak)
    if (llvm::none_of(strong, [&](const Flag &s) { return s.name == f.name; }))
      all.push_back(f);
  all.insert(all.end(), strong.begin(), strong.end());
  return all;
}

/// A word that begins with a dash begins a flag; its value may be the next one.
Flags flagsIn(llvm::ArrayRef<std::string> words) {
  Flags all;
  for (const std::string &word : words) {
    if (word.size() > 1 && word[0] == '-')
      all.push_back({llvm::StringRef(word).ltrim('-').split('=').first.str(), {}});
    if (!all.empty())
      all.back().words.push_back(word);
  }
  return all;
}

class PlanReader {
public:
  PlanReader(llvm::StringRef file, const BatchFlags &flags, DiagEngine &diags)
      : file(file.str()), flags(flagsIn(flags.words)), known(flags.known), diags(diags) {}
  Status readToml();
  Status readFolder();
  BatchPlan plan;

private:
  struct Entry {
    std::string model, name;
    std::vector<std::string> targets;
    Flags own;
    unsigned line = 0; ///< 0: of a folder
  };
  DiagBuilder error(const std::string &text, unsigned line = 0);
  Status unknown(const std::string &what, llvm::StringRef name, llvm::ArrayRef<std::string> there, unsigned line);
  Status checkTables(const toml::table &top);
  Status checkName(const std::string &name, unsigned line);
  Result<Flags> flagsOf(const toml::table &table, std::vector<std::string> &targets);
  Status addFlag(const std::string &key, const toml::node &value, std::vector<std::string> &to);
  Status readModel(const toml::node &node, const Flags &common, const std::vector<std::string> &commonTargets);
  Status add(Entry entry);
  std::string freeName(const std::string &wanted) const;

  std::string file;
  Flags flags;
  llvm::ArrayRef<std::string> known;
  DiagEngine &diags;
  llvm::StringMap<unsigned> names; ///< of jobs, and the lines that have them
};

unsigned lineOf(const toml::node &node) { return node.source().begin.line; }

DiagBuilder PlanReader::error(const std::string &text, unsigned line) {
  DiagBuilder d = diags.error({"", line}, text);
  d.file(file).rule("batch.plan");
  return d;
}

/// With the name that was meant, if one is near.
Status PlanReader::unknown(const std::string &what, llvm::StringRef name, llvm::ArrayRef<std::string> there,
                           unsigned line) {
  constexpr unsigned Near = 3;
  unsigned least = Near + 1;
  std::string nearest;
  for (const std::string &n : there)
    if (unsigned d = name.edit_distance(n, true, Near); d < least)
      least = d, nearest = n;
  DiagBuilder d = error(fmt::format("'{}' is no {}", name.str(), what), line);
  if (!nearest.empty())
    d.note(fmt::format("did you mean '{}'?", nearest));
  return d;
}

Status PlanReader::checkName(const std::string &name, unsigned line) {
  static const std::string ofTheBatch[] = {"o", "batch", "jobs", "force", "ninja", "print-shard"};
  if (llvm::is_contained(ofTheBatch, name))
    return error(fmt::format("'{}' is for the whole batch, not for a model", name), line);
  if (!llvm::is_contained(known, name))
    return unknown("flag of dpuc compile", name, known, line);
  return success();
}

Status PlanReader::addFlag(const std::string &key, const toml::node &value, std::vector<std::string> &to) {
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
      if (one.is_array() ? failed(Status(error(fmt::format("'{}' has a list in a list", key), lineOf(one))))
                         : failed(addFlag(key, one, to)))
        return failure();
  } else {
    return error(fmt::format("'{}' is no value of a flag", key), lineOf(value));
  }
  if (!to.empty() && llvm::any_of(to.back(), isControl))
    return error(fmt::format("'{}' has a control character in it", key), lineOf(value));
  return success();
}

Result<Flags> PlanReader::flagsOf(const toml::table &table, std::vector<std::string> &targets) {
  Flags found;
  for (auto &&[key, value] : table) {
    Flag flag{std::string(key.str()), {}};
    if (flag.name == "onnx" || flag.name == "name")
      continue;
    if (failed(checkName(flag.name, lineOf(value))) || failed(addFlag(flag.name, value, flag.words)))
      return failure();
    if (flag.name != "target") {
      found.push_back(std::move(flag));
      continue;
    }
    targets.clear();
    for (const std::string &t : flag.words)
      targets.push_back(t.substr(sizeof "--target=" - 1));
  }
  return found;
}

/// `wanted`, or with the first number behind it that is free.
std::string PlanReader::freeName(const std::string &wanted) const {
  std::string name = wanted;
  for (unsigned n = 2; names.count(name); ++n)
    name = fmt::format("{}-{}", wanted, n);
  return name;
}

Status PlanReader::add(Entry e) {
  if (e.name.empty())
    e.name = path_::stem(e.model).str();
  if (llvm::any_of(e.model, isControl))
    return error("the name of a model has a control character in it", e.line);
  const bool several = e.targets.size() > 1;
  Flags all = overridden(flags, e.own);
  if (!e.targets.empty())
    all = overridden(all, {{"target", {}}});
  else
    e.targets.push_back("");
  // A name that begins with a dash would be a flag.
  const std::string path = e.model[0] == '-' ? "./" + e.model : e.model;
  for (const std::string &target : e.targets) {
    BatchJob job{folderName(several ? e.name + "-" + target : e.name), e.model, target, {path}};
    for (const Flag &f : all)
      job.args.insert(job.args.end(), f.words.begin(), f.words.end());
    if (!target.empty())
      job.args.push_back("--target=" + target);
    if (!e.line)
      job.name = freeName(job.name);
    if (auto [it, isNew] = names.insert({job.name, e.line}); !isNew)
      return error(
          fmt::format("two results are called '{}', here and in line {}: give one a name", job.name, it->second),
          e.line);
    plan.jobs.push_back(std::move(job));
  }
  return success();
}

Status PlanReader::readModel(const toml::node &node, const Flags &common,
                             const std::vector<std::string> &commonTargets) {
  const toml::table *table = node.as_table();
  const unsigned line = lineOf(node);
  auto onnx = table ? (*table)["onnx"].value<std::string>() : std::nullopt;
  if (!onnx || onnx->empty())
    return error("a model has no onnx = \"FILE\"", line);
  Entry e{*onnx, "", commonTargets, {}, line};
  if (const auto name = (*table)["name"]; name && !name.is_string())
    return error("a model's name is no text", lineOf(*name.node()));
  else
    e.name = name.value_or(std::string());
  auto own = flagsOf(*table, e.targets);
  if (!own)
    return failure();
  e.own = overridden(common, *own);
  return add(std::move(e));
}

/// A word that is misspelled would leave out all that is under it.
Status PlanReader::checkTables(const toml::table &top) {
  static const std::string tables[] = {"defaults", "model"};
  for (auto &&[key, value] : top) {
    const std::string name(key.str());
    if (!llvm::is_contained(tables, name))
      return unknown("part of a batch: it has [defaults] and [[model]]", name, tables, lineOf(value));
    if (name == "defaults" ? !value.is_table() : !value.is_array())
      return error(name == "defaults" ? "defaults are [defaults]" : "models are [[model]], with two brackets",
                   lineOf(value));
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
    return error(fmt::format("column {}: {}", at.column, parsed.error().description()), at.line);
  }
  if (failed(checkTables(parsed)))
    return failure();
  std::vector<std::string> commonTargets;
  Flags common;
  if (const toml::table *defaults = parsed["defaults"].as_table()) {
    auto found = flagsOf(*defaults, commonTargets);
    if (!found)
      return failure();
    common = std::move(*found);
  }
  const toml::array *models = parsed["model"].as_array();
  for (size_t i = 0; models && i < models->size(); ++i)
    if (failed(readModel(*models->get(i), common, commonTargets)))
      return failure();
  return plan.jobs.empty() ? Status(error("names no model: [[model]] with onnx = \"FILE\"")) : success();
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
    if (llvm::any_of(model, isControl))
      diags.warning("'" + model + "' is left out: a control character is in its name").file(file).rule("batch.plan");
    else if (failed(add({model, "", {}, {}, 0})))
      return failure();
  return plan.jobs.empty() ? Status(error("has no .onnx file")) : success();
}

} // namespace

Result<BatchPlan> dpuopt::readBatchPlan(llvm::StringRef path, const BatchFlags &flags, DiagEngine &diags) {
  PlanReader reader(path, flags, diags);
  if (failed(fs::is_directory(path) ? reader.readFolder() : reader.readToml()))
    return failure();
  llvm::SmallString<128> folder(reader.plan.folder.empty() ? "." : reader.plan.folder);
  fs::make_absolute(folder);
  path_::remove_dots(folder);
  reader.plan.folder = folder.str().str();
  return std::move(reader.plan);
}
