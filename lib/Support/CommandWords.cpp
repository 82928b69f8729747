//===- CommandWords.cpp - commands that users give, and words for shells ----------------===//
#include "dpuopt/Support/CommandWords.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"

using namespace dpuopt;

std::vector<std::string> dpuopt::commandWords(llvm::StringRef text) {
  std::vector<std::string> words;
  bool inWord = false;
  char quote = 0;
  for (char c : text) {
    if (quote ? c == quote : c == '\'' || c == '"') {
      quote = quote ? 0 : c;
      if (!inWord)
        words.emplace_back(), inWord = true;
    } else if (!quote && (c == ' ' || c == '\t')) {
      inWord = false;
    } else {
      if (!inWord)
        words.emplace_back(), inWord = true;
      words.back() += c;
    }
  }
  return words;
}

std::string dpuopt::shellWord(llvm::StringRef text) {
  constexpr llvm::StringLiteral plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!text.empty() && text.find_first_not_of(plain) == llvm::StringRef::npos)
    return text.str();
  std::string quoted = "'";
  for (char c : text)
    quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

llvm::ErrorOr<std::string> dpuopt::findProgram(llvm::StringRef name) {
  auto program = llvm::sys::findProgramByName(name); // which takes a path as it is
  if (program && !llvm::sys::fs::can_execute(*program))
    return std::make_error_code(llvm::sys::fs::exists(*program) ? std::errc::permission_denied
                                                                : std::errc::no_such_file_or_directory);
  return program;
}
