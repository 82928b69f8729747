//===- VerifyDiagnostics.cpp - --verify-diagnostics ---------------------------------===//
#include "dpuopt/Driver/Driver.h"

using namespace dpuopt;

namespace {
struct Expected {
  Severity severity;
  unsigned line; ///< 0: diagnostic without a line
  unsigned writtenAt;
  std::string text;
  bool seen = false;
};
} // namespace

/// The part of a line after `expected-`, if it is well formed.
static std::optional<Expected> parseExpectation(llvm::StringRef rest, unsigned line) {
  Expected e{Severity::Error, line, line, ""};
  if (rest.consume_front("warning"))
    e.severity = Severity::Warning;
  else if (rest.consume_front("remark"))
    e.severity = Severity::Remark;
  else if (!rest.consume_front("error"))
    return std::nullopt;
  if (rest.consume_front("@unknown")) {
    e.line = 0;
  } else if (rest.consume_front("@")) {
    bool back = rest.consume_front("-");
    unsigned offset;
    if (!back)
      rest.consume_front("+");
    if (rest.consumeInteger(10, offset))
      return std::nullopt;
    e.line = back ? line - offset : line + offset;
  }
  rest = rest.ltrim();
  size_t end = rest.find("}}");
  if (!rest.consume_front("{{") || end == llvm::StringRef::npos)
    return std::nullopt;
  e.text = rest.take_front(end - 2).str();
  return e;
}

static std::vector<Expected> expectationsIn(llvm::StringRef text) {
  std::vector<Expected> out;
  unsigned line = 1;
  for (; !text.empty(); ++line) {
    auto [current, next] = text.split('\n');
    for (size_t at = current.find("expected-"); at != llvm::StringRef::npos; at = current.find("expected-", at + 1))
      if (auto e = parseExpectation(current.drop_front(at + 9), line))
        out.push_back(*e);
    text = next;
  }
  return out;
}

bool dpuopt::verifyDiagnostics(llvm::StringRef text, llvm::StringRef file, const DiagEngine &diags,
                               llvm::raw_ostream &os) {
  std::vector<Expected> expected = expectationsIn(text);
  bool good = true;
  for (const Diagnostic &d : diags.all()) {
    std::string shown = d.message + (d.rule.empty() ? "" : " [" + d.rule + "]");
    auto match = llvm::find_if(expected, [&](const Expected &e) {
      return !e.seen && e.severity == d.severity && e.line == d.loc.line && llvm::StringRef(shown).contains(e.text);
    });
    if (match != expected.end()) {
      match->seen = true;
    } else if (d.severity != Severity::Remark) { // remarks need not all be expected
      os << "unexpected: ";
      d.print(os);
      good = false;
    }
  }
  for (const Expected &e : expected)
    if (!e.seen) {
      os << file << ':' << e.writtenAt << ": expected diagnostic was not produced: " << e.text << '\n';
      good = false;
    }
  return good;
}
