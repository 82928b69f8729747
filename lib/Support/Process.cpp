//===- Process.cpp - child processes -------------------------------------------===//
#include "Child.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <vector>

using namespace dpuopt;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

ProcessResult dpuopt::runProcess(llvm::StringRef program, llvm::ArrayRef<std::string> args,
                                 const ProcessOptions &options) {
  ProcessResult result;
  Child child(options, options);
  if (!child.start(program, args, /*input=*/false, result))
    return result;
  result.timedOut = !child.listen(std::chrono::seconds(options.timeoutSeconds), options.stop);
  child.kill();
  child.collect(result);
  if (result.timedOut) {
    result.exitCode = -2;
    result.failure = "timed out after " + std::to_string(options.timeoutSeconds) + " s";
  }
  return result;
}

std::string dpuopt::findHelper(llvm::StringRef name) {
  std::vector<llvm::SmallString<128>> folders;
  if (const char *env = std::getenv("DPUOPT_LIBEXEC"))
    folders.emplace_back(env);
  std::string self = fs::getMainExecutable(nullptr, nullptr);
  // bin/dpuc, and test/unit/dpuopt-unit-X in the build tree.
  for (llvm::StringRef up : {"../libexec/dpuopt", "../../libexec/dpuopt", "."}) {
    llvm::SmallString<128> folder = path::parent_path(self);
    path::append(folder, up);
    folders.push_back(folder);
  }
  for (llvm::SmallString<128> file : folders) {
    path::append(file, name);
    if (fs::can_execute(file)) {
      path::remove_dots(file, /*remove_dot_dot=*/true);
      return file.str().str();
    }
  }
  return "";
}
