//===- Template.cpp - text with places to fill in and parts to leave out -------------===//
#include "Template.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include <cassert>
#include <fmt/format.h>

namespace dpuopt::deploy {
namespace {

const std::string &valueOf(llvm::StringRef key, const Values &values) {
  auto it = values.find(key.str());
  assert(it != values.end() && "a key of the template has a value");
  static const std::string none;
  return it == values.end() ? none : it->second;
}

void fillLine(llvm::StringRef line, const Values &values, std::string &out) {
  while (!line.empty()) {
    auto [before, rest] = line.split("@{");
    out += before;
    if (before.size() == line.size())
      break;
    auto [key, after] = rest.split('}');
    out += valueOf(key, values);
    line = after;
  }
  out += '\n';
}

} // namespace

std::string fillTemplate(llvm::StringRef text, const Values &values) {
  std::string out;
  llvm::SmallVector<bool, 8> shown = {true}; // by nesting
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    text = rest;
    llvm::StringRef word = line.ltrim();
    if (word.consume_front("@if "))
      shown.push_back(shown.back() && !valueOf(word, values).empty());
    else if (word == "@else")
      shown.back() = shown[shown.size() - 2] && !shown.back();
    else if (word == "@end")
      shown.pop_back();
    else if (shown.back())
      fillLine(line, values, out);
  }
  assert(shown.size() == 1 && "each @if has its @end");
  return out;
}

std::string cppLiteral(llvm::StringRef text) {
  std::string out = "\"";
  for (unsigned char c : text)
    if (c == '"' || c == '\\' || c == '?') // "??" may begin a trigraph
      out += fmt::format("\\{}", static_cast<char>(c));
    else
      out += llvm::isPrint(static_cast<char>(c)) ? std::string(1, static_cast<char>(c)) : fmt::format("\\{:03o}", c);
  return out + "\"";
}

std::string pythonLiteral(llvm::StringRef text) {
  std::string out = "\"";
  const auto *at = reinterpret_cast<const llvm::UTF8 *>(text.bytes_begin()),
             *end = reinterpret_cast<const llvm::UTF8 *>(text.bytes_end());
  while (at != end) {
    llvm::UTF32 code = 0xfffd;
    if (const auto *from = at; llvm::convertUTF8Sequence(&at, end, &code, llvm::strictConversion) != llvm::conversionOK)
      at = from + 1, code = 0xfffd;
    if (code == '"' || code == '\\')
      out += fmt::format("\\{}", static_cast<char>(code));
    else if (code >= 0x20 && code < 0x7f)
      out += static_cast<char>(code);
    else
      out += code < 0x10000 ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code);
  }
  return out + "\"";
}

} // namespace dpuopt::deploy
