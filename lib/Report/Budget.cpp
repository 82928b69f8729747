//===- Budget.cpp - limits of a model that a build must keep --------------------------===//
#include "dpuopt/Report/Formats.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

namespace {
struct Figure {
  const char *key, *text;
  std::optional<int64_t> (*of)(const ModelReport &); ///< nullopt: not measured
};
} // namespace

/// Of every ten thousand images, as the DPU computes: only `dpuc compile` on labelled data knows.
static std::optional<int64_t> wrongAnswers(const ModelReport &r) {
  return r.accuracy ? std::optional(std::llround((100 - r.accuracy->fixedTop1) * 100)) : std::nullopt;
}

/// What a budget pins: each may be lower, never higher.
static const Figure figures[] = {
    {"dpu_subgraphs", "DPU subgraphs", [](const ModelReport &r) -> std::optional<int64_t> { return r.count("DPU"); }},
    {"cpu_subgraphs", "CPU subgraphs", [](const ModelReport &r) -> std::optional<int64_t> { return r.count("CPU"); }},
    {"cpu_ops", "ops on the CPU", [](const ModelReport &r) -> std::optional<int64_t> { return r.cpuOps(); }},
    {"macs", "multiply-accumulates", [](const ModelReport &r) -> std::optional<int64_t> { return r.macs(); }},
    {"macs_on_cpu", "multiply-accumulates on the CPU",
     [](const ModelReport &r) -> std::optional<int64_t> { return r.macs() - r.macsOnDpu(); }},
    {"wrong_per_10000", "wrong answers in 10000", wrongAnswers},
};

static std::string keyOf(const ModelReport &r) { return llvm::sys::path::filename(r.model).str(); }

static Result<Json> readBudget(llvm::StringRef file, llvm::StringRef text, DiagEngine &diags) {
  Json json = Json::parse(text.str(), nullptr, false);
  if (!json.is_object() || !json.contains("models") || !json["models"].is_object())
    return diags.error(R"(a budget is {"models": {"net.onnx": {"dpu_subgraphs": 1}}}, found something else)")
        .rule("budget.form")
        .file(file.str());
  return json;
}

Status dpuopt::checkBudget(ModelReport &r, llvm::StringRef file, llvm::StringRef text, DiagEngine &diags) {
  auto budget = readBudget(file, text, diags);
  if (!budget)
    return failure();
  auto entry = (*budget)["models"].find(keyOf(r));
  if (entry == (*budget)["models"].end() || !entry->is_object())
    return diags.error(fmt::format("the budget has no entry for '{}'", keyOf(r)))
        .rule("budget.model")
        .file(file.str())
        .note("write one with --update-budget");
  for (const auto &item : entry->items()) {
    const std::string &key = item.key();
    const auto &limit = item.value();
    auto figure = llvm::find_if(figures, [&](const Figure &f) { return key == f.key; });
    if (figure == std::end(figures) || !limit.is_number_integer())
      return diags.error(fmt::format("'{}' is no figure of a budget with a whole number", key))
          .rule("budget.form")
          .file(file.str());
    std::optional<int64_t> found = figure->of(r);
    if (int64_t most = limit.get<int64_t>(); found && *found > most)
      r.overBudget.push_back({key, figure->text, most, *found});
  }
  for (const ReportedOver &over : r.overBudget)
    diags.error(fmt::format("the budget allows {} {}, found {}", over.most, over.text, over.found)).rule("budget.over");
  r.hasBudget = true;
  return success();
}

Result<std::string> dpuopt::updatedBudget(const ModelReport &r, llvm::StringRef file, llvm::StringRef text,
                                          DiagEngine &diags) {
  Json json = {{"models", Json::object()}};
  if (!text.empty()) {
    auto old = readBudget(file, text, diags);
    if (!old)
      return failure();
    json = std::move(*old);
  }
  const Json old = json["models"].value(keyOf(r), Json::object());
  Json entry = Json::object();
  for (const Figure &f : figures)
    if (std::optional<int64_t> found = f.of(r))
      entry[f.key] = *found;
    else if (old.is_object() && old.contains(f.key)) // what this command does not measure stays as it is
      entry[f.key] = old[f.key];
  json["models"][keyOf(r)] = std::move(entry);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}
