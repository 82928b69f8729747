//===- Conversation.h - a child process that stays and is asked things -----------------===//
//
// For libraries that are slow to start and may abort or hang: lines go to the child's
// standard input, lines come from its standard output. It is started, and ends, as the
// children of Process.h do. One thread at a time.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_SUPPORT_CONVERSATION_H
#define DPUOPT_SUPPORT_CONVERSATION_H

#include "dpuopt/Support/Process.h"
#include <memory>
#include <optional>

namespace dpuopt {

class Conversation {
public:
  /// `onLine` gets the lines of standard error alone; `timeoutSeconds` is not used: each answer has its own.
  explicit Conversation(ProcessOptions options = {});
  /// As end().
  ~Conversation();

  /// As runProcess(), but returns as soon as it runs. False: end() says why it does not.
  bool start(llvm::StringRef program, llvm::ArrayRef<std::string> args);
  /// Sends a line (without its end) and waits for one, as hear() does. A child that ends without reading it may have
  /// answered all the same.
  std::optional<std::string> ask(llvm::StringRef line, unsigned timeoutSeconds);
  /// The next line of its standard output, without its end; one of more than 64 kB comes in pieces. Nullopt: it has
  /// ended, or said nothing for so long, or `stop` has answered true; it is killed, and end() says which.
  std::optional<std::string> hear(unsigned timeoutSeconds);
  /// Closes its standard input, which tells it to go, and waits for a moment (not `atOnce`); then kills it. `out` of
  /// what it returns has only the first and the last things it said. Calling it again returns the same.
  const ProcessResult &end(bool atOnce = false);

private:
  class Parts;
  std::unique_ptr<Parts> parts;
};

} // namespace dpuopt
#endif
