//===- Xmodel.cpp - any bytes as an .xmodel: import, print, export, import --------------===//
#include "Harness.h"
#include "dpuopt/IR/Diff.h"
#include "dpuopt/Quant/FixRules.h"
#include "dpuopt/Xir/Xir.h"

using namespace dpuopt;

void fuzz::fuzzXmodel(llvm::StringRef bytes) {
  DiagEngine diags;
  auto g = importXmodelBytes(Blob::copy(bytes), "fuzz.xmodel", diags);
  require(static_cast<bool>(g) || diags.errors(), "a failure is explained");
  if (!g)
    return;
  requireTextRoundTrip(**g);
  requireLint(**g, planOf(**g));
  std::string path = scratchFile("again.xmodel");
  if (failed(exportXmodel(**g, path, diags)))
    return;
  auto again = importXmodel(path, diags);
  require(static_cast<bool>(again), "what is written can be read");
  GraphDiff d = diffGraphs(**g, **again);
  for (const Difference &each : d.differences)
    llvm::errs() << each.where << ": " << each.what << ": " << each.a << " -> " << each.b << '\n';
  require(d.same(), "what is written is what was read");
}
