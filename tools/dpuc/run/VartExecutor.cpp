//===- VartExecutor.cpp - a compiled model on the board's DPU ----------------------------===//
#include "VartExecutor.h"
#include "DpuExecutor.h"
#include "TemporaryFolder.h"
#include "dpuopt/Data/TensorFiles.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Process.h"
#include "llvm/Support/FileSystem.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

namespace {

/// The runner's exit status for what it has found out itself.
constexpr int CannotBeDone = 3;
/// To load libraries and model, beside the time the DPU takes.
constexpr unsigned StartSeconds = 60;

/// The last line that says something: no stack frame, and without what glog writes in front.
std::string lastWords(const ProcessResult &result) {
  llvm::SmallVector<llvm::StringRef, 16> lines;
  llvm::StringRef(result.err).split(lines, '\n', -1, false);
  llvm::StringRef words;
  for (llvm::StringRef line : lines)
    if (!line.startswith("***") && !line.startswith("    @") && !line.startswith("WARNING: Logging before"))
      words = line.trim();
  const bool fatal = words.size() > 2 && words[0] == 'F' && isdigit(static_cast<unsigned char>(words[1]));
  if (size_t end = words.find("] "); fatal && end != llvm::StringRef::npos)
    words = words.drop_front(end + 2);
  return words.empty() ? result.failure : words.take_front(500).str();
}

/// One sentence on why the runner has ended.
std::string reasonOf(const ProcessResult &result, unsigned timeout) {
  const std::string words = lastWords(result);
  if (result.timedOut)
    return fmt::format("VART did not come back within {} s; it was ended", timeout);
  if (result.exitCode == CannotBeDone)
    return words;
  if (result.exitCode == -1)
    return fmt::format("dpuopt-vart-runner could not be started: {}", words);
  if (llvm::StringRef(words).contains("the_factory_methods.empty()"))
    return "no DPU device: VART found none that it can drive";
  return fmt::format("VART gave up: {}", words);
}

Status refused(const ProcessResult &result, unsigned timeout, llvm::StringRef path, DiagEngine &diags) {
  const std::string reason = reasonOf(result, timeout);
  if (llvm::StringRef(reason).contains_insensitive("fingerprint"))
    return diags.error(reason)
        .file(path.str())
        .rule("run.vart")
        .note("compiled for another DPU: dpuc doctor says which, and what to do");
  return diags.error(reason).file(path.str()).rule("run.vart");
}

/// The DPU of this machine.
class VartDevice : public DpuDevice {
public:
  VartDevice(std::string path, unsigned timeout, DiagEngine &diags)
      : path(std::move(path)), timeout(timeout), diags(diags) {}
  Status prepare();
  Result<std::vector<Tensor>> run(const FileSubgraph &s, llvm::ArrayRef<const Value *> inputs,
                                  llvm::ArrayRef<Tensor> integers, llvm::ArrayRef<const Value *> outputs) override;

private:
  Result<Tensor> readOutput(const Value &v, const std::string &file);

  std::string path, runner;
  unsigned timeout;
  DiagEngine &diags;
};

Status VartDevice::prepare() {
  runner = findHelper("dpuopt-vart-runner");
  if (runner.empty())
    return diags.error("this program was built without VART: dpuopt-vart-runner is not installed beside it")
        .rule("run.backend")
        .note("install libvart-dev and build again; --backend sim runs on this machine");
  ProcessResult found = runProcess(runner, {"--devices"}, {StartSeconds});
  return found.exitCode == 0 ? success() : refused(found, StartSeconds, path, diags);
}

Json fileOf(const Value &v, const std::string &path) {
  return {{"name", v.name()}, {"file", path}, {"bytes", v.type().numBytes()}};
}

Result<Tensor> VartDevice::readOutput(const Value &v, const std::string &file) {
  uint64_t size = 0;
  if (llvm::sys::fs::file_size(file, size) || size != static_cast<uint64_t>(v.type().numBytes()))
    return diags
        .error(fmt::format("VART ended with {} bytes for the output '{}', which has {}", size, v.name(),
                           v.type().numBytes()))
        .file(path)
        .rule("run.vart");
  auto t = readTensorFile({v.name(), v.type(), file}, v.name(), v.type(), diags);
  // The file is mapped, and about to go.
  return t ? Result<Tensor>(Tensor(t->type(), Blob::copy(t->storage().bytes()))) : failure();
}

Result<std::vector<Tensor>> VartDevice::run(const FileSubgraph &s, llvm::ArrayRef<const Value *> inputs,
                                            llvm::ArrayRef<Tensor> integers, llvm::ArrayRef<const Value *> outputs) {
  TemporaryFolder folder("dpuopt-vart");
  if (folder.failed())
    return diags.error("cannot make a temporary folder").rule("run.vart");
  Json from = Json::array(), to = Json::array();
  for (size_t i = 0; i < inputs.size(); ++i) {
    from.push_back(fileOf(*inputs[i], folder.file(fmt::format("in{}.i8", i))));
    if (failed(writeTensorFile(from.back()["file"].get<std::string>(), integers[i], TensorFormat::Raw, diags)))
      return failure();
  }
  for (const Value *v : outputs)
    to.push_back(fileOf(*v, folder.file(fmt::format("out{}.i8", to.size()))));
  const Json request = {{"model", path}, {"subgraph", s.name}, {"timeout", timeout}, {"inputs", from}, {"outputs", to}};
  const std::string file = folder.file("request.json");
  if (failed(writeFileAtomically(file, diags, [&](llvm::raw_ostream &os) {
        return os << request.dump(1, ' ', false, Json::error_handler_t::replace), success();
      })))
    return failure();
  ProcessResult result = runProcess(runner, {file}, {timeout});
  if (result.exitCode != 0)
    return refused(result, timeout, path, diags);
  std::vector<Tensor> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    auto t = readOutput(*outputs[i], to[i]["file"].get<std::string>());
    if (!t)
      return failure();
    results.push_back(std::move(*t));
  }
  return results;
}

} // namespace

Result<std::unique_ptr<Executor>> dpuopt::createVartExecutor(const RunModel &model, unsigned timeoutSeconds,
                                                             const ExecOptions &options, DiagEngine &diags) {
  auto device = std::make_shared<VartDevice>(model.path, timeoutSeconds, diags);
  if (failed(checkHasDpuSubgraph(model, diags)) || failed(device->prepare()))
    return failure();
  return createDpuExecutor(model, std::move(device), options, diags);
}
