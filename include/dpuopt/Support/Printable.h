//===- Printable.h - text of others, for people -------------------------------------===//
//
// Names come from models and logs, and may be anything. On a terminal or in a log they must
// not move the cursor, begin a line or turn the rest of one around.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_SUPPORT_PRINTABLE_H
#define DPUOPT_SUPPORT_PRINTABLE_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace dpuopt {

/// `text` with \n, \x1b or \u202e for control characters, bytes that are no UTF-8, and what changes the direction of text.
std::string printable(llvm::StringRef text);

} // namespace dpuopt
#endif
