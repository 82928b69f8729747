//===- QuantInfo.cpp - any bytes as a quant_info.json: read, write, read ----------------===//
#include "dpuopt/Quant/QuantInfo.h"
#include "Harness.h"

using namespace dpuopt;

static std::string print(const QuantInfo &info) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printQuantInfo(info, os);
  return os.str();
}

void fuzz::fuzzQuantInfo(llvm::StringRef bytes) {
  DiagEngine diags;
  auto info = parseQuantInfo(bytes, "fuzz.json", diags);
  require(static_cast<bool>(info) || diags.errors(), "a failure is explained");
  if (!info)
    return;
  std::string text = print(*info);
  auto again = parseQuantInfo(text, "printed.json", diags);
  require(static_cast<bool>(again), "what is written can be read");
  require(print(*again) == text, "writing what is written gives the same text");
}
