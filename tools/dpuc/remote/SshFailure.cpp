//===- SshFailure.cpp - why ssh ended, in a sentence -------------------------------------===//
#include "SshFailure.h"
#include "dpuopt/Support/CommandWords.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {

/// What OpenSSH's client says, and what it comes to. {0}: the board, {1}: it and {2}: its host as a shell's word.
struct Known {
  const char *says, *rule, *sentence, *remedy;
};

constexpr Known known[] = {
    {"Could not resolve hostname", "remote.host", "there is no machine called '{0}'",
     "its address on the serial console: ip addr"},
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", "remote.host-key", "the host key of '{0}' is another than before",
     "a board with a new image has a new key; if that is so, forget the old one: ssh-keygen -R {2}"},
    {"Host key verification failed", "remote.host-key", "the host key of '{0}' is not known here",
     "log in once by hand, ssh {1}, or --ssh 'ssh -o StrictHostKeyChecking=accept-new'"},
    {"no matching host key type found", "remote.old-server",
     "the ssh server on '{0}' is too old for this machine's ssh, which refuses its kind of keys",
     "allow them for this board: --ssh 'ssh -o HostKeyAlgorithms=+ssh-rsa -o PubkeyAcceptedAlgorithms=+ssh-rsa'"},
    {"no matching key exchange method found", "remote.old-server",
     "the ssh server on '{0}' is too old for this machine's ssh, which refuses its key exchange",
     "allow it for this board: --ssh 'ssh -o KexAlgorithms=+diffie-hellman-group14-sha1'"},
    {"Permission denied", "remote.login", "'{0}' does not let us log in",
     "at a terminal ssh asks for the password (PetaLinux: root or petalinux); elsewhere it needs a key: ssh-copy-id "
     "{1}"},
    {"Too many authentication failures", "remote.login", "'{0}' does not let us log in: too many keys were offered",
     "name the right one: --ssh 'ssh -o IdentitiesOnly=yes -i KEY'"},
    {"Connection refused", "remote.connect", "'{0}' is there, but no ssh server answers on it",
     "another port: --ssh 'ssh -p 2222'"},
    {"Connection timed out", "remote.connect", "'{0}' does not answer", "is the board on, and the network the same?"},
    {"Operation timed out", "remote.connect", "'{0}' does not answer", "is the board on, and the network the same?"},
    {"No route to host", "remote.connect", "there is no way to '{0}'", "is the board on, and the network the same?"},
    {"Network is unreachable", "remote.connect", "there is no way to '{0}'", "is this machine on the network?"},
    {"Bad owner or permissions", "remote.ssh", "ssh refuses its own settings", "chmod 600 ~/.ssh/config"},
    {"unknown option", "remote.ssh", "'--ssh' is not OpenSSH's client", "it must take -o, -T and --"},
    {"Bad configuration option", "remote.ssh", "ssh does not know one of its settings",
     "look at --ssh and ~/.ssh/config"},
};

} // namespace

std::string dpuopt::lastWordsOf(llvm::StringRef text) {
  constexpr size_t Most = 300;
  llvm::SmallVector<llvm::StringRef, 32> lines;
  text.split(lines, '\n', -1, false);
  llvm::StringRef words;
  for (llvm::StringRef line : lines)
    if (line = line.trim(); !line.empty() && !line.startswith("***") && !line.startswith("@ ") &&
                            !line.startswith("WARNING: Logging before") && !line.startswith("Aborted"))
      words = line;
  const bool fatal = words.size() > 2 && words[0] == 'F' && llvm::isDigit(words[1]);
  if (size_t end = words.find("] "); fatal && end != llvm::StringRef::npos)
    words = words.drop_front(end + 2);
  std::string out = words.take_front(Most).str();
  for (char &c : out)
    c = static_cast<unsigned char>(c) < ' ' || c == 0x7f ? ' ' : c;
  return out;
}

Status dpuopt::reportSshFailure(const ProcessResult &ended, const SshAttempt &attempt, DiagEngine &diags) {
  if (ended.timedOut)
    return diags
        .error(
            fmt::format("{} did not come to an end within {} s on '{}'", attempt.what, attempt.seconds, attempt.board))
        .rule("remote.timeout");
  if (ended.exitCode == -1)
    return diags.error(fmt::format("ssh cannot be started: {}", ended.failure)).rule("remote.ssh");
  const llvm::StringRef err = ended.err, board = attempt.board;
  const std::string host = shellWord(board.contains('@') ? board.rsplit('@').second : board);
  for (const Known &k : known)
    if (err.contains(k.says)) {
      auto said = [&](const char *text) {
        return fmt::format(fmt::runtime(text), attempt.board, shellWord(board), host);
      };
      return diags.error(said(k.sentence)).rule(k.rule).note(said(k.remedy));
    }
  const std::string words = lastWordsOf(err);
  return diags
      .error(fmt::format("the connection to '{}' broke during {}: {}", attempt.board, attempt.what,
                         !words.empty()           ? words
                         : !ended.failure.empty() ? ended.failure
                         : ended.exitCode == 255  ? "the other end has closed it"
                                                  : fmt::format("ssh ended with status {}", ended.exitCode)))
      .rule("remote.connection");
}
