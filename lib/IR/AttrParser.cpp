//===- AttrParser.cpp - tokens, types, constants and attributes ----------------------===//
#include "AttrParser.h"

using namespace dpuopt;

/// Nesting of lists and dictionaries beyond this is not a graph but an attack.
static constexpr unsigned MaxDepth = 64;

//===-- Tokens ---------------------------------------------------------===//
bool AttrParser::error(const llvm::Twine &message, unsigned line) {
  if (!failedAlready)
    diags.error(Location{"", line ? line : token.line}, message.str()).file(file.str());
  failedAlready = true;
  return false;
}

bool AttrParser::expect(llvm::StringRef what) {
  if (!token.is(what))
    return error("expected '" + what + "', found " + shown());
  advance();
  return true;
}

std::string AttrParser::shown() const {
  if (token.kind == Token::End)
    return "the end of the file";
  return token.kind == Token::Bad ? "an unterminated or malformed string" : "'" + token.text + "'";
}

bool AttrParser::take(Token::Kind kind, std::string &text, const char *what) {
  if (token.kind != kind)
    return error(llvm::Twine("expected ") + what + ", found " + shown());
  text = token.text;
  advance();
  return true;
}

bool AttrParser::skipIf(llvm::StringRef what) {
  if (!token.is(what))
    return false;
  advance();
  return true;
}

//===-- Types --------------------------------------------------------------===//
bool AttrParser::parseType(Type &type) {
  unsigned line = token.line;
  std::string text;
  if (!take(Token::Word, text, "a type such as f32<1x3x32x32>"))
    return false;
  auto elem = ElemType::parse(text);
  if (!elem)
    return error("unknown element type '" + text + "'", line);
  if (!expect("<"))
    return false;
  std::string dims;
  for (; !token.is(">"); advance()) {
    if (token.kind == Token::End || token.kind == Token::Bad)
      return error("expected '>', found " + shown());
    dims += token.text;
  }
  advance();
  if (!parseShape(dims, *elem, type))
    return error("'" + dims + "' is not a shape", line);
  if (type.isStatic() && (type.numElements() < 0 || type.numElements() > MaxElements))
    return error("a tensor of shape " + dims + " is beyond the limit of " + llvm::Twine(MaxElements) + " elements",
                 line);
  return true;
}

//===-- Constants ------------------------------------------------------------===//
bool AttrParser::tensorLiteral(TensorLiteral &literal) {
  literal.line = token.line;
  if (!take(Token::Word, literal.form, "splat(), dense(), blob(), iota or rand()"))
    return false;
  if (!skipIf("("))
    return true;
  while (!token.is(")")) {
    if (token.kind != Token::Number && token.kind != Token::Word)
      return error("expected a number, found " + shown());
    std::string number = token.text;
    advance();
    if (number == "nan" && skipIf("(")) {
      number = "nan(" + token.text + ")";
      advance();
      if (!expect(")"))
        return false;
    }
    literal.numbers.push_back(std::move(number));
    if (!skipIf(",") && !token.is(")"))
      return error("expected ',' or ')', found " + shown());
  }
  advance();
  return true;
}

bool AttrParser::build(const TensorLiteral &literal, const Type &type, Tensor &out) {
  std::string why = buildTensor(literal, type, side, out);
  return why.empty() || error(why, literal.line);
}

//===-- Attributes -----------------------------------------------------------===//
bool AttrParser::dict(AttrMap &out, AttrKind intKind, unsigned depth) {
  if (!expect("{"))
    return false;
  while (!token.is("}")) {
    if (token.kind != Token::Word && token.kind != Token::String)
      return error("expected an attribute name, found " + shown());
    std::string name = token.text;
    advance();
    Attr value;
    if (!expect("=") || !attr(value, intKind, depth))
      return false;
    if (!out.emplace(name, std::move(value)).second)
      return error("attribute '" + name + "' is given twice");
    if (!skipIf(",") && !token.is("}"))
      return error("expected ',' or '}', found " + shown());
  }
  advance();
  return true;
}

/// A value with its optional `: kind`.
bool AttrParser::attr(Attr &out, AttrKind intKind, unsigned depth) {
  if (depth > MaxDepth)
    return error("attributes are nested too deeply");
  RawAttr raw;
  if (!rawAttr(raw, intKind, depth))
    return false;
  AttrKind kind = AttrKind::None;
  if (skipIf(":")) {
    auto named = parseAttrKind(token.text);
    if (token.kind != Token::Word || !named)
      return error("expected an attribute kind, found " + shown());
    kind = *named;
    advance();
  }
  return finish(raw, kind, intKind, out);
}

bool AttrParser::rawAttr(RawAttr &raw, AttrKind intKind, unsigned depth) {
  if (token.kind == Token::Number || isNumberWord(token.text, token.kind == Token::Word)) {
    raw.form = RawAttr::Number;
    raw.numbers.emplace_back();
    return number(raw.numbers.back());
  }
  if (token.is("["))
    return list(raw, intKind, depth);
  if (token.kind == Token::String) {
    raw.done = Attr::string(token.text);
    advance();
    return true;
  }
  if (token.is("{")) {
    AttrMap map;
    if (!dict(map, intKind, depth + 1))
      return false;
    raw.done = Attr::dict(std::move(map));
    return true;
  }
  return keyword(raw.done, intKind, depth);
}

bool AttrParser::number(std::string &out) {
  out = token.text;
  advance();
  if (out == "nan" && skipIf("(")) {
    out = "nan(" + token.text + ")";
    advance();
    return expect(")");
  }
  return true;
}

bool AttrParser::keyword(Attr &out, AttrKind intKind, unsigned depth) {
  if (token.is("true") || token.is("false")) {
    out = Attr::boolean(token.is("true"));
    advance();
    return true;
  }
  if (skipIf("none")) {
    out = Attr();
    return true;
  }
  if (skipIf("bytes"))
    return bytes(out);
  if (skipIf("tensor"))
    return tensor(out);
  if (skipIf("map"))
    return map(out, intKind, depth);
  return error("expected an attribute value, found " + shown());
}

bool AttrParser::bytes(Attr &out) {
  if (!expect("("))
    return false;
  if (token.kind == Token::String) {
    std::string raw;
    if (!parseHex(token.text, raw))
      return error("bytes(\"...\") takes pairs of hexadecimal digits");
    out = Attr::bytes(Blob::copy(raw));
    advance();
    return expect(")");
  }
  TensorLiteral literal;
  Blob blob;
  if (!tensorLiteral(literal))
    return false;
  std::string why = literal.form == "blob" ? findBlob(literal, side, blob) : "expected blob(...)";
  if (!why.empty())
    return error(why, literal.line);
  out = Attr::bytes(std::move(blob));
  return expect(")");
}

bool AttrParser::tensor(Attr &out) {
  TensorLiteral literal;
  Type type;
  Tensor value;
  if (!expect("(") || !tensorLiteral(literal) || !expect(":") || !parseType(type) || !build(literal, type, value) ||
      !expect(")"))
    return false;
  out = Attr::tensor(std::move(value));
  return true;
}

bool AttrParser::map(Attr &out, AttrKind intKind, unsigned depth) {
  std::string text;
  if (!expect("<") || !take(Token::Word, text, "an attribute kind"))
    return false;
  auto kind = parseAttrKind(text);
  AttrKind inner = AttrKind::None;
  if (kind == AttrKind::List) {
    auto named = parseAttrKind(token.text);
    if (!named)
      return error("expected an attribute kind, found " + shown());
    inner = *named;
    advance();
  }
  if (!kind)
    return error("unknown attribute kind '" + text + "'");
  if (!expect(">") || !expect("{"))
    return false;
  AttrMap values;
  while (!token.is("}")) {
    if (token.kind != Token::Word && token.kind != Token::String)
      return error("expected a key, found " + shown());
    std::string key = token.text;
    advance();
    RawAttr raw;
    Attr value;
    if (!expect("=") || !rawAttr(raw, intKind, depth + 1) ||
        !finish(raw, kind == AttrKind::List ? inner : *kind, intKind, value))
      return false;
    values.emplace(key, std::move(value));
    if (!skipIf(",") && !token.is("}"))
      return error("expected ',' or '}', found " + shown());
  }
  advance();
  out = Attr::map(*kind, std::move(values), inner);
  return true;
}

bool AttrParser::list(RawAttr &raw, AttrKind intKind, unsigned depth) {
  advance();
  if (depth > MaxDepth)
    return error("attributes are nested too deeply");
  std::vector<Attr> done;
  raw.form = RawAttr::NumberList;
  while (!token.is("]")) {
    RawAttr element;
    if (!rawAttr(element, intKind, depth + 1))
      return false;
    if (element.form == RawAttr::Number && done.empty()) {
      raw.numbers.push_back(element.numbers[0]);
    } else {
      AttrKind kind = AttrKind::None;
      if (skipIf(":")) {
        auto named = parseAttrKind(token.text);
        if (!named)
          return error("expected an attribute kind, found " + shown());
        kind = *named;
        advance();
      }
      Attr value;
      if (!raw.numbers.empty() || !finish(element, kind, intKind, value))
        return error("a list has elements of one kind");
      done.push_back(std::move(value));
    }
    if (!skipIf(",") && !token.is("]"))
      return error("expected ',' or ']', found " + shown());
  }
  advance();
  if (done.empty())
    return true;
  raw.form = RawAttr::Done;
  AttrKind kind = done.front().kind();
  for (const Attr &a : done)
    if (a.kind() != kind)
      return error("a list has elements of one kind");
  raw.done = Attr::list(kind, std::move(done));
  return true;
}

/// Gives numbers their kind: the written one, else the default for ints, f32 for floats.
bool AttrParser::finish(const RawAttr &raw, AttrKind kind, AttrKind intKind, Attr &out) {
  if (raw.form == RawAttr::Done) {
    out = raw.done;
    return true;
  }
  if (kind == AttrKind::None) {
    bool anyFloat = llvm::any_of(raw.numbers, [](const std::string &s) { return looksFloat(s); });
    kind = anyFloat ? AttrKind::F32 : intKind;
  }
  std::vector<Attr> values;
  for (const std::string &text : raw.numbers) {
    Attr value;
    if (!parseNumber(text, kind, value))
      return error("'" + text + "' is not a number of the kind wanted here");
    values.push_back(std::move(value));
  }
  out = raw.form == RawAttr::Number ? values[0] : Attr::list(kind, std::move(values));
  return true;
}
