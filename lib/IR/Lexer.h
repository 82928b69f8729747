//===- Lexer.h - tokens of the .dpuir text form ----------------------------===//
//
// Splits text into words, quoted strings, %names, @names, numbers and single
// punctuation characters; `//` starts a comment. Private to the parser.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_IR_LEXER_H
#define DPUOPT_LIB_IR_LEXER_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace dpuopt {

struct Token {
  enum Kind { End, Bad, Word, Number, String, ValueName, AtName, Punct } kind = End;
  std::string text; ///< unquoted, without % or @
  unsigned line = 1;
  bool is(llvm::StringRef punctOrWord) const { return (kind == Punct || kind == Word) && text == punctOrWord; }
};

class Lexer {
public:
  explicit Lexer(llvm::StringRef text) : rest(text) {}
  Token next();

private:
  void skipBlanks();
  /// After an opening quote; false if it does not end or has a bad escape.
  bool quotedRest(std::string &out);
  Token name(Token::Kind kind);
  Token number();

  llvm::StringRef rest;
  unsigned line = 1;
};

} // namespace dpuopt
#endif
