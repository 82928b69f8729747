//===- File.h - files in and out ------------------------------------------===//
//
// Outputs appear whole or not at all: written to a temporary in the same folder
// and renamed.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_SUPPORT_FILE_H
#define DPUOPT_SUPPORT_FILE_H

#include "dpuopt/Support/Diagnostic.h"
#include "dpuopt/Support/Status.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <functional>
#include <string>

namespace dpuopt {

/// Calls `write` on a temporary beside `path`, then renames. On any error the
/// temporary is removed, `path` is untouched, and the error names `path`.
/// "-" writes to standard output.
Status writeFileAtomically(llvm::StringRef path, DiagEngine &diags,
                           llvm::function_ref<Status(llvm::raw_pwrite_stream &)> write);

/// Whole file as a string; the error names the path and the cause.
Result<std::string> readFile(llvm::StringRef path, DiagEngine &diags);

} // namespace dpuopt
#endif
