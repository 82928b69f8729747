//===- Lexer.cpp - tokens of the .dpuir text form --------------------------===//
#include "Lexer.h"
#include "llvm/ADT/StringExtras.h"

using namespace dpuopt;

static bool isWordChar(char c) { return llvm::isAlnum(c) || c == '_' || c == '.' || c == '$' || c == '-'; }

void Lexer::skipBlanks() {
  while (!rest.empty()) {
    if (rest.startswith("//"))
      rest = rest.drop_until([](char c) { return c == '\n'; });
    else if (llvm::isSpace(rest[0])) {
      line += rest[0] == '\n';
      rest = rest.drop_front();
    } else
      return;
  }
}

bool Lexer::quotedRest(std::string &out) {
  while (!rest.empty() && rest[0] != '\n') {
    char c = rest[0];
    rest = rest.drop_front();
    if (c == '"')
      return true;
    if (c != '\\') {
      out += c;
      continue;
    }
    if (rest.empty())
      return false;
    char escape = rest[0];
    rest = rest.drop_front();
    if (escape == 'n')
      out += '\n';
    else if (escape == '"' || escape == '\\')
      out += escape;
    else if (escape == 'x' && rest.size() >= 2 && llvm::isHexDigit(rest[0]) && llvm::isHexDigit(rest[1])) {
      out += static_cast<char>(llvm::hexDigitValue(rest[0]) * 16 + llvm::hexDigitValue(rest[1]));
      rest = rest.drop_front(2);
    } else
      return false;
  }
  return false;
}

/// After % or @: a word or a quoted string.
Token Lexer::name(Token::Kind kind) {
  Token t{kind, "", line};
  if (rest.consume_front("\"")) {
    if (!quotedRest(t.text))
      t.kind = Token::Bad;
    return t;
  }
  t.text = rest.take_while(isWordChar).str();
  rest = rest.drop_front(t.text.size());
  if (t.text.empty())
    t.kind = Token::Bad;
  return t;
}

/// 12, -3, 0x1f, 1.5e-3; everything up to a character no number has.
Token Lexer::number() {
  size_t n = 1;
  while (n < rest.size() && (llvm::isAlnum(rest[n]) || rest[n] == '.' ||
                             ((rest[n] == '-' || rest[n] == '+') && (rest[n - 1] == 'e' || rest[n - 1] == 'E'))))
    ++n;
  Token t{Token::Number, rest.take_front(n).str(), line};
  rest = rest.drop_front(n);
  return t;
}

Token Lexer::next() {
  skipBlanks();
  if (rest.empty())
    return {Token::End, "", line};
  char c = rest[0];
  if (c == '"') {
    Token t{Token::String, "", line};
    rest = rest.drop_front();
    if (!quotedRest(t.text))
      t.kind = Token::Bad;
    return t;
  }
  if (c == '%' || c == '@') {
    rest = rest.drop_front();
    return name(c == '%' ? Token::ValueName : Token::AtName);
  }
  if (llvm::isDigit(c) || (c == '-' && rest.size() > 1 && llvm::isDigit(rest[1])))
    return number();
  if (isWordChar(c)) {
    Token t{Token::Word, rest.take_while(isWordChar).str(), line};
    rest = rest.drop_front(t.text.size());
    return t;
  }
  rest = rest.drop_front();
  return {Token::Punct, std::string(1, c), line};
}
