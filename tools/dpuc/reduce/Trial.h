//===- Trial.h - a command that is asked about one model after the other -------------===//
//
// Runs a user's command on a file: argv split by us (no shell), no standard input, both
// outputs caught, killed with everything it started when its time is over.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_TRIAL_H
#define DPUOPT_TOOLS_DPUC_TRIAL_H

#include "dpuopt/Support/Diagnostic.h"
#include "llvm/Support/Regex.h"
#include <optional>

namespace dpuopt {

/// How a run of the command ended.
struct TrialEnd {
  enum Kind : uint8_t { NotStarted, Exited, Killed, TimedOut } kind = NotStarted;
  int code = 0;
  std::string failure;     ///< of one that was killed: by what
  std::string output;      ///< both streams, one behind the other
  std::string str() const; ///< "exit status 3", "a crash (Segmentation fault)"
};

class Trial {
public:
  struct Request {
    std::string command;        ///< `{}` is the model's file
    std::string exit;           ///< "3", "nonzero", "crash", "timeout"; "": as with the original
    std::string output;         ///< regular expression the output has to match; "": none
    unsigned seconds = 60;      ///< for one run
    std::function<bool()> stop; ///< asked while it runs: give up?
  };
  /// Splits the command and looks for its program; errors say what is wrong with the request.
  static Result<Trial> create(const Request &request, DiagEngine &diags);

  /// Runs it on the original model, and takes its end as what to look for where nothing else was asked. An error if
  /// it does not show it.
  Status first(llvm::StringRef model, DiagEngine &diags);
  /// Does the command end on this model as it should?
  bool shows(llvm::StringRef model) const { return isWanted(run(model)); }
  /// What is looked for: "exit status 3", "nonzero exit status, output matches 'x'".
  std::string wanted() const;

private:
  explicit Trial(const Request &request) : request(request) {}
  TrialEnd run(llvm::StringRef model) const;
  bool isWanted(const TrialEnd &end) const;
  bool endsRight(const TrialEnd &end) const;

  Request request;
  std::string program;
  std::vector<std::string> args; ///< args[0] as given
  std::optional<int> status;     ///< a fixed exit status
  std::optional<TrialEnd> asFirst;
};

} // namespace dpuopt
#endif
