//===- OutputFolder.cpp - the folder that a command writes its results into ----------===//
#include "OutputFolder.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

using namespace dpuopt;
namespace fs = llvm::sys::fs;
namespace path_ = llvm::sys::path;

/// What stands in the name of a folder before its owner's process number.
static constexpr const char *Mark = ".dpuc-";

std::string dpuopt::pathIn(llvm::StringRef folder, const llvm::Twine &leaf) {
  llvm::SmallString<128> p(folder);
  path_::append(p, leaf);
  return p.str().str();
}

/// Absolute, without links: of a folder that need not exist.
static std::string realPath(llvm::StringRef folder) {
  llvm::SmallString<128> real;
  if (!fs::real_path(folder, real))
    return real.str().str();
  real = folder;
  fs::make_absolute(real);
  path_::remove_dots(real, /*remove_dot_dot=*/true);
  return real.str().str();
}

static std::string parentOf(llvm::StringRef folder) { return path_::parent_path(realPath(folder)).str(); }

static std::error_code lastError() { return std::error_code(errno, std::generic_category()); }

namespace {
/// One process at a time puts results into folders beside each other.
class ParentLock {
public:
  explicit ParentLock(llvm::StringRef parent) : fd(open(parent.str().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (fd >= 0)
      flock(fd, LOCK_EX);
  }
  ~ParentLock() {
    if (fd >= 0)
      close(fd);
  }

private:
  int fd;
};
} // namespace

/// Calls `visit` with the name of everything in `folder`.
static std::error_code forEachEntry(llvm::StringRef folder,
                                    llvm::function_ref<std::error_code(llvm::StringRef)> visit) {
  std::error_code ec;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, ec, /*follow_symlinks=*/false), end; it != end && !ec; it.increment(ec))
    names.push_back(path_::filename(it->path()).str());
  for (const std::string &name : names)
    if (!ec)
      ec = visit(name);
  return ec;
}

/// The set of files that the last such command left in `folder`.
static llvm::StringSet<> lastSet(llvm::StringRef folder, llvm::StringRef manifest) {
  llvm::StringSet<> names;
  auto text = llvm::MemoryBuffer::getFile(pathIn(folder, manifest));
  if (!text)
    return names;
  llvm::SmallVector<llvm::StringRef, 16> lines;
  (*text)->getBuffer().split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef line : lines)
    names.insert(line);
  names.insert(manifest);
  return names;
}

//===-- Before and while the files are written ----------------------------------------===//

Status OutputFolder::fail(const llvm::Twine &what, std::error_code ec, DiagEngine &diags) const {
  return diags.error(what.str() + " '" + path + "': " + ec.message()).file(path);
}

Status OutputFolder::prepare(DiagEngine &diags) {
  std::error_code ec;
  if (fs::exists(path)) {
    if (!fs::is_directory(path))
      ec = std::make_error_code(std::errc::not_a_directory);
    else
      ec = fs::access(path, fs::AccessMode::Write);
  } else {
    ec = fs::create_directories(parentOf(path));
    if (!ec)
      ec = fs::access(parentOf(path), fs::AccessMode::Write);
  }
  if (ec)
    return fail("cannot write to", ec, diags);
  removeAbandoned();
  const std::string real = realPath(path);
  std::string wanted = fmt::format("{}{}{}-XXXXXX", real, Mark, getpid());
  if (!mayExchange())
    wanted = pathIn(real, fmt::format("{}{}-XXXXXX", Mark, getpid()));
  if (!mkdtemp(wanted.data()))
    return fail("cannot write to", lastError(), diags);
  fs::setPermissions(wanted, static_cast<fs::perms>(0777 & ~fs::getUmask()));
  staging = wanted;
  return success();
}

OutputFolder::~OutputFolder() {
  if (!staging.empty())
    fs::remove_directories(staging);
}

/// Is there no such process, or only what is left of one that nobody has waited for?
static bool isGone(int pid) {
  if (kill(pid, 0) != 0 && errno == ESRCH)
    return true;
  auto stat = llvm::MemoryBuffer::getFileAsStream(fmt::format("/proc/{}/stat", pid));
  return stat && (*stat)->getBuffer().rsplit(')').second.ltrim().startswith("Z");
}

/// Of commands that were killed: the number in the name is of no process.
void OutputFolder::removeAbandoned() const {
  const std::string real = realPath(path), parent = parentOf(path);
  auto look = [](const std::string &folder, const std::string &prefix) {
    (void)forEachEntry(folder, [&](llvm::StringRef name) {
      int pid = 0;
      llvm::StringRef rest = name;
      if (rest.consume_front(prefix) && !rest.consumeInteger(10, pid) && pid > 0 && rest.startswith("-") &&
          rest.size() == 7 && isGone(pid))
        fs::remove_directories(pathIn(folder, name));
      return std::error_code();
    });
  };
  look(parent, path_::filename(real).str() + Mark);
  if (fs::is_directory(real))
    look(real, Mark);
}

std::string OutputFolder::file(const llvm::Twine &leaf) const { return pathIn(staging, leaf); }
std::string OutputFolder::shown(const llvm::Twine &leaf) const { return pathIn(path, leaf); }

std::string OutputFolder::note(const llvm::Twine &leaf) {
  if (!llvm::is_contained(leaves, leaf.str()))
    leaves.push_back(leaf.str());
  return file(leaf);
}

std::vector<std::string> OutputFolder::written() const {
  std::vector<std::string> files;
  for (const std::string &leaf : leaves)
    files.push_back(shown(leaf));
  return files;
}

static std::string replaced(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

Status OutputFolder::make(const llvm::Twine &leaf, DiagEngine &diags,
                          llvm::function_ref<Status(const std::string &, DiagEngine &)> make) {
  DiagEngine said;
  said.setFile(diags.file());
  const Status done = make(note(leaf), said);
  for (Diagnostic d : said.all()) {
    d.file = replaced(d.file, staging, path);
    d.message = replaced(d.message, staging, path);
    diags.emit(std::move(d));
  }
  return done;
}

Status OutputFolder::write(const llvm::Twine &leaf, DiagEngine &diags,
                           llvm::function_ref<void(llvm::raw_ostream &)> print) {
  return make(leaf, diags, [&](const std::string &file, DiagEngine &told) {
    return writeFileAtomically(file, told, [&](llvm::raw_pwrite_stream &os) { return print(os), success(); });
  });
}

//===-- The one step -------------------------------------------------------------------===//

/// Not a folder that somebody stands in or that is mounted: they would be left with the old one.
bool OutputFolder::mayExchange() const {
  const std::string real = realPath(path);
  llvm::SmallString<128> here;
  if (fs::current_path(here) || (here.str() + "/").str().find(real + "/") == 0 || path_::parent_path(real).empty())
    return false;
  if (fs::access(path_::parent_path(real), fs::AccessMode::Write))
    return false;
  fs::file_status own, above;
  if (!fs::exists(real))
    return true;
  return !fs::status(real, own) && !fs::status(path_::parent_path(real), above) &&
         own.getUniqueID().getDevice() == above.getUniqueID().getDevice();
}

/// The staging folder gets the other files of the old one, and changes places with it.
std::error_code OutputFolder::exchange() const {
  const std::string real = realPath(path);
  if (!fs::exists(real))
    return rename(staging.c_str(), real.c_str()) ? lastError() : std::error_code();
  const llvm::StringSet<> old = lastSet(real, manifest);
  std::error_code ec = forEachEntry(real, [&](llvm::StringRef name) -> std::error_code {
    const std::string from = pathIn(real, name), to = pathIn(staging, name);
    if (old.contains(name) || fs::exists(to))
      return {};
    if (fs::is_directory(from)) // a folder has no second name
      return std::make_error_code(std::errc::is_a_directory);
    return linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0) ? lastError() : std::error_code();
  });
  if (ec)
    return ec;
  return renameat2(AT_FDCWD, staging.c_str(), AT_FDCWD, real.c_str(), RENAME_EXCHANGE) ? lastError()
                                                                                       : std::error_code();
}

std::error_code OutputFolder::moveOneByOne() const {
  const std::string real = realPath(path);
  if (std::error_code ec = fs::create_directories(real))
    return ec;
  const llvm::StringSet<> old = lastSet(real, manifest);
  // What a killed command leaves is then found by the next one.
  std::vector<std::string> all = {manifest};
  all.insert(all.end(), leaves.begin(), leaves.end());
  for (const std::string &leaf : all)
    if (fs::exists(file(leaf)))
      if (std::error_code ec = fs::rename(file(leaf), pathIn(real, leaf)))
        return ec;
  for (const auto &name : old)
    if (!llvm::is_contained(all, name.first().str()))
      fs::remove(pathIn(real, name.first()));
  return {};
}

/// What nobody noted is somebody else's: a compiler's that wrote where it should not.
void OutputFolder::removeForeign() const {
  (void)forEachEntry(staging, [&](llvm::StringRef name) {
    const std::string path = pathIn(staging, name);
    if (!llvm::is_contained(leaves, name))
      fs::is_directory(path) ? fs::remove_directories(path) : fs::remove(path);
    return std::error_code();
  });
}

Status OutputFolder::commit(DiagEngine &diags) {
  removeForeign();
  const std::vector<std::string> all = leaves;
  const Status listed = write(manifest, diags, [&](llvm::raw_ostream &os) {
    for (const std::string &leaf : all)
      os << leaf << "\n";
  });
  leaves = all;
  if (failed(listed))
    return failure();
  ParentLock lock(parentOf(path));
  if (mayExchange() && !exchange())
    return success();
  if (std::error_code ec = moveOneByOne())
    return fail("cannot write to", ec, diags);
  return success();
}

std::string dpuopt::resultName(llvm::StringRef model) {
  llvm::StringRef stem = path_::stem(model), shorter = stem;
  return (shorter.consume_back("_int") && !shorter.empty() ? shorter : stem).str();
}
