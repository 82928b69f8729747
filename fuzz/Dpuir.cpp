//===- Dpuir.cpp - any bytes as .dpuir text: parse, verify, print, parse ----------------===//
#include "Harness.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/Verifier.h"

using namespace dpuopt;

void fuzz::fuzzDpuir(llvm::StringRef bytes) {
  DiagEngine diags;
  auto g = parseGraph(bytes, "fuzz.dpuir", {}, diags);
  require(static_cast<bool>(g) || diags.errors(), "a failure is explained");
  if (g && succeeded(verify(**g, diags)))
    requireTextRoundTrip(**g);
}
