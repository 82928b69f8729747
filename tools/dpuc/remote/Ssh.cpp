//===- Ssh.cpp - a shell on a board ----------------------------------------------------===//
#include "Ssh.h"
#include "SshFailure.h"
#include "dpuopt/Support/CommandWords.h"
#include "llvm/Support/raw_ostream.h"
#include <csignal>
#include <fmt/format.h>
#include <unistd.h>

using namespace dpuopt;

namespace {

/// Begins what a script writes on standard output: what profiles have to say is before it.
constexpr llvm::StringLiteral BeginMark = "dpuc-begin";
/// Ends what it writes on standard error: without it, it did not come to its end.
constexpr llvm::StringLiteral EndMark = "dpuc-status=";
/// Of a path of a socket; ssh appends 17 characters, and Linux allows 107.
constexpr size_t MostOfSocketPath = 85;
/// Bytes of what profiles say.
constexpr size_t MostOfGreeting = size_t(1) << 16;
/// Somebody types a password.
constexpr unsigned SecondsToAsk = 300;

volatile std::sig_atomic_t caught = 0;
constexpr int guarded[] = {SIGINT, SIGTERM, SIGHUP};
struct sigaction before[std::size(guarded)];

extern "C" void onSignal(int signal) { caught = signal; }

/// Takes the end mark out of `err`; nullopt: there is none.
std::optional<int> takeStatus(std::string &err) {
  const size_t at = err.rfind(EndMark);
  int status = 0;
  if (at == std::string::npos || llvm::StringRef(err).drop_front(at + EndMark.size()).trim().getAsInteger(10, status))
    return std::nullopt;
  err.resize(at);
  return status;
}

/// Leaves what comes after the first mark.
void dropGreeting(std::string &out) {
  const size_t at = llvm::StringRef(out).find((BeginMark + "\n").str());
  if (at != std::string::npos)
    out.erase(0, at + BeginMark.size() + 1);
}

/// Hands on the script's lines, or those before it.
std::function<void(llvm::StringRef)> linesOf(std::function<void(llvm::StringRef)> take, bool before) {
  if (!take)
    return {};
  return [take = std::move(take), before, begun = false](llvm::StringRef line) mutable {
    if (line == BeginMark)
      begun = true;
    else if (begun != before && !line.startswith(EndMark))
      take(line);
  };
}

} // namespace

InterruptGuard::InterruptGuard() {
  caught = 0;
  struct sigaction action = {};
  action.sa_handler = onSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (size_t i = 0; i < std::size(guarded); ++i) {
    sigaction(guarded[i], &action, &before[i]);
    if (before[i].sa_handler == SIG_IGN) // nohup, a job in the background
      sigaction(guarded[i], &before[i], nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  for (size_t i = 0; i < std::size(guarded); ++i)
    sigaction(guarded[i], &before[i], nullptr);
}

int InterruptGuard::signal() { return caught; }

std::string RemoteResult::lastWords() const {
  if (std::string words = lastWordsOf(err); !words.empty())
    return words;
  if (std::string words = lastWordsOf(out); !words.empty())
    return words;
  return fmt::format("exit status {}", status);
}

Result<std::unique_ptr<Ssh>> Ssh::connect(const SshOptions &options, llvm::StringRef firstScript, DiagEngine &diags) {
  const llvm::StringRef board = options.board;
  const bool plain = llvm::all_of(board, [](unsigned char c) { return c > ' ' && c != 0x7f; });
  if (board.empty() || board[0] == '-' || !plain || board.contains("@-"))
    return diags.error(fmt::format("the board is [USER@]HOST, found '{}'", options.board)).rule("remote.host");
  std::vector<std::string> words = commandWords(options.command.empty() ? "ssh" : options.command);
  auto program = words.empty() ? std::make_error_code(std::errc::no_such_file_or_directory) : findProgram(words[0]);
  if (!program)
    return diags.error(fmt::format("cannot run '{}': {}", words.empty() ? "" : words[0], program.getError().message()))
        .rule("remote.ssh")
        .note("OpenSSH's client is needed (openssh-client); --ssh takes it with its first arguments: --ssh 'ssh -p "
              "2222'");
  std::unique_ptr<Ssh> ssh(new Ssh(options));
  ssh->program = *program;
  ssh->first.assign(words.begin() + 1, words.end());
  if (std::string path = ssh->sockets.file("s"); !ssh->sockets.failed() && path.size() <= MostOfSocketPath)
    ssh->socket = path;
  if (failed(ssh->logIn(firstScript, diags)))
    return failure();
  return ssh;
}

Ssh::~Ssh() {
  if (socket.empty() || !llvm::sys::fs::exists(socket))
    return;
  std::vector<std::string> args = first;
  args.insert(args.end(), {"-o", "ControlPath=" + socket, "-O", "exit", "--", options.board});
  runProcess(program, args, {5});
}

/// The words that come with --ssh are before ours: of two settings ssh takes the first.
std::vector<std::string> Ssh::arguments(bool mayAsk) const {
  std::vector<std::string> args = first;
  auto set = [&](const std::string &setting) { args.insert(args.end(), {"-o", setting}); };
  args.push_back("-T");
  set(mayAsk ? "BatchMode=no" : "BatchMode=yes");
  set("ConnectTimeout=10");
  set("ServerAliveInterval=5");
  set("ServerAliveCountMax=3");
  if (!socket.empty()) {
    set("ControlMaster=auto");
    set("ControlPath=" + socket);
    set("ControlPersist=600"); // outlives what is computed here in between
  }
  args.insert(args.end(), {"--", options.board});
  return args;
}

Status Ssh::logIn(llvm::StringRef script, DiagEngine &diags) {
  const bool mayAsk = isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
                      tcgetpgrp(STDIN_FILENO) == getpgrp(); // and not in the background
  RemoteRun how{"logging in", mayAsk ? SecondsToAsk : options.seconds};
  how.login = true;
  if (mayAsk) // what ssh says while it asks
    how.onLine = [](llvm::StringRef line) { llvm::errs() << line << "\n"; };
  auto result = execute(script, how, mayAsk, diags);
  if (!result)
    return failure();
  said = std::move(result->out);
  return success();
}

Result<RemoteResult> Ssh::run(llvm::StringRef script, const RemoteRun &how, DiagEngine &diags) {
  return execute(script, how, false, diags);
}

Result<RemoteResult> Ssh::execute(llvm::StringRef script, const RemoteRun &how, bool mayAsk, DiagEngine &diags) {
  if (!how.cleaning && InterruptGuard::signal())
    return failure();
  // The user's own shell there may be any: it gets one quoted word.
  const std::string whole = fmt::format("echo {}\n({}\n)\necho {}$? >&2", BeginMark.str(), script.str(), EndMark.str());
  std::vector<std::string> args = arguments(mayAsk);
  args.push_back(fmt::format("exec sh -{}c {}", how.login ? "l" : "", shellWord(whole)));
  ProcessOptions process;
  process.timeoutSeconds = how.seconds;
  process.maxKept = 2 * (how.mostBytes + MostOfGreeting);
  process.onLine = linesOf(how.onLine, mayAsk);
  process.inputFile = how.inputFile;
  process.terminal = mayAsk;
  if (!how.cleaning)
    process.stop = [] { return InterruptGuard::signal() != 0; };
  ProcessResult ended = runProcess(program, args, process);
  RemoteResult result;
  const std::optional<int> status = takeStatus(ended.err);
  if (!how.cleaning && InterruptGuard::signal())
    return failure();
  if (!status)
    return reportSshFailure(ended, {options.board, how.what, how.seconds}, diags);
  result.status = *status;
  dropGreeting(ended.out);
  result.cut = ended.dropped || ended.out.size() > how.mostBytes;
  result.out = std::move(ended.out);
  result.err = std::move(ended.err);
  return result;
}
