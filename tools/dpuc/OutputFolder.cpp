//===- OutputFolder.cpp - the folder that a command writes its results into ----------===//
#include "OutputFolder.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace dpuopt;
namespace fs = llvm::sys::fs;

Status OutputFolder::prepare(DiagEngine &diags) {
  made = !fs::exists(path);
  std::error_code ec = fs::create_directories(path);
  if (!ec && !fs::is_directory(path))
    ec = std::make_error_code(std::errc::not_a_directory);
  if (!ec)
    ec = fs::access(path, fs::AccessMode::Write);
  if (ec)
    return diags.error("cannot write to '" + path + "': " + ec.message()).file(path);
  return success();
}

void OutputFolder::removeIfMade() {
  if (made)
    fs::remove(path); // fails, rightly, if it is not empty
}

std::string OutputFolder::file(const llvm::Twine &leaf) const {
  llvm::SmallString<128> p(path);
  llvm::sys::path::append(p, leaf);
  return p.str().str();
}

std::string OutputFolder::note(const llvm::Twine &leaf) {
  files.push_back(file(leaf));
  return files.back();
}

Status OutputFolder::write(const llvm::Twine &leaf, DiagEngine &diags,
                           llvm::function_ref<void(llvm::raw_ostream &)> print) {
  return writeFileAtomically(note(leaf), diags, [&](llvm::raw_pwrite_stream &os) { return print(os), success(); });
}

std::string dpuopt::resultName(llvm::StringRef model) {
  llvm::StringRef stem = llvm::sys::path::stem(model), shorter = stem;
  return (shorter.consume_back("_int") && !shorter.empty() ? shorter : stem).str();
}
