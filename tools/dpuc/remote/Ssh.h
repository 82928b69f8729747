//===- Ssh.h - a shell on a board ------------------------------------------------------===//
//
// One ssh connection for a whole command: the first use may ask for a password, if there is
// a terminal; the others share it. Nothing but a POSIX shell and `cat` is needed over there:
// boards have dropbear or OpenSSH, often without sftp.
//
// The board's shell gets scripts of ours only; a word from anywhere else goes through
// shellWord(). What ends badly is one diagnostic [remote.*].
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_SSH_H
#define DPUOPT_TOOLS_DPUC_SSH_H

#include "TemporaryFolder.h"
#include "dpuopt/Support/Diagnostic.h"
#include "dpuopt/Support/Process.h"
#include <memory>

namespace dpuopt {

struct SshOptions {
  std::string board;     ///< [USER@]HOST, as ssh takes it
  std::string command;   ///< words: a program and its first arguments; empty: ssh
  unsigned seconds = 60; ///< for logging in, if nobody has to type a password
};

/// What a script is given, and how long it may take.
struct RemoteRun {
  std::string what;           ///< for messages: "'xdputil query'"
  unsigned seconds = 60;      ///< 0: no limit
  std::string inputFile = {}; ///< its standard input, a file of this machine; empty: none
  /// As after logging in, with /etc/profile read: PATH and what VART wants in the environment. For programs.
  bool login = false;
  size_t mostBytes = size_t(1) << 20; ///< kept of its output
  /// Gets each line of either stream as it comes; may be empty.
  std::function<void(llvm::StringRef)> onLine = {};
  bool cleaning = false; ///< runs even if the user wants to end
};

struct RemoteResult {
  int status = 0;
  std::string out, err;
  bool cut = false;              ///< there was more than mostBytes
  std::string lastWords() const; ///< the last line of what it said, the reason rather than a stack; never empty
};

class Ssh {
public:
  /// Connects and runs a first script, which cannot fail. Errors: a name that is none, no ssh here, all that keeps one
  /// from logging in.
  static Result<std::unique_ptr<Ssh>> connect(const SshOptions &options, llvm::StringRef firstScript,
                                              DiagEngine &diags);
  ~Ssh(); ///< ends the connection
  /// Runs a script of a POSIX shell. Error: it could not be run to its end; another status than 0 is none.
  Result<RemoteResult> run(llvm::StringRef script, const RemoteRun &how, DiagEngine &diags);

  const std::string &board() const { return options.board; }
  const std::string &greeting() const { return said; } ///< what the first script has said

private:
  explicit Ssh(SshOptions options) : options(std::move(options)), sockets("/tmp/dpuc-ssh") {} // a short path
  Status logIn(llvm::StringRef script, DiagEngine &diags);
  std::vector<std::string> arguments(bool mayAsk) const;
  Result<RemoteResult> execute(llvm::StringRef script, const RemoteRun &how, bool mayAsk, DiagEngine &diags);

  SshOptions options;
  std::string program;
  std::vector<std::string> first;
  TemporaryFolder sockets; ///< of the shared connection
  std::string socket;      ///< empty: none is shared
  std::string said;
};

/// While one exists, the first Ctrl-C (or SIGTERM, SIGHUP) ends what runs and lets the command clean up; a second one
/// ends the command itself.
class InterruptGuard {
public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard &) = delete;
  static int signal(); ///< the one that came, or 0
};

} // namespace dpuopt
#endif
