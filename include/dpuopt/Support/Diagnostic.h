//===- Diagnostic.h - what the user is told, and how it is collected ------===//
//
// Every user-visible finding is a Diagnostic emitted into a DiagEngine:
//   file: node 'x': error: what is required, what was found [rule.id]
//   file: note: the remedy
// The engine counts, optionally prints, and keeps what it got (for reports and
// for --verify-diagnostics). It never exits and never throws.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_SUPPORT_DIAGNOSTIC_H
#define DPUOPT_SUPPORT_DIAGNOSTIC_H

#include "dpuopt/Support/Status.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <functional>
#include <string>
#include <vector>

namespace dpuopt {

/// Where something came from: the ONNX node (or XIR op) name, and the line of
/// the text it was parsed from (0: not from text). Survives every rewrite.
struct Location {
  std::string node;
  unsigned line = 0;
};

enum class Severity { Error, Warning, Remark };

struct Diagnostic {
  Severity severity = Severity::Error;
  std::string file; ///< empty: not about one file
  Location loc;
  std::string message;            ///< one line, lower case, no full stop
  std::string rule;               ///< stable id ("conv2d.kernel"), may be empty
  std::vector<std::string> notes; ///< remedies and context, one line each

  /// Prints the form shown in the file header, notes included.
  void print(llvm::raw_ostream &os) const;
};

class DiagEngine;

/// A diagnostic under construction; emitted when it goes out of scope.
/// Converts to failure: `return diags.error(...).note(...);` works in a function
/// that returns Status or Result<T>.
class DiagBuilder {
public:
  DiagBuilder(DiagEngine &engine, Diagnostic d) : engine(&engine), diag(std::move(d)) {}
  DiagBuilder(DiagBuilder &&other) : engine(other.engine), diag(std::move(other.diag)) { other.engine = nullptr; }
  DiagBuilder &operator=(DiagBuilder &&) = delete;
  ~DiagBuilder();

  DiagBuilder &rule(std::string id) {
    diag.rule = std::move(id);
    return *this;
  }
  DiagBuilder &note(std::string text) {
    diag.notes.push_back(std::move(text));
    return *this;
  }
  DiagBuilder &file(std::string path) {
    diag.file = std::move(path);
    return *this;
  }

  operator Status() const { return failure(); }
  template <class T> operator Result<T>() const { return failure(); }

private:
  DiagEngine *engine;
  Diagnostic diag;
};

class DiagEngine {
public:
  /// Prints to `os` as they come; nullptr keeps silent and only collects.
  explicit DiagEngine(llvm::raw_ostream *os = nullptr) : os(os) {}

  DiagBuilder error(Location loc, std::string message) {
    return build(Severity::Error, std::move(loc), std::move(message));
  }
  DiagBuilder error(std::string message) { return error(Location{}, std::move(message)); }
  DiagBuilder warning(Location loc, std::string message) {
    return build(Severity::Warning, std::move(loc), std::move(message));
  }
  DiagBuilder warning(std::string message) { return warning(Location{}, std::move(message)); }
  DiagBuilder remark(Location loc, std::string message) {
    return build(Severity::Remark, std::move(loc), std::move(message));
  }
  DiagBuilder remark(std::string message) { return remark(Location{}, std::move(message)); }

  /// File named in diagnostics that do not name one themselves.
  void setFile(std::string path) { currentFile = std::move(path); }
  const std::string &file() const { return currentFile; }
  /// Remarks are collected always, printed only when asked for (default: no).
  void printRemarks(bool on) { showRemarks = on; }

  void emit(Diagnostic d);
  unsigned errors() const { return numErrors; }
  unsigned warnings() const { return numWarnings; }
  const std::vector<Diagnostic> &all() const { return kept; }

private:
  DiagBuilder build(Severity s, Location loc, std::string message);

  llvm::raw_ostream *os;
  std::string currentFile;
  bool showRemarks = false;
  unsigned numErrors = 0, numWarnings = 0;
  std::vector<Diagnostic> kept;
};

} // namespace dpuopt
#endif
