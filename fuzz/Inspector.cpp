//===- Inspector.cpp - any bytes as an inspector report: read, lower, place -------------===//
#include "dpuopt/Target/Inspector.h"
#include "Harness.h"
#include "dpuopt/Target/Dpuczdx8g.h"

using namespace dpuopt;

void fuzz::fuzzInspector(llvm::StringRef bytes) {
  DiagEngine diags;
  auto report = readInspectorReport(bytes, diags);
  require(static_cast<bool>(report) || diags.errors(), "a failure is explained");
  auto graph = report ? graphOfReport(*report, diags) : Result<InspectedGraph>(failure());
  require(static_cast<bool>(graph) || diags.errors(), "a failure is explained");
  auto target = makeDpuczdx8gTarget({"kv260", "3.0"}, diags);
  if (!graph || !target)
    return;
  Conformance c = compareWithInspector(*report, *graph, **target);
  require(c.ops == report->nodes.size(), "every node is compared");
}
