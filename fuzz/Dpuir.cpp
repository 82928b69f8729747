//===- Dpuir.cpp - any bytes as .dpuir text: parse, verify, print, parse ----------------===//
#include "Harness.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/Verifier.h"
#include "dpuopt/Quant/FixRules.h"

using namespace dpuopt;

void fuzz::fuzzDpuir(llvm::StringRef bytes) {
  DiagEngine diags;
  auto g = parseGraph(bytes, "fuzz.dpuir", {}, diags);
  require(static_cast<bool>(g) || diags.errors(), "a failure is explained");
  if (!g || failed(verify(**g, diags)))
    return;
  requireTextRoundTrip(**g);
  requireLint(**g, planOf(**g));
}
