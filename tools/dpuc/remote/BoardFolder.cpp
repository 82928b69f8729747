//===- BoardFolder.cpp - a folder on a board, for the time of a command ------------------===//
#include "BoardFolder.h"
#include "dpuopt/Support/CommandWords.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>

using namespace dpuopt;

/// A slow network still gives so many bytes in a second.
constexpr uint64_t SlowestRate = 50'000;

Result<std::unique_ptr<BoardFolder>> BoardFolder::create(Ssh &ssh, llvm::StringRef parent, unsigned seconds,
                                                         DiagEngine &diags) {
  const std::string stem = parent.rtrim('/').str() + "/dpuc.";
  auto made =
      ssh.run(fmt::format("umask 077; mktemp -d {}", shellWord(stem + "XXXXXX")), {"making a folder", seconds}, diags);
  if (!made)
    return failure();
  // It will be removed: it must be the one that was asked for.
  const llvm::StringRef path = llvm::StringRef(made->out).rtrim("\r\n");
  llvm::StringRef end = path;
  if (made->status != 0 || !end.consume_front(stem) || end.empty() || !llvm::all_of(end, llvm::isAlnum))
    return diags
        .error(fmt::format("cannot make a folder in {} on '{}': {}", parent.str(), ssh.board(), made->lastWords()))
        .rule("remote.folder")
        .note("--remote-tmp names another place for it");
  return std::unique_ptr<BoardFolder>(new BoardFolder(ssh, path.str(), seconds, diags));
}

/// Programs there outlive a connection that ends: what `pid` names is ended with its children.
constexpr llvm::StringLiteral cleanUp = R"sh(
end() { for c in $(cat /proc/"$1"/task/*/children 2>/dev/null); do end "$c"; done; kill "$1" 2>/dev/null; }
if [ -f "$d/pid" ]; then end "$(cat "$d/pid")"; fi
rm -rf -- "$d")sh";

BoardFolder::~BoardFolder() {
  std::string why;
  if (!kept) {
    RemoteRun how{"cleaning up", seconds};
    how.cleaning = true;
    DiagEngine silent;
    auto done = ssh.run("d=" + shellWord(folder) + cleanUp.str(), how, silent);
    if (done && done->status == 0)
      return;
    why = ": " + (done ? done->lastWords() : silent.all().back().message);
  }
  diags.warning(fmt::format("{} stays on '{}'{}", folder, ssh.board(), why)).rule("remote.folder");
}

Status BoardFolder::send(llvm::StringRef local, llvm::StringRef leaf, DiagEngine &diags) {
  uint64_t size = 0;
  if (std::error_code ec = llvm::sys::fs::file_size(local, size))
    return diags.error(fmt::format("cannot be read: {}", ec.message())).file(local.str()).rule("remote.copy");
  const std::string to = shellWord(file(leaf));
  RemoteRun how{"copying", seconds + static_cast<unsigned>(std::min<uint64_t>(size / SlowestRate, 86400))};
  how.inputFile = local.str();
  auto done = ssh.run(fmt::format("cat >{} && wc -c <{}", to, to), how, diags);
  if (!done)
    return failure();
  uint64_t there = 0;
  if (done->status == 0 && !llvm::StringRef(done->out).trim().getAsInteger(10, there) && there == size)
    return success();
  const std::string name = llvm::sys::path::filename(local).str();
  if (llvm::StringRef(done->err).contains_insensitive("no space"))
    return diags.error(fmt::format("there is no room for {} ({} bytes) on '{}'", name, size, ssh.board()))
        .rule("remote.space")
        .note("--remote-tmp names another place than " + llvm::sys::path::parent_path(folder).str());
  return diags
      .error(fmt::format("{} did not arrive whole on '{}': {}", name, ssh.board(),
                         done->status ? done->lastWords() : fmt::format("{} bytes of {}", there, size)))
      .rule("remote.copy");
}

Result<std::string> BoardFolder::fetch(llvm::StringRef leaf, uint64_t bytes, DiagEngine &diags) {
  RemoteRun how{"copying", seconds + static_cast<unsigned>(std::min<uint64_t>(bytes / SlowestRate, 86400))};
  how.mostBytes = bytes + 1;
  auto got = ssh.run("cat " + shellWord(file(leaf)), how, diags);
  if (!got)
    return failure();
  if (got->status == 0 && !got->cut && got->out.size() == bytes)
    return std::move(got->out);
  return diags
      .error(fmt::format("{} did not come back whole from '{}': {}", leaf.str(), ssh.board(),
                         got->status ? got->lastWords() : fmt::format("{} bytes, {} expected", got->out.size(), bytes)))
      .rule("remote.copy");
}

Result<RemoteResult> BoardFolder::run(llvm::StringRef command, RemoteRun how, DiagEngine &diags) {
  how.login = true;
  // With sudo the outputs are another user's: everybody may read them, but only its owner may enter the folder.
  return ssh.run(fmt::format(R"sh(cd {} && mkdir -p o && cd o || exit
umask 022
echo $$ >../pid
{}
s=$?
rm -f ../pid
exit $s)sh",
                             shellWord(folder), command.str()),
                 how, diags);
}
