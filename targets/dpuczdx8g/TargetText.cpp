//===- TargetText.cpp - reads the vendor library's target text --------------===//
//
// Just enough of protobuf's text form for one message type: `key: value`,
// `key { ... }`, comments, strings, decimal and hex numbers. Flattened into Limits:
// conv_engine { conv_limit { kernel_size: "1-16" } } is "conv.kernel", a repeated enum
// (alu_type: dwconv) is a flag "alu.dwconv". Lists of bank names are not kept.
//
//===----------------------------------------------------------------------===//
#include "Fingerprint.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::dpuczdx8g;

namespace {
class TextReader {
public:
  TextReader(llvm::StringRef text, Config &out) : rest(text), out(out) {}
  bool read() { return message("", 0) && rest.empty() && !type.empty(); }
  std::string type;
  uint64_t isa = 0, feature = 0;

private:
  void skipSpace();
  llvm::StringRef token();
  bool message(const std::string &scope, unsigned depth);
  bool value(const std::string &scope, llvm::StringRef key, llvm::StringRef text);

  llvm::StringRef rest;
  Config &out;
  std::string bank; ///< name of the bank group being read
};
} // namespace

void TextReader::skipSpace() {
  for (rest = rest.ltrim(); rest.startswith("#"); rest = rest.ltrim())
    rest = rest.drop_until([](char c) { return c == '\n'; });
}

/// A word, a quoted string without its quotes, or one of `:{}`; empty at the end.
llvm::StringRef TextReader::token() {
  skipSpace();
  size_t n = 1;
  if (rest.startswith("\"")) {
    size_t close = rest.find('"', 1);
    if (close == llvm::StringRef::npos)
      return rest = "";
    llvm::StringRef t = rest.slice(1, close);
    rest = rest.drop_front(close + 1);
    return t;
  }
  if (!rest.empty() && !llvm::StringRef(":{}").contains(rest[0]))
    n = rest.find_first_of(" \t\r\n:{}\"");
  llvm::StringRef t = rest.take_front(n);
  rest = rest.drop_front(t.size());
  skipSpace();
  return t;
}

/// "1-16", "3" or "1,4-6" as numbers; false if it is not that.
static bool readRange(llvm::StringRef text, std::vector<int64_t> &values) {
  constexpr int64_t Most = 1 << 16;
  llvm::SmallVector<llvm::StringRef, 4> parts;
  text.split(parts, ',');
  for (llvm::StringRef part : parts) {
    auto [from, to] = part.trim().split('-');
    int64_t low, high;
    if (from.getAsInteger(10, low) || (to.empty() ? (high = low, false) : to.getAsInteger(10, high)))
      return false;
    if (low < 0 || high < low || high >= Most)
      return false;
    for (int64_t v = low; v <= high; ++v)
      values.push_back(v);
  }
  return true;
}

/// conv_engine -> conv, max_limit in pool -> pool.max, conv_limit in conv -> conv.
static std::string inner(const std::string &scope, llvm::StringRef block) {
  llvm::StringRef name = block;
  if (name.consume_back("_engine"))
    return name.str();
  if (name.consume_back("_limit"))
    return scope == "pool" ? scope + "." + name.str() : scope;
  return block == "channel_augmentation" ? scope : scope + "." + block.str();
}

bool TextReader::message(const std::string &scope, unsigned depth) {
  if (depth > 4)
    return false;
  while (!rest.empty()) {
    llvm::StringRef key = token();
    if (key == "}")
      return depth > 0;
    if (key.empty())
      return depth == 0;
    llvm::StringRef next = token();
    if (next == "{") {
      if (key == "bank_group")
        bank.clear();
      if (!message(key == "bank_group" ? "bank_group" : inner(scope, key), depth + 1))
        return false;
    } else if (next != ":" || !value(scope, key, token())) {
      return false;
    }
  }
  return depth == 0;
}

bool TextReader::value(const std::string &scope, llvm::StringRef key, llvm::StringRef text) {
  uint64_t number = 0;
  bool isNumber = !text.getAsInteger(0, number);
  if (scope.empty()) {
    if (key == "name")
      out.name = text.str();
    else if (key == "type")
      type = text.str();
    else
      (key == "isa_version" ? isa : feature) = number;
    return key == "name" || key == "type" || isNumber;
  }
  if (scope == "bank_group") {
    if (key == "name") {
      bank = text.str();
      out.limits.set(bank + ".base_id", {0}); // text form leaves zeros out
    } else if (key != "type") {
      out.limits.set(bank + "." + key.str(), {static_cast<int64_t>(number)});
    }
    return key == "name" || key == "type" || (isNumber && !bank.empty());
  }
  if (key.endswith("_bank"))
    return true;
  if (key == "channel_num")
    key = "channel_augmentation";
  if (key.endswith("_type")) {
    out.limits.set(scope + "." + text.str(), {1});
    return !text.empty();
  }
  std::vector<int64_t> values;
  if (text == "true")
    values = {1};
  else if (!readRange(text, values))
    return false;
  key.consume_back("_size");
  out.limits.set(scope + "." + key.str(), std::move(values));
  return true;
}

Result<Config> dpuczdx8g::parseTargetText(llvm::StringRef text, DiagEngine &diags) {
  Config c;
  TextReader reader(text, c);
  if (!reader.read())
    return diags.error(
        "a target description has fields such as 'name: \"DPUCZDX8G_ISA1_B4096\"', found something else");
  if (reader.type != "DPUCZDX8G")
    return diags.error(fmt::format("the target description is of a '{}', not of a DPUCZDX8G", reader.type));
  c.isa = reader.isa;
  c.fingerprint = uint64_t(1) << 56 | (reader.isa & 0xff) << 48 | (reader.feature & ((uint64_t(1) << 48) - 1));
  c.pixelParallel = c.limits.get("conv.pixel_parallel");
  c.channelParallel = c.limits.get("conv.input_channel_parallel");
  c.peak = 2 * c.pixelParallel * c.channelParallel * c.channelParallel;
  return c;
}
