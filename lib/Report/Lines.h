//===- Lines.h - text of at most 100 columns (internal to lib/Report) -----------------===//
#ifndef DPUOPT_LIB_REPORT_LINES_H
#define DPUOPT_LIB_REPORT_LINES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace dpuopt {

constexpr size_t Columns = 100;

/// `head` and then the words of `text`, going on in the column where the text began. A word that is too long for a
/// line has one of its own.
void printWrapped(llvm::raw_ostream &os, llvm::StringRef head, llvm::StringRef text);

/// Shortened in the middle to at most `width` columns.
std::string shortened(llvm::StringRef text, size_t width);

/// Text in XML 1.0 and HTML, attributes included; control characters, which XML has no form for, become blanks.
std::string escapedXml(llvm::StringRef text);

} // namespace dpuopt
#endif
