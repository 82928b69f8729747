//===- VartSession.cpp - VART on this machine, in a child process -------------------------===//
#include "VartSession.h"
#include "llvm/ADT/StringExtras.h"
#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

/// The runner's exit status for what it has found out itself.
constexpr int CannotBeDone = 3;

//===----------------------------------------------------------------------===//
// SharedBytes

SharedBytes::SharedBytes() : fd(memfd_create("dpuopt", MFD_CLOEXEC)) {}
SharedBytes::~SharedBytes() {
  if (fd >= 0)
    close(fd);
}

std::string SharedBytes::path() const { return fmt::format("/proc/{}/fd/{}", getpid(), fd); }

Status SharedBytes::write(llvm::StringRef bytes, DiagEngine &diags) {
  clear();
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n <= 0)
      return diags.error(fmt::format("cannot hand over {} bytes to VART: {}", bytes.size(), std::strerror(errno)))
          .rule("run.vart");
    done += static_cast<size_t>(n);
  }
  return success();
}

void SharedBytes::clear() { [[maybe_unused]] const int done = ftruncate(fd, 0); }

uint64_t SharedBytes::size() const {
  struct stat status = {};
  return fstat(fd, &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

std::string SharedBytes::read(size_t bytes) const {
  std::string text(bytes, '\0');
  size_t done = 0;
  for (ssize_t n = 1; n > 0 && done < bytes; done += static_cast<size_t>(std::max<ssize_t>(n, 0)))
    n = pread(fd, text.data() + done, bytes - done, static_cast<off_t>(done));
  text.resize(done);
  return text;
}

//===----------------------------------------------------------------------===//
// What the runner's end means

/// A line without what glog or UniLog write in front; `fatal`: it was VART's reason to abort.
static llvm::StringRef withoutPrefix(llvm::StringRef line, bool &fatal) {
  line = line.trim();
  if ((fatal = line.consume_front("[UNILOG][FATAL]")))
    return line;
  const bool logged =
      line.size() > 2 && llvm::StringRef("IWEF").contains(line[0]) && isdigit(static_cast<unsigned char>(line[1]));
  fatal = logged && line[0] == 'F';
  const size_t end = line.find("] ");
  return logged && end != llvm::StringRef::npos ? line.drop_front(end + 2) : line;
}

/// "0x101000016010407" behind `word`, or nothing.
static std::string numberAfter(llvm::StringRef text, llvm::StringRef word) {
  const size_t at = text.find(word);
  llvm::StringRef rest = at == llvm::StringRef::npos ? "" : text.drop_front(at + word.size());
  return rest.startswith("0x") ? rest.take_while([](char c) { return isalnum(static_cast<unsigned char>(c)); }).str()
                               : "";
}

/// What VART gave as the reason, else the last line that says something; no stack frame.
static std::string lastWords(const ProcessResult &result) {
  llvm::SmallVector<llvm::StringRef, 16> lines;
  llvm::StringRef(result.err).split(lines, '\n', -1, false);
  std::string words;
  for (llvm::StringRef line : lines) {
    bool fatal = false;
    llvm::StringRef text = withoutPrefix(line, fatal);
    if (!line.startswith("***") && !line.startswith("    @") && !line.startswith("WARNING: Logging before"))
      words = text.str();
    if (fatal)
      break;
  }
  return words.empty() ? result.failure : llvm::StringRef(words).take_front(500).str();
}

/// The two fingerprints, which VART says before it says that this is the end; empty if it has not.
static std::string fingerprintsOf(llvm::StringRef text) {
  const std::string file = numberAfter(text, "model_fingerprint "), dpu = numberAfter(text, "dpu_fingerprint ");
  if (file.empty() || dpu.empty())
    return "";
  return fmt::format("the file is for a DPU with fingerprint {}, this one has {}", file, dpu);
}

/// One sentence on why the runner has ended.
static std::string reasonOf(const ProcessResult &result, unsigned waited) {
  const std::string words = lastWords(result);
  if (result.timedOut)
    return fmt::format("VART did not come back within {} s; it was ended", waited);
  if (result.exitCode == CannotBeDone)
    return words;
  if (result.exitCode == -1)
    return fmt::format("dpuopt-vart-runner could not be started: {}", words);
  if (llvm::StringRef(words).contains("the_factory_methods.empty()"))
    return "no DPU device: VART found none that it can drive";
  if (std::string differ = fingerprintsOf(result.err); !differ.empty())
    return differ;
  if (result.exitCode == 0)
    return "VART ended without an answer";
  return fmt::format("VART gave up: {}", words);
}

Status VartSession::refused(const ProcessResult &result) {
  const std::string reason = reasonOf(result, waited);
  const llvm::StringRef text = reason;
  DiagBuilder error = diags.error(reason);
  error.file(path).rule("run.vart");
  if (text.contains_insensitive("fingerprint"))
    error.note("compiled for another DPU: dpuc doctor says which, and what to do");
  if (text.contains("VART cannot be loaded"))
    error.note("images of Vitis AI 2.5, 3.0 and 3.5 have it; if it is elsewhere, name its folder in LD_LIBRARY_PATH");
  return failure();
}

//===----------------------------------------------------------------------===//
// VartSession

VartSession::VartSession(std::string model, unsigned timeoutSeconds, DiagEngine &diags)
    : path(std::move(model)), timeoutSeconds(timeoutSeconds), diags(diags) {}

Status VartSession::start() {
  const std::string program = findHelper("dpuopt-vart-runner");
  if (program.empty())
    return diags.error("this program was built without VART: dpuopt-vart-runner is not installed beside it")
        .rule("run.backend")
        .note("install libvart-dev and build again; --backend sim runs on this machine");
  waited = LoadSeconds;
  ProcessResult found = runProcess(program, {"--devices"}, {LoadSeconds});
  if (found.exitCode != 0)
    return refused(found);
  return runner.start(program, {path}) ? success() : refused(runner.end());
}

Result<Json> VartSession::understood(const std::optional<std::string> &line) {
  if (!line)
    return refused(runner.end());
  Json answer = Json::parse(*line, nullptr, false);
  if (answer.is_object())
    return answer;
  runner.end(/*atOnce=*/true);
  std::string shown = llvm::StringRef(*line).take_front(60).str();
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return !llvm::isPrint(c); }, '?');
  return diags.error(fmt::format("dpuopt-vart-runner said something that is no answer: '{}'", shown))
      .file(path)
      .rule("run.vart");
}

Result<Json> VartSession::ask(const Json &request, unsigned seconds) {
  const std::string line = request.dump(-1, ' ', false, Json::error_handler_t::replace);
  waited = timeoutSeconds + seconds;
  return understood(runner.ask(line, waited));
}

Result<Json> VartSession::hear(unsigned seconds) {
  waited = timeoutSeconds + seconds;
  return understood(runner.hear(waited));
}

Result<Tensor> VartSession::output(const Value &v, const SharedBytes &bytes) {
  const auto wanted = static_cast<size_t>(v.type().numBytes());
  const std::string found = bytes.read(wanted);
  if (bytes.size() != wanted || found.size() != wanted)
    return diags
        .error(
            fmt::format("VART ended with {} bytes for the output '{}', which has {}", bytes.size(), v.name(), wanted))
        .file(path)
        .rule("run.vart");
  return Tensor(v.type(), Blob::copy(found));
}

//===----------------------------------------------------------------------===//

static Result<Json> borderJson(llvm::ArrayRef<const Value *> tensors, llvm::StringRef verb, DiagEngine &diags) {
  Json list = Json::array();
  for (const Value *v : tensors) {
    if (!v->type().isFix())
      return diags
          .error(fmt::format("the DPU {} '{}', which is {}: it {} stored integers", verb.str(), v->name(),
                             v->type().str(), verb == "reads" ? "takes" : "gives"))
          .rule("run.vart");
    list.push_back(
        {{"name", v->name()}, {"bytes", v->type().numBytes()}, {"fix_point", v->type().elemType().fixPoint}});
  }
  return list;
}

Result<Json> dpuopt::subgraphRequest(const FileSubgraphs &all, const FileSubgraph &s, DiagEngine &diags) {
  auto inputs = borderJson(all.inputs(s), "reads", diags);
  auto outputs = inputs ? borderJson(all.outputs(s), "writes", diags) : failure();
  if (!outputs)
    return failure();
  return Json{{"name", s.name}, {"inputs", *inputs}, {"outputs", *outputs}};
}
