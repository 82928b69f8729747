//===- CommandWords.h - commands that users give, and words for shells ------------------===//
//
// A command such as "ssh -p 2222" is split into words here and started by Support/Process:
// no shell of this machine ever sees it.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_SUPPORT_COMMANDWORDS_H
#define DPUOPT_SUPPORT_COMMANDWORDS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/ErrorOr.h"
#include <string>
#include <vector>

namespace dpuopt {

/// Words between blanks; quotes keep blanks in a word.
std::vector<std::string> commandWords(llvm::StringRef text);
/// The file of a program: a path as it is, a name on the PATH. Errors: not there, not to be executed.
llvm::ErrorOr<std::string> findProgram(llvm::StringRef name);
/// `text` as one word for a POSIX shell, whatever is in it.
std::string shellWord(llvm::StringRef text);

} // namespace dpuopt
#endif
