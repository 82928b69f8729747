//===- Trial.cpp - a command that is asked about one model after the other -----------===//
#include "Trial.h"
#include "dpuopt/Support/Process.h"
#include "llvm/Support/Allocator.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/StringSaver.h"
#include <fmt/format.h>

using namespace dpuopt;

std::string TrialEnd::str() const {
  switch (kind) {
  case NotStarted:
    return "it could not be started";
  case Exited:
    return fmt::format("exit status {}", code);
  case Killed:
    return "a crash (" + failure + ")";
  case TimedOut:
    return "it did not end in time";
  }
  return "";
}

static std::vector<std::string> split(llvm::StringRef command) {
  llvm::BumpPtrAllocator memory;
  llvm::StringSaver saver(memory);
  llvm::SmallVector<const char *, 8> tokens;
  llvm::cl::TokenizeGNUCommandLine(command, saver, tokens);
  return {tokens.begin(), tokens.end()};
}

Result<Trial> Trial::create(const Request &request, DiagEngine &diags) {
  Trial t(request);
  t.args = split(request.command);
  if (t.args.empty())
    return diags.error("--test takes a command, it is empty").rule("reduce.command");
  auto names = [](const std::string &arg) { return llvm::StringRef(arg).contains("{}"); };
  if (llvm::none_of(llvm::ArrayRef<std::string>(t.args).drop_front(), names))
    return diags.error("--test says with {} where the model's file goes, found '" + request.command + "'")
        .rule("reduce.command");
  auto program = llvm::sys::findProgramByName(t.args[0]);
  if (!program)
    return diags.error("there is no program '" + t.args[0] + "': " + program.getError().message())
        .note("the command is no shell's: for pipes and variables give a script, or sh -c '...' with {} in it")
        .rule("reduce.command");
  t.program = *program;
  if (int n; !llvm::StringRef(request.exit).getAsInteger(10, n) && n >= 0 && n <= 255)
    t.status = n;
  else if (!llvm::StringRef(request.exit).empty() && request.exit != "nonzero" && request.exit != "crash" &&
           request.exit != "timeout")
    return diags.error("--test-exit is 0 to 255, nonzero, crash or timeout, found '" + request.exit + "'")
        .rule("reduce.command");
  if (std::string why; !request.output.empty() && !llvm::Regex(request.output).isValid(why))
    return diags.error("--test-output is no regular expression: " + why).rule("reduce.command");
  return t;
}

TrialEnd Trial::run(llvm::StringRef model) const {
  std::vector<std::string> filled(args.begin() + 1, args.end());
  for (std::string &arg : filled)
    for (size_t at = 0; (at = arg.find("{}", at)) != std::string::npos; at += model.size())
      arg.replace(at, 2, model.str());
  ProcessOptions options;
  options.timeoutSeconds = request.seconds;
  options.stop = request.stop;
  ProcessResult done = runProcess(program, filled, options);
  TrialEnd end;
  const bool gaveUp = request.stop && request.stop(); // that looks like a timeout
  end.kind = gaveUp                ? TrialEnd::NotStarted
             : done.timedOut       ? TrialEnd::TimedOut
             : done.exitCode == -1 ? TrialEnd::NotStarted
             : done.exitCode == -2 ? TrialEnd::Killed
                                   : TrialEnd::Exited;
  end.code = done.exitCode;
  end.failure = done.failure;
  end.output = done.out + done.err;
  return end;
}

bool Trial::endsRight(const TrialEnd &end) const {
  if (asFirst)
    return end.kind == asFirst->kind && end.code == asFirst->code && end.failure == asFirst->failure;
  if (status)
    return end.kind == TrialEnd::Exited && end.code == *status;
  if (request.exit == "nonzero")
    return end.kind == TrialEnd::Killed || (end.kind == TrialEnd::Exited && end.code != 0);
  if (request.exit == "crash")
    return end.kind == TrialEnd::Killed;
  if (request.exit == "timeout")
    return end.kind == TrialEnd::TimedOut;
  return end.kind != TrialEnd::NotStarted; // the output decides
}

bool Trial::isWanted(const TrialEnd &end) const {
  return end.kind != TrialEnd::NotStarted && endsRight(end) &&
         (request.output.empty() || llvm::Regex(request.output, llvm::Regex::Newline).match(end.output));
}

Status Trial::first(llvm::StringRef model, DiagEngine &diags) {
  TrialEnd end = run(model);
  if (request.stop && request.stop())
    return diags.error("interrupted before the search began").rule("reduce.interrupted");
  if (request.exit.empty() && request.output.empty()) {
    if (end.kind == TrialEnd::Exited && end.code == 0)
      return diags.error("the command has to fail on the model, its exit status is 0")
          .note("say what to look for with --test-exit N or --test-output REGEX")
          .rule("reduce.not-shown");
    asFirst = end;
  }
  if (isWanted(end))
    return success();
  llvm::StringRef tail = llvm::StringRef(end.output).rtrim();
  tail = tail.take_back(tail.size() - (tail.rfind('\n') == llvm::StringRef::npos ? 0 : tail.rfind('\n') + 1));
  return diags.error(fmt::format("the command has to end on the model with {}, found {}", wanted(), end.str()))
      .note(tail.empty() ? "it printed nothing" : "the last line it printed: " + tail.take_front(200).str())
      .rule("reduce.not-shown");
}

std::string Trial::wanted() const {
  std::string text = asFirst                     ? asFirst->str()
                     : status                    ? fmt::format("exit status {}", *status)
                     : request.exit == "nonzero" ? "a nonzero exit status"
                                                 : request.exit;
  if (!request.output.empty())
    text += (text.empty() ? "" : " and ") + fmt::format("an output that matches '{}'", request.output);
  return text;
}
