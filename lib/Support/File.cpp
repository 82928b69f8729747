//===- File.cpp - atomic output files and child processes ----------------===//
#include "dpuopt/Support/File.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <cstdlib>

using namespace dpuopt;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static Status cannotWrite(llvm::StringRef file, const std::string &why, DiagEngine &diags) {
  return diags.error("cannot write '" + file.str() + "': " + why).file(file.str());
}

/// An existing file keeps its permissions; a new one gets what the umask allows.
static unsigned modeFor(llvm::StringRef file) {
  fs::file_status status;
  if (!fs::status(file, status) && fs::exists(status))
    return status.permissions();
  return fs::all_read | fs::all_write;
}

Status dpuopt::writeFileAtomically(llvm::StringRef file, DiagEngine &diags,
                                   llvm::function_ref<Status(llvm::raw_pwrite_stream &)> write) {
  if (file == "-") {
    llvm::SmallString<0> text; // stdout may be a pipe, which cannot seek
    llvm::raw_svector_ostream buffer(text);
    if (failed(write(buffer)))
      return failure();
    llvm::outs() << text;
    llvm::outs().flush();
    return success();
  }
  if (fs::is_directory(file))
    return cannotWrite(file, "it is a directory", diags);
  llvm::SmallString<128> temporary;
  int fd;
  if (auto ec = fs::createUniqueFile(llvm::Twine(file) + ".%%%%%%.tmp", fd, temporary, fs::OF_None, modeFor(file)))
    return cannotWrite(file, ec.message(), diags);

  bool written;
  std::error_code ec;
  {
    llvm::raw_fd_ostream os(fd, /*shouldClose=*/true);
    os.SetBufferSize(1 << 18);
    written = succeeded(write(os));
    os.flush();
    ec = os.error();
    os.clear_error();
  }
  if (written && !ec)
    ec = fs::rename(temporary, file);
  if (!written || ec)
    fs::remove(temporary);
  if (ec)
    return cannotWrite(file, ec.message(), diags);
  return written ? success() : failure();
}

Result<std::string> dpuopt::readFile(llvm::StringRef file, DiagEngine &diags) {
  if (fs::is_directory(file))
    return diags.error("cannot read '" + file.str() + "': it is a directory").file(file.str());
  auto buffer = llvm::MemoryBuffer::getFile(file);
  if (!buffer)
    return diags.error("cannot read '" + file.str() + "': " + buffer.getError().message()).file(file.str());
  return (*buffer)->getBuffer().str();
}
