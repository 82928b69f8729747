//===- Trial.cpp - a command that is asked about one model after the other -----------===//
#include "Trial.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Allocator.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/StringSaver.h"
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace dpuopt;
namespace fs = llvm::sys::fs;

constexpr size_t MaxOutput = size_t(64) << 20;

Result<PrivateFolder> PrivateFolder::create(DiagEngine &diags) {
  llvm::SmallString<128> path;
  llvm::sys::path::system_temp_directory(/*erasedOnReboot=*/true, path);
  llvm::sys::path::append(path, "dpuc-reduce-XXXXXX");
  if (!::mkdtemp(const_cast<char *>(path.c_str()))) // for its owner alone
    return diags.error("cannot create a temporary folder: " + std::string(std::strerror(errno)));
  return PrivateFolder(path.c_str());
}

PrivateFolder::~PrivateFolder() {
  if (!path.empty())
    fs::remove_directories(path);
}

std::string PrivateFolder::file(llvm::StringRef name) const {
  llvm::SmallString<128> full(path);
  llvm::sys::path::append(full, name);
  return full.str().str();
}

std::string TrialEnd::str() const {
  switch (kind) {
  case NotStarted:
    return "it could not be started";
  case Exited:
    return fmt::format("exit status {}", code);
  case Killed:
    return fmt::format("killed by signal {}", code);
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

namespace {
/// Where a child's output goes, without a name left behind.
class OutputFile {
public:
  OutputFile() {
    llvm::SmallString<64> path;
    if (!fs::createTemporaryFile("dpuc-reduce", "out", fd, path))
      fs::remove(path);
  }
  OutputFile(const OutputFile &) = delete;
  ~OutputFile() {
    if (fd >= 0)
      ::close(fd);
  }
  std::string text() const {
    std::string all(std::min<off_t>(std::max<off_t>(::lseek(fd, 0, SEEK_END), 0), MaxOutput), '\0');
    ssize_t n = ::pread(fd, all.data(), all.size(), 0);
    all.resize(n < 0 ? 0 : n);
    return all;
  }
  int fd = -1;
};
} // namespace

/// Starts it as the head of a group of its own, so that everything it starts can be killed with it. 0: it cannot be.
static pid_t start(const std::string &program, char *const *argv, int output) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&files, output, 1);
  ::posix_spawn_file_actions_adddup2(&files, output, 2);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t child = 0;
  if (::posix_spawn(&child, program.c_str(), &files, &attributes, argv, environ))
    child = 0;
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return child;
}

TrialEnd Trial::run(llvm::StringRef model) const {
  std::vector<std::string> filled = args;
  for (std::string &arg : llvm::make_range(filled.begin() + 1, filled.end()))
    for (size_t at = 0; (at = arg.find("{}", at)) != std::string::npos; at += model.size())
      arg.replace(at, 2, model.str());
  std::vector<char *> argv;
  for (std::string &arg : filled)
    argv.push_back(arg.data());
  argv.push_back(nullptr);

  OutputFile output;
  TrialEnd end;
  if (output.fd < 0)
    return end;
  const pid_t child = start(program, argv.data(), output.fd);
  if (!child)
    return end;
  using clock = std::chrono::steady_clock;
  const auto deadline = clock::now() + std::chrono::seconds(request.seconds);
  int status = 0;
  bool over = false;
  for (auto pause = std::chrono::milliseconds(1); ::waitpid(child, &status, WNOHANG) == 0;) {
    if (request.seconds && clock::now() >= deadline)
      over = true;
    if (over || (request.stop && request.stop())) {
      ::kill(-child, SIGKILL);
      ::waitpid(child, &status, 0);
      end.kind = over ? TrialEnd::TimedOut : TrialEnd::NotStarted;
      end.output = output.text();
      return end;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::milliseconds(20));
  }
  ::kill(-child, SIGKILL); // what it left running
  end.kind = WIFEXITED(status) ? TrialEnd::Exited : TrialEnd::Killed;
  end.code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  end.output = output.text();
  return end;
}

bool Trial::endsRight(const TrialEnd &end) const {
  if (asFirst)
    return end.kind == asFirst->kind && end.code == asFirst->code;
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
