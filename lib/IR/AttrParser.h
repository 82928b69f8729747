//===- AttrParser.h - the parser below the level of ops -------------------------===//
//
// Tokens with one of look-ahead, the first error, types, constants and attributes.
// Parser.cpp puts graphs and ops on top. Private to lib/IR.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_IR_ATTRPARSER_H
#define DPUOPT_LIB_IR_ATTRPARSER_H

#include "Lexer.h"
#include "TextLiterals.h"
#include "llvm/ADT/Twine.h"

namespace dpuopt {

class AttrParser {
protected:
  AttrParser(llvm::StringRef text, llvm::StringRef file, const SideData &side, DiagEngine &diags)
      : lexer(text), file(file), side(side), diags(diags), token(lexer.next()) {}

  // All functions below return false after a mistake, which has then been reported.

  //===-- Tokens ---------------------------------------------------------===//
  void advance() { token = lexer.next(); }
  /// Reports the first mistake only; always false.
  bool error(const llvm::Twine &message, unsigned line = 0);
  bool expect(llvm::StringRef what);
  bool take(Token::Kind kind, std::string &text, const char *what);
  bool skipIf(llvm::StringRef what);
  /// The current token as a message shows it.
  std::string shown() const;

  //===-- Types, constants, attributes --------------------------------------===//
  bool parseType(Type &type);
  bool tensorLiteral(TensorLiteral &literal);
  bool build(const TensorLiteral &literal, const Type &type, Tensor &out);
  /// `{name = value, ...}`; `intKind` is what an integer without a kind is.
  bool dict(AttrMap &out, AttrKind intKind, unsigned depth);

private:
  bool attr(Attr &out, AttrKind intKind, unsigned depth);
  /// A number not yet given its kind, a list of them, or a finished attribute.
  struct RawAttr {
    enum { Number, NumberList, Done } form = Done;
    std::vector<std::string> numbers;
    Attr done;
  };
  bool rawAttr(RawAttr &raw, AttrKind intKind, unsigned depth);
  bool number(std::string &out);
  bool keyword(Attr &out, AttrKind intKind, unsigned depth);
  bool bytes(Attr &out);
  bool tensor(Attr &out);
  bool map(Attr &out, AttrKind intKind, unsigned depth);
  bool list(RawAttr &raw, AttrKind intKind, unsigned depth);
  /// Gives numbers their kind.
  bool finish(const RawAttr &raw, AttrKind kind, AttrKind intKind, Attr &out);

  Lexer lexer;
  llvm::StringRef file;
  const SideData &side;
  DiagEngine &diags;

protected:
  Token token;

private:
  bool failedAlready = false;
};

} // namespace dpuopt
#endif
