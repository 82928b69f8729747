//===- Formats.h - a report in the forms that other programs read -------------------===//
//
// SARIF for code scanning, JUnit for build servers, annotations for GitHub's log, a page
// for browsers. The same facts as report.json. Nothing here finds anything.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_REPORT_FORMATS_H
#define DPUOPT_REPORT_FORMATS_H

#include "dpuopt/Report/Report.h"

namespace dpuopt {

/// SARIF 2.1.0: one result per op that is a root cause, error if it is among what to change first.
std::string reportSarif(const ModelReport &r);
/// JUnit XML: a suite of the model, a case for the number of subgraphs, one per cause and one per limit of the budget.
std::string reportJunit(const ModelReport &r);
/// Workflow commands (::error file=...) that GitHub shows beside the file.
std::string reportGithub(const ModelReport &r);
/// One self-contained page: the graph coloured by device with its DPU subgraphs outlined, and the table of causes.
std::string reportHtml(const ModelReport &r, const Graph &lowered);
/// The picture of that page alone.
std::string reportSvg(const ModelReport &r, const Graph &lowered);
/// The graph for Graphviz: coloured by device, DPU subgraphs as clusters.
std::string reportDot(const ModelReport &r, const Graph &lowered);

/// Compares the report with its model's entry in a budget file ({"models": {"net.onnx": {"dpu_subgraphs": 1}}}).
/// Sets r.overBudget; a file that is no budget, or none for the model, is an error.
Status checkBudget(ModelReport &r, llvm::StringRef file, llvm::StringRef text, DiagEngine &diags);
/// The budget file with the model's entry as the report has it; `text` is the old content, may be empty.
Result<std::string> updatedBudget(const ModelReport &r, llvm::StringRef file, llvm::StringRef text, DiagEngine &diags);

} // namespace dpuopt
#endif
