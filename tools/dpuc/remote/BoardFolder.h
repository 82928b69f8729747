//===- BoardFolder.h - a folder on a board, for the time of a command ---------------------===//
#ifndef DPUOPT_TOOLS_DPUC_BOARDFOLDER_H
#define DPUOPT_TOOLS_DPUC_BOARDFOLDER_H

#include "Ssh.h"

namespace dpuopt {

/// Files in it have fixed names of ours: letters, digits, '.', '-' and '_'.
class BoardFolder {
public:
  /// Makes one in `parent` there. Error: it cannot be made.
  static Result<std::unique_ptr<BoardFolder>> create(Ssh &ssh, llvm::StringRef parent, unsigned seconds,
                                                     DiagEngine &diags);
  /// Ends what still runs there and removes the folder, unless it was to be kept; warns if that cannot be done.
  ~BoardFolder();
  BoardFolder(const BoardFolder &) = delete;

  const std::string &path() const { return folder; }
  std::string file(llvm::StringRef leaf) const { return folder + "/" + leaf.str(); }
  void keep() { kept = true; }
  /// Copies a file of this machine there. Errors [remote.space], [remote.copy].
  Status send(llvm::StringRef local, llvm::StringRef leaf, DiagEngine &diags);
  /// What a file there has, which must be so many bytes. Error [remote.copy].
  Result<std::string> fetch(llvm::StringRef leaf, uint64_t bytes, DiagEngine &diags);
  /// Runs a program there, as after logging in, in the folder `o`, which is made. Its children end with the folder.
  Result<RemoteResult> run(llvm::StringRef command, RemoteRun how, DiagEngine &diags);

private:
  BoardFolder(Ssh &ssh, std::string folder, unsigned seconds, DiagEngine &diags)
      : ssh(ssh), folder(std::move(folder)), seconds(seconds), diags(diags) {}

  Ssh &ssh;
  std::string folder;
  unsigned seconds;
  DiagEngine &diags;
  bool kept = false;
};

} // namespace dpuopt
#endif
