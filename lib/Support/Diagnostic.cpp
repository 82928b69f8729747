//===- Diagnostic.cpp - printing and collecting findings -----------------===//
#include "dpuopt/Support/Diagnostic.h"
#include "dpuopt/Support/Printable.h"

using namespace dpuopt;

static const char *severityName(Severity s) {
  switch (s) {
  case Severity::Error:
    return "error";
  case Severity::Warning:
    return "warning";
  case Severity::Remark:
    return "remark";
  }
  return "";
}

/// A line of it: names in it may be long, and anything.
static std::string line(llvm::StringRef text) {
  constexpr size_t Most = 2000, Kept = Most / 2;
  if (text.size() > Most)
    return printable(text.take_front(Kept)) + "..." + printable(text.take_back(Kept));
  return printable(text);
}

static void printPlace(llvm::raw_ostream &os, const Diagnostic &d) {
  if (!d.file.empty()) {
    os << line(d.file) << ':';
    if (d.loc.line)
      os << d.loc.line << ':';
    os << ' ';
  }
}

void Diagnostic::print(llvm::raw_ostream &os) const {
  printPlace(os, *this);
  if (!loc.node.empty())
    os << "node '" << line(loc.node) << "': ";
  os << severityName(severity) << ": " << line(message);
  if (!rule.empty())
    os << " [" << rule << ']';
  os << '\n';
  for (const std::string &note : notes) {
    printPlace(os, *this);
    os << "note: " << line(note) << '\n';
  }
}

DiagBuilder::~DiagBuilder() {
  if (engine)
    engine->emit(std::move(diag));
}

DiagBuilder DiagEngine::build(Severity s, Location loc, std::string message) {
  Diagnostic d;
  d.severity = s;
  d.file = currentFile;
  d.loc = std::move(loc);
  d.message = std::move(message);
  return DiagBuilder(*this, std::move(d));
}

void DiagEngine::emit(Diagnostic d) {
  if (d.severity == Severity::Error)
    ++numErrors;
  else if (d.severity == Severity::Warning)
    ++numWarnings;
  if (os && (d.severity != Severity::Remark || showRemarks))
    d.print(*os);
  kept.push_back(std::move(d));
}
