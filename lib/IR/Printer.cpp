//===- Printer.cpp - the .dpuir text form, out ----------------------------===//
#include "dpuopt/IR/Text.h"
#include "llvm/ADT/StringExtras.h"
#include <charconv>
#include <cmath>
#include <cstring>

using namespace dpuopt;

namespace {

/// `[[` is FileCheck's syntax for variables, so it never appears in our output.
std::string quoted(llvm::StringRef s) {
  std::string out = "\"";
  char last = 0;
  for (char c : s) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || (c == '[' && last == '['))
      out += "\\x" + llvm::toHex(llvm::StringRef(&c, 1), /*LowerCase=*/true);
    else
      out += c;
    last = c;
  }
  return out + '"';
}

bool isWord(llvm::StringRef s) {
  return !s.empty() &&
         llvm::all_of(s, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.' || c == '$' || c == '-'; });
}

/// A bare word that the lexer will not take for a number.
std::string identifier(llvm::StringRef s) {
  return isWord(s) && !llvm::isDigit(s[0]) && s[0] != '-' ? s.str() : quoted(s);
}

/// Shortest decimal that reads back as the same number; always looks like a float.
template <class T> std::string floatText(T v) {
  if (std::isinf(v))
    return v < 0 ? "-inf" : "inf";
  if (std::isnan(v)) {
    std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t> bits;
    std::memcpy(&bits, &v, sizeof v);
    return "nan(0x" + llvm::utohexstr(bits, /*LowerCase=*/true) + ")";
  }
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  std::string text(buffer, end);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string blobText(const Blob &b, SideData *side) {
  uint64_t hash = b.hash();
  if (side)
    side->emplace(hash, b);
  return "blob(0x" + llvm::utohexstr(hash, /*LowerCase=*/true) + ", " + std::to_string(b.size()) + ")";
}

std::string elementText(const Tensor &t, int64_t i) {
  switch (t.elemType().kind) {
  case ElemKind::F64:
    return floatText(t.at(i));
  case ElemKind::F32:
  case ElemKind::F16:
  case ElemKind::BF16:
    return floatText(static_cast<float>(t.at(i)));
  case ElemKind::U64:
    return std::to_string(static_cast<uint64_t>(t.intAt(i)));
  default:
    return std::to_string(t.intAt(i));
  }
}

/// splat(0.5), dense(1, 2), or blob(hash, bytes); the type follows elsewhere.
std::string tensorText(const Tensor &t, SideData *side) {
  if (t.isSplat())
    return "splat(" + elementText(t, 0) + ")";
  if (t.numElements() > InlineElements || t.elemType().byteSize() == 0)
    return blobText(t.storage(), side);
  std::string out = "dense(";
  for (int64_t i = 0; i < t.numElements(); ++i)
    out += (i ? ", " : "") + elementText(t, i);
  return out + ")";
}

const char *kindName(AttrKind k) {
  static const char *names[] = {"none", "bool",   "i32",   "u32",    "i64",  "u64", "f32",
                                "f64",  "string", "bytes", "tensor", "list", "map", "dict"};
  return names[static_cast<unsigned>(k)];
}

class AttrPrinter {
public:
  /// `defaultInt` is the kind that integers have when nothing is written.
  AttrPrinter(AttrKind defaultInt, SideData *side) : defaultInt(defaultInt), side(side) {}

  std::string print(const Attr &a) const {
    std::string text = bare(a);
    AttrKind k = a.is(AttrKind::List) ? a.elementKind() : a.kind();
    bool listNeedsKind = a.is(AttrKind::List) && a.asList().empty();
    bool scalarKindIsKnown =
        !(a.isInt() || a.isFloat() || a.is(AttrKind::List)) || k == defaultInt || k == AttrKind::F32;
    bool elementsSpeakForThemselves = a.is(AttrKind::List) && !(k >= AttrKind::I32 && k <= AttrKind::F64);
    if (listNeedsKind || !(scalarKindIsKnown || elementsSpeakForThemselves))
      text += std::string(" : ") + kindName(k);
    return text;
  }

  std::string dict(const AttrMap &map) const {
    std::string out = "{";
    for (auto &[name, value] : map)
      out += (out.size() > 1 ? ", " : "") + identifier(name) + " = " + print(value);
    return out + "}";
  }

private:
  /// Without a trailing kind.
  std::string bare(const Attr &a) const {
    switch (a.kind()) {
    case AttrKind::None:
      return "none";
    case AttrKind::Bool:
      return a.asBool() ? "true" : "false";
    case AttrKind::U64:
      return std::to_string(static_cast<uint64_t>(a.asInt()));
    case AttrKind::I32:
    case AttrKind::U32:
    case AttrKind::I64:
      return std::to_string(a.asInt());
    case AttrKind::F32:
      return floatText(static_cast<float>(a.asFloat()));
    case AttrKind::F64:
      return floatText(a.asFloat());
    case AttrKind::String:
      return quoted(a.asString());
    case AttrKind::Bytes:
      return bytes(a.asBytes());
    case AttrKind::Tensor:
      return "tensor(" + tensorText(a.asTensor(), side) + " : " + a.asTensor().type().str() + ")";
    case AttrKind::List:
      return list(a);
    case AttrKind::Map:
      return map(a);
    case AttrKind::Dict:
      return dict(a.asMap());
    }
    return "";
  }

  std::string bytes(const Blob &b) const {
    if (b.size() > 64)
      return "bytes(" + blobText(b, side) + ")";
    return "bytes(\"" + llvm::toHex(b.bytes(), /*LowerCase=*/true) + "\")";
  }

  std::string list(const Attr &a) const {
    bool plain = a.elementKind() >= AttrKind::I32 && a.elementKind() <= AttrKind::F64;
    std::string out = "[";
    for (const Attr &e : a.asList()) {
      std::string text = plain ? bare(e) : print(e);
      if (out.size() > 1)
        out += ", ";
      else if (text[0] == '[')
        out += ' ';
      out += text;
    }
    return out + "]";
  }

  std::string map(const Attr &a) const {
    std::string out = std::string("map<") + kindName(a.elementKind());
    if (a.elementKind() == AttrKind::List)
      out += std::string(" ") + kindName(a.innerElementKind());
    out += ">{";
    bool first = true;
    for (auto &[name, value] : a.asMap()) {
      out += (first ? "" : ", ") + identifier(name) + " = " + bare(value);
      first = false;
    }
    return out + "}";
  }

  AttrKind defaultInt;
  SideData *side;
};

AttrKind defaultIntOf(const Op &op) { return op.isXir() ? AttrKind::I32 : AttrKind::I64; }

std::string operandList(const Op &op) {
  std::string out;
  for (Value *v : op.operands())
    out += (out.empty() ? "" : ", ") + (v ? printValueName(v->name()) : std::string("_"));
  return out;
}

std::string opText(const Op &op, SideData *side) {
  std::string out;
  for (Value *r : op.results())
    out += (out.empty() ? "" : ", ") + printValueName(r->name());
  if (op.numResults())
    out += " = ";
  AttrMap attrs = op.attrs();
  const Tensor *constant = op.isConst() ? op.getTensor("value") : nullptr;
  if (constant) {
    out += "const " + tensorText(*constant, side);
    attrs.erase("value");
  } else {
    out += identifier(op.name()) + "(" + operandList(op) + ")";
  }
  if (!attrs.empty())
    out += " " + AttrPrinter(defaultIntOf(op), side).dict(attrs);
  for (unsigned i = 0; i < op.numResults(); ++i)
    out += (i ? ", " : " : ") + op.result(i)->type().str();
  if (!op.loc().node.empty())
    out += " @" + quoted(op.loc().node);
  return out;
}

} // namespace

std::string dpuopt::printValueName(llvm::StringRef name) { return "%" + (isWord(name) ? name.str() : quoted(name)); }

std::string dpuopt::printOp(const Op &op) { return opText(op, nullptr); }

std::string dpuopt::printAttr(const Attr &a) { return AttrPrinter(AttrKind::I64, nullptr).print(a); }

void dpuopt::printGraph(const Graph &g, llvm::raw_ostream &os, SideData *side) {
  os << "graph @" << (isWord(g.name()) ? g.name() : quoted(g.name())) << '(';
  bool first = true;
  for (Value *in : g.inputs()) {
    os << (first ? "" : ", ") << printValueName(in->name()) << ": " << in->type().str();
    first = false;
  }
  os << ')';
  if (!g.attrs().empty())
    os << " attributes " << AttrPrinter(AttrKind::I64, side).dict(g.attrs());
  os << " {\n";
  for (const Op &op : g.ops())
    os << "  " << opText(op, side) << '\n';
  os << "  return" << (g.outputs().empty() ? "" : " ") << operandList(g.returnOp()) << "\n}\n";
}
