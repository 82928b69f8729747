//===- BudgetFlags.cpp - --budget and --update-budget -------------------------------===//
#include "BudgetFlags.h"
#include "dpuopt/Report/Formats.h"
#include "dpuopt/Support/File.h"
#include "llvm/Support/FileSystem.h"

using namespace dpuopt;

BudgetFlags::BudgetFlags(cl::SubCommand &sub)
    : file("budget", cl::desc("Exit 1 if the model needs more than this file allows"),
           cl::value_desc("dpu-budget.json"), cl::sub(sub), cl::cat(dpucCategory())),
      update("update-budget", cl::desc("Write the model's figures into that file"), cl::sub(sub),
             cl::cat(dpucCategory())) {}

Status BudgetFlags::check(DiagEngine &diags) const {
  if (update && file.empty())
    return diags.error("--update-budget goes with --budget FILE");
  return success();
}

Status BudgetFlags::settle(ModelReport &report, DiagEngine &diags) const {
  if (file.empty())
    return success();
  std::string text;
  if (!update || llvm::sys::fs::exists(file.getValue())) {
    auto read = readFile(file, diags);
    if (!read)
      return failure();
    text = *read;
  }
  if (!update)
    return checkBudget(report, file, text, diags);
  auto updated = updatedBudget(report, file, text, diags);
  if (!updated)
    return failure();
  report.hasBudget = true;
  return writeFileAtomically(file, diags, [&](llvm::raw_pwrite_stream &os) { return os << *updated, success(); });
}
