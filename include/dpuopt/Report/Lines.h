//===- Lines.h - text of at most 100 columns ---------------------------------------===//
//
// All text for a terminal, and report.txt, fits this width: prose is wrapped at words, names
// that may be of any length are shortened in the middle.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_REPORT_LINES_H
#define DPUOPT_REPORT_LINES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace dpuopt {

constexpr size_t Columns = 100;

/// `head` and then the words of `text`, going on in the column where the text began. A word that is too long for a
/// line has one of its own and is broken at its end, one for more than three is shortened. Text is printable().
/// `printed` columns of the head stand there already, with colours perhaps.
void printWrapped(llvm::raw_ostream &os, llvm::StringRef head, llvm::StringRef text, size_t printed = 0);

/// printable(), and shortened in the middle to at most `width` columns.
std::string shortened(llvm::StringRef text, size_t width);

/// Text in XML 1.0 and HTML, attributes included; control characters, which XML has no form for, become blanks,
/// bytes that are no UTF-8 U+FFFD.
std::string escapedXml(llvm::StringRef text);

} // namespace dpuopt
#endif
