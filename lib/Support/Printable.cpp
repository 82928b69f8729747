//===- Printable.cpp - text of others, for people -----------------------------------===//
#include "dpuopt/Support/Printable.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace dpuopt;

static bool isAscii(llvm::StringRef text) {
  for (char c : text)
    if (c < ' ' || c > '~') // char may be signed: beyond ASCII is less, too
      return false;
  return true;
}

/// C1 controls, and embeddings, overrides and isolates of direction.
static bool obeys(llvm::UTF32 c) {
  return (c >= 0x80 && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x2028 ||
         c == 0x2029;
}

static void writeControl(unsigned char c, llvm::raw_ostream &os) {
  if (c == '\n' || c == '\t' || c == '\r')
    os << (c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
  else
    os << llvm::format("\\x%02x", c);
}

std::string dpuopt::printable(llvm::StringRef text) {
  if (isAscii(text))
    return text.str();
  std::string out;
  llvm::raw_string_ostream os(out);
  const auto *at = reinterpret_cast<const llvm::UTF8 *>(text.begin()), *end = at + text.size();
  while (at != end) {
    const llvm::UTF8 *next = at;
    llvm::UTF32 code = 0;
    if (*at < 0x80 ? *at < ' ' || *at == 0x7f
                   : llvm::convertUTF8Sequence(&next, end, &code, llvm::strictConversion) != llvm::conversionOK)
      writeControl(*at++, os);
    else if (*at < 0x80)
      os << static_cast<char>(*at++);
    else if (obeys(code))
      os << llvm::format("\\u%04x", code), at = next;
    else
      for (; at != next; ++at)
        os << static_cast<char>(*at);
  }
  return os.str();
}
