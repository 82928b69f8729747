//===- BoardPackage.cpp - a package of dpuc compile, and our own programs, on a board --------===//
#include "BoardPackage.h"
#include "BoardFolder.h"
#include "ContractOf.h"
#include "dpuopt/Deploy/Package.h"
#include "dpuopt/Support/CommandWords.h"
#include "dpuopt/Support/File.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;
namespace path = llvm::sys::path;

//===----------------------------------------------------------------------===//
// Here

static std::string textAt(const Json &j, const char *object, const char *key) {
  const auto in = j.find(object);
  if (in == j.end() || !in->is_object() || !in->contains(key) || !(*in)[key].is_string())
    return "";
  return (*in)[key].get<std::string>();
}

/// Is it the name of a file, and not a path or an option?
static bool isFileName(llvm::StringRef name) {
  return !name.empty() && name[0] != '.' && name[0] != '-' && path::filename(name) == name &&
         llvm::all_of(name, [](unsigned char c) { return c >= ' '; });
}

static Status addFile(BoardPackage &package, const std::string &name, DiagEngine &diags) {
  llvm::SmallString<128> file(package.folder);
  path::append(file, name);
  auto found = contractFile(file, diags);
  if (!found)
    return failure();
  package.files.push_back({name, found->md5, static_cast<uint64_t>(found->bytes)});
  return success();
}

/// Those of the package's other files that are there.
static Status addOthers(BoardPackage &package, const std::string &model, DiagEngine &diags) {
  const std::string code = codeName(model);
  for (const std::string &name :
       {std::string("contract.json"), std::string("meta.json"), std::string("md5sum.txt"), std::string("labels.txt"),
        model + ".prototxt", model + ".head.json", code + ".h", code + ".py", std::string("INSTALL.txt")}) {
    llvm::SmallString<128> file(package.folder);
    path::append(file, name);
    if (isFileName(name) && llvm::sys::fs::exists(file) && failed(addFile(package, name, diags)))
      return failure();
  }
  return success();
}

Result<BoardPackage> dpuopt::readPackage(llvm::StringRef folder, DiagEngine &diags) {
  BoardPackage package;
  package.folder = folder.str();
  llvm::SmallString<128> file(folder);
  path::append(file, "contract.json");
  auto error = [&](std::string text) {
    DiagBuilder e = diags.error(std::move(text));
    e.file(std::string(file)).rule("remote.package");
    return e;
  };
  if (!llvm::sys::fs::exists(file))
    return error("deploy takes a package of dpuc compile, which has a contract.json")
        .note("dpuc contract M.xmodel -o DIR makes one of any compiled xmodel");
  auto text = readFile(file, diags);
  if (!text)
    return failure();
  const Json j = Json::parse(*text, nullptr, false);
  if (!j.is_object() || j.value("format", Json()) != "dpuopt-contract")
    return error("this is no contract of ours");
  package.model = textAt(j, "xmodel", "file");
  const Json &xmodel = j["xmodel"];
  if (!xmodel.is_object() || xmodel.value("compiled", Json()) != true)
    return error("the package's model is not compiled: there is nothing for a board in it")
        .note("dpuc compile with vai_c_xir, or see INSTALL.txt in the package");
  if (!isFileName(package.model))
    return error(fmt::format("the model's file '{}' is no plain file name", package.model));
  llvm::StringRef(textAt(j, "target", "fingerprint")).getAsInteger(0, package.fingerprint);
  if (failed(addFile(package, package.model, diags)))
    return failure();
  if (const std::string md5 = textAt(j, "xmodel", "md5"); md5 != package.files[0].md5)
    return error(fmt::format("{} is not the file of this contract: md5 {}, expected {}", package.model,
                             package.files[0].md5, md5))
        .note("dpuc contract M.xmodel -o DIR writes a contract for it");
  const Json name = j.value("model", Json());
  const std::string model = name.is_string() ? name.get<std::string>() : "model";
  const bool plain = isFileName(model) && llvm::all_of(model, [](char c) {
                       return llvm::isAlnum(c) || c == '.' || c == '_' || c == '-' || c == '+';
                     });
  package.place = "/usr/share/vitis_ai_library/models/" + (plain ? model : codeName(model));
  return succeeded(addOthers(package, model, diags)) ? Result<BoardPackage>(std::move(package)) : failure();
}

//===----------------------------------------------------------------------===//
// There

/// May `to` be replaced? It is ours if it has `sign` in it. Makes its parent.
static Status checkPlace(llvm::StringRef to, llvm::StringRef sign, Ssh &ssh, unsigned seconds, DiagEngine &diags) {
  auto found = ssh.run(fmt::format(R"sh(to={} sign={}
mkdir -p -- "$(dirname "$to")" || exit
[ ! -e "$to" ] || [ -e "$to/$sign" ] || rmdir -- "$to" 2>/dev/null || echo other)sh",
                                   shellWord(to), shellWord(sign)),
                       {"looking at " + to.str(), seconds}, diags);
  if (!found)
    return failure();
  if (found->status != 0)
    return diags.error(fmt::format("cannot make {} on '{}': {}", to.str(), ssh.board(), found->lastWords()))
        .rule("remote.place")
        .note("--to names another place");
  if (llvm::StringRef(found->out).contains("other"))
    return diags
        .error(fmt::format("{} on '{}' is something else than a folder that this command has made: it is not replaced",
                           to.str(), ssh.board()))
        .rule("remote.place")
        .note("--to names another place; or remove it first");
  return success();
}

/// `from` takes the place of `to`, which is put back if that fails.
static Status exchange(const std::string &from, llvm::StringRef to, Ssh &ssh, unsigned seconds, DiagEngine &diags) {
  auto done = ssh.run(fmt::format(R"sh(from={} to={}
chmod -R a+rX -- "$from" || exit
if [ -e "$to" ]; then mv -- "$to" "$from.old" || exit; fi
if mv -- "$from" "$to"; then rm -rf -- "$from.old"
else s=$?; [ ! -e "$from.old" ] || mv -- "$from.old" "$to"; exit $s; fi
sync)sh",
                                  shellWord(from), shellWord(to)),
                      {"renaming", seconds}, diags);
  if (!done)
    return failure();
  if (done->status == 0)
    return success();
  return diags.error(fmt::format("cannot make {} on '{}': {}", to.str(), ssh.board(), done->lastWords()))
      .rule("remote.place");
}

static llvm::StringRef parentOf(llvm::StringRef to) {
  const llvm::StringRef parent = path::parent_path(to);
  return parent.empty() ? "." : parent;
}

/// What is there must be what is here.
static Status checkSums(const BoardPackage &package, const BoardFolder &folder, Ssh &ssh, unsigned seconds,
                        DiagEngine &diags) {
  std::string script = "cd " + shellWord(folder.path()) + " || exit\n";
  for (const PackageFile &f : package.files)
    script += fmt::format("md5sum <{} || exit\n", shellWord(f.name));
  auto sums = ssh.run(script, {"'md5sum'", seconds}, diags);
  if (!sums)
    return failure();
  llvm::SmallVector<llvm::StringRef, 16> lines;
  llvm::StringRef(sums->out).split(lines, '\n', -1, false);
  for (size_t i = 0; i < package.files.size(); ++i)
    if (sums->status != 0 || i >= lines.size() || !lines[i].startswith(package.files[i].md5))
      return diags
          .error(fmt::format("{} is damaged on '{}': md5 {}, expected {}", package.files[i].name, ssh.board(),
                             sums->status       ? sums->lastWords()
                             : i < lines.size() ? lines[i].split(' ').first.str()
                                                : "?",
                             package.files[i].md5))
          .rule("remote.copy");
  return success();
}

Status dpuopt::deployPackage(const BoardPackage &package, llvm::StringRef to, Ssh &ssh, unsigned seconds,
                             DiagEngine &diags) {
  if (failed(checkPlace(to, "contract.json", ssh, seconds, diags)))
    return failure();
  auto folder = BoardFolder::create(ssh, parentOf(to), seconds, diags);
  if (!folder)
    return failure();
  for (const PackageFile &f : package.files) {
    llvm::SmallString<128> file(package.folder);
    path::append(file, f.name);
    if (failed((*folder)->send(file, f.name, diags)))
      return failure();
  }
  if (failed(checkSums(package, **folder, ssh, seconds, diags)))
    return failure();
  return exchange((*folder)->path(), to, ssh, seconds, diags);
}

std::string dpuopt::packageJson(const BoardPackage &package, llvm::StringRef to, const Board &board) {
  Json files = Json::array();
  for (const PackageFile &f : package.files)
    files.push_back({{"file", f.name}, {"bytes", f.bytes}, {"md5", f.md5}});
  const Json j = {{"board", board.address}, {"to", to.str()}, {"model", package.model}, {"files", files}};
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status dpuopt::installArchive(llvm::StringRef archive, llvm::StringRef to, Ssh &ssh, unsigned seconds,
                              DiagEngine &diags) {
  if (failed(checkPlace(to, "bin/dpuc", ssh, seconds, diags)))
    return failure();
  auto folder = BoardFolder::create(ssh, parentOf(to), seconds, diags);
  if (!folder || failed((*folder)->send(archive, "archive.tar.gz", diags)))
    return failure();
  // gzip and tar as two programs: not every tar of a board unpacks by itself.
  auto unpacked = ssh.run(fmt::format(R"sh(cd {} && mkdir new || exit
gzip -dc archive.tar.gz | (cd new && tar xf -) && rm archive.tar.gz || exit
set -- new/*
[ $# = 1 ] && [ -x "$1/bin/dpuc" ] || {{ echo "there is no bin/dpuc in the archive" >&2; exit 1; }}
mv -- "$1" tree && tree/bin/dpuc --version >/dev/null)sh",
                                      shellWord((*folder)->path())),
                          {"unpacking", seconds + 120}, diags);
  if (!unpacked)
    return failure();
  if (unpacked->status != 0)
    return diags.error(fmt::format("the archive cannot be used on '{}': {}", ssh.board(), unpacked->lastWords()))
        .file(archive.str())
        .rule("remote.install")
        .note("scripts/cross.sh makes build-aarch64/dpuopt-VERSION-aarch64.tar.gz, for 64-bit Arm");
  return exchange((*folder)->file("tree"), to, ssh, seconds, diags);
}
