//===- Pass.cpp - descriptors and options -------------------------------------===//
#include "dpuopt/Pass/Pass.h"

using namespace dpuopt;

const std::string &PassContext::option(llvm::StringRef name) const {
  static const std::string none;
  auto it = options.find(std::string_view(name.data(), name.size()));
  return it == options.end() ? none : it->second;
}

std::optional<int64_t> PassContext::intOption(llvm::StringRef name) const {
  int64_t value;
  if (!llvm::StringRef(option(name)).getAsInteger(10, value))
    return value;
  diags.error("option '" + name.str() + "' takes an integer, not '" + option(name) + "'");
  return std::nullopt;
}

const PassInfo *PassRegistry::find(llvm::StringRef name) const {
  for (const PassInfo *p : passes)
    if (name == p->name)
      return p;
  return nullptr;
}

const PipelineInfo *PassRegistry::findPipeline(llvm::StringRef name) const {
  for (const PipelineInfo &p : pipelines)
    if (name == p.name)
      return &p;
  return nullptr;
}
