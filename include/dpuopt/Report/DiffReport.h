//===- DiffReport.h - a GraphDiff as text and JSON --------------------------------===//
#ifndef DPUOPT_REPORT_DIFFREPORT_H
#define DPUOPT_REPORT_DIFFREPORT_H

#include "dpuopt/IR/Diff.h"

namespace dpuopt {

/// A summary (how many differences of each kind), then one line per difference, at most
/// `perKind` of a kind. `nameA` and `nameB` are the files.
void printDiff(const GraphDiff &diff, llvm::StringRef nameA, llvm::StringRef nameB, size_t perKind,
               llvm::raw_ostream &os);
/// The same facts, all of them, as JSON; keys in a fixed order, two spaces of indent.
std::string diffJson(const GraphDiff &diff, llvm::StringRef nameA, llvm::StringRef nameB);

} // namespace dpuopt
#endif
