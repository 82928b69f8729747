//===- FileSearch.cpp - the files below some paths ---------------------------------===//
#include "FileSearch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <map>

using namespace dpuopt;
namespace fs = llvm::sys::fs;

namespace {
struct Search {
  llvm::StringRef extension;
  std::map<std::string, FoundFile> found;

  void add(const std::string &path, bool named, bool sibling) {
    bool wanted = named || llvm::StringRef(path).endswith(extension);
    auto [it, isNew] = found.try_emplace(path, FoundFile{path, wanted, sibling});
    if (isNew)
      return;
    it->second.wanted |= wanted;
    it->second.isSibling &= sibling;
  }

  std::error_code folder(const std::string &path) {
    std::error_code ec;
    for (fs::recursive_directory_iterator it(path, ec, false), end; it != end && !ec; it.increment(ec))
      if (fs::is_regular_file(it->path()))
        add(it->path(), false, false);
    return ec;
  }

  void siblings(const std::string &path) {
    llvm::StringRef parent = llvm::sys::path::parent_path(path);
    std::error_code ec;
    for (fs::directory_iterator it(parent.empty() ? "." : parent, ec), end; it != end && !ec; it.increment(ec)) {
      llvm::StringRef other = it->path();
      if (parent.empty())
        other.consume_front("./");
      if (other.endswith(extension) && fs::is_regular_file(it->path()))
        add(other.str(), false, true);
    }
  }
};
} // namespace

Result<std::vector<FoundFile>> dpuopt::findFiles(llvm::ArrayRef<std::string> paths, llvm::StringRef extension,
                                                 DiagEngine &diags) {
  Search search{extension, {}};
  for (const std::string &path : paths) {
    std::error_code ec;
    if (fs::is_directory(path)) {
      ec = search.folder(path);
    } else if (fs::exists(path)) {
      search.add(path, true, false);
      search.siblings(path);
    } else {
      ec = std::make_error_code(std::errc::no_such_file_or_directory);
    }
    if (ec)
      return diags.error("cannot look into '" + path + "': " + ec.message()).file(path);
  }
  std::vector<FoundFile> files;
  for (auto &[path, file] : search.found)
    files.push_back(std::move(file));
  return files;
}
