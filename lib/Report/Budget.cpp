//===- Budget.cpp - limits of a model that a build must keep --------------------------===//
#include "dpuopt/Report/Formats.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

namespace {
struct Figure {
  const char *key, *text;
  int64_t (*of)(const ModelReport &);
};
} // namespace

/// What a budget pins: each may be lower, never higher.
static const Figure figures[] = {
    {"dpu_subgraphs", "DPU subgraphs", [](const ModelReport &r) -> int64_t { return r.count("DPU"); }},
    {"cpu_subgraphs", "CPU subgraphs", [](const ModelReport &r) -> int64_t { return r.count("CPU"); }},
    {"cpu_ops", "ops on the CPU", [](const ModelReport &r) -> int64_t { return r.cpuOps(); }},
    {"macs", "multiply-accumulates", [](const ModelReport &r) { return r.macs(); }},
    {"macs_on_cpu", "multiply-accumulates on the CPU", [](const ModelReport &r) { return r.macs() - r.macsOnDpu(); }},
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
    int64_t found = figure->of(r), most = limit.get<int64_t>();
    if (found > most)
      r.overBudget.push_back({key, figure->text, most, found});
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
  Json entry = Json::object();
  for (const Figure &f : figures)
    entry[f.key] = f.of(r);
  json["models"][keyOf(r)] = std::move(entry);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}
