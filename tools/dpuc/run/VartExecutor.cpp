//===- VartExecutor.cpp - a compiled model on the board's DPU ----------------------------===//
#include "VartExecutor.h"
#include "dpuopt/Compare/Meaning.h"
#include "dpuopt/Data/TensorFiles.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Process.h"
#include "dpuopt/Target/FileSubgraphs.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

namespace {

/// The runner's exit status for what it has found out itself.
constexpr int CannotBeDone = 3;
/// To load libraries and model, beside the time the DPU takes.
constexpr unsigned StartSeconds = 60;

/// A folder of files for the runner, gone with this.
struct TemporaryFolder {
  TemporaryFolder() { failed = bool(llvm::sys::fs::createUniqueDirectory("dpuopt-vart", path)); }
  ~TemporaryFolder() {
    if (!failed)
      llvm::sys::fs::remove_directories(path);
  }
  std::string file(llvm::StringRef name) const {
    llvm::SmallString<128> full(path);
    llvm::sys::path::append(full, name);
    return std::string(full);
  }
  llvm::SmallString<128> path;
  bool failed;
};

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

/// Results by name, each stage computing what the next one needs.
class VartExecutor : public Executor {
public:
  VartExecutor(const RunModel &model, unsigned timeout, ExecOptions options, DiagEngine &diags)
      : g(*model.graph), path(model.path), all(g), timeout(timeout), options(std::move(options)), diags(diags) {}
  Status prepare();
  Result<std::vector<Tensor>> run(llvm::ArrayRef<Tensor> inputs) override;

private:
  Status compute(llvm::ArrayRef<const Value *> wanted);
  Status runOnDpu(const FileSubgraph &s);
  Result<Json> writeInputs(const FileSubgraph &s, const TemporaryFolder &folder);
  Status readOutputs(const FileSubgraph &s, const TemporaryFolder &folder);
  ExecOptions optionsOfPart() const;

  const Graph &g;
  std::string path;
  FileSubgraphs all;
  std::vector<const FileSubgraph *> onDpu;
  std::string runner;
  unsigned timeout;
  ExecOptions options;
  DiagEngine &diags;
  std::map<std::string, Tensor> known;
};

Status VartExecutor::prepare() {
  for (const FileSubgraph *s : all.sorted())
    if (s->device == "DPU")
      onDpu.push_back(s);
  if (onDpu.empty() || !llvm::StringRef(path).endswith(".xmodel"))
    return diags.error("VART runs compiled xmodels; this file has no DPU subgraph").file(path).rule("run.backend");
  runner = findHelper("dpuopt-vart-runner");
  if (runner.empty())
    return diags.error("this program was built without VART: dpuopt-vart-runner is not installed beside it")
        .rule("run.backend")
        .note("install libvart-dev and build again; --backend sim runs on this machine");
  ProcessResult found = runProcess(runner, {"--devices"}, {StartSeconds});
  return found.exitCode == 0 ? success() : refused(found, StartSeconds, path, diags);
}

/// The watcher knows the values of the whole model only.
ExecOptions VartExecutor::optionsOfPart() const {
  ExecOptions part = options;
  if (options.watcher)
    part.watcher = [this](const Value &v, const Tensor &t) {
      if (const Value *original = g.lookup(v.name()))
        options.watcher(*original, t);
    };
  return part;
}

/// Of the part of the graph between what is known and what is wanted, on this machine.
Status VartExecutor::compute(llvm::ArrayRef<const Value *> wanted) {
  std::unique_ptr<Graph> part = g.clone();
  std::vector<Value *> missing;
  for (const Value *v : wanted)
    if (!known.count(v->name()))
      missing.push_back(part->lookup(v->name()));
  if (missing.empty())
    return success();
  part->setOutputs(missing);
  for (auto &[name, tensor] : known)
    if (Value *v = part->lookup(name); v && v->def()) {
      Value *input = part->addInput(part->uniqueName(name), v->type());
      v->replaceAllUsesWith(input);
      input->takeName(v);
    }
  for (Op &op : llvm::make_early_inc_range(llvm::reverse(part->ops())))
    if (op.unused())
      part->erase(&op);
  for (Value *input : part->inputs())
    if (input->unused())
      part->eraseInput(input);
  std::vector<Tensor> feeds;
  for (const Value *v : graphFeeds(*part))
    feeds.push_back(known.at(v->name()));
  auto executor = Executor::create(*part, optionsOfPart(), diags);
  auto results = executor ? (*executor)->run(feeds) : failure();
  if (!results)
    return failure();
  for (size_t i = 0; i < missing.size(); ++i)
    known[missing[i]->name()] = std::move((*results)[i]);
  return success();
}

Json fileOf(const Value &v, const std::string &path) {
  return {{"name", v.name()}, {"file", path}, {"bytes", v.type().numBytes()}};
}

Result<Json> VartExecutor::writeInputs(const FileSubgraph &s, const TemporaryFolder &folder) {
  Json list = Json::array();
  for (const Value *v : all.inputs(s)) {
    if (!v->type().isFix())
      return diags
          .error(fmt::format("the DPU reads '{}', which is {}: it takes stored integers", v->name(), v->type().str()))
          .file(path)
          .rule("run.vart");
    const Tensor &t = known.at(v->name());
    const std::string file = folder.file(fmt::format("in{}.i8", list.size()));
    const bool stored = t.elemType() == v->type().elemType();
    if (failed(writeTensorFile(file, stored ? t : storedIntegers(t, v->type().elemType()), TensorFormat::Raw, diags)))
      return failure();
    list.push_back(fileOf(*v, file));
  }
  return list;
}

Status VartExecutor::readOutputs(const FileSubgraph &s, const TemporaryFolder &folder) {
  size_t i = 0;
  for (const Value *v : all.outputs(s)) {
    const std::string file = folder.file(fmt::format("out{}.i8", i++));
    uint64_t size = 0;
    if (llvm::sys::fs::file_size(file, size) || size != static_cast<uint64_t>(v->type().numBytes()))
      return diags
          .error(fmt::format("VART ended with {} bytes for the output '{}', which has {}", size, v->name(),
                             v->type().numBytes()))
          .file(path)
          .rule("run.vart");
    auto t = readTensorFile({v->name(), v->type(), file}, v->name(), v->type(), diags);
    if (!t)
      return failure();
    // The file is mapped, and about to go.
    Tensor kept(t->type(), Blob::copy(t->storage().bytes()));
    if (options.watcher)
      options.watcher(*v, kept);
    known[v->name()] = std::move(kept);
  }
  return success();
}

Status VartExecutor::runOnDpu(const FileSubgraph &s) {
  TemporaryFolder folder;
  if (folder.failed)
    return diags.error("cannot make a temporary folder").rule("run.vart");
  auto inputs = writeInputs(s, folder);
  if (!inputs)
    return failure();
  Json outputs = Json::array();
  for (const Value *v : all.outputs(s))
    outputs.push_back(fileOf(*v, folder.file(fmt::format("out{}.i8", outputs.size()))));
  const Json request = {
      {"model", path}, {"subgraph", s.name}, {"timeout", timeout}, {"inputs", *inputs}, {"outputs", outputs}};
  const std::string file = folder.file("request.json");
  if (failed(writeFileAtomically(file, diags, [&](llvm::raw_ostream &os) {
        return os << request.dump(1, ' ', false, Json::error_handler_t::replace), success();
      })))
    return failure();
  ProcessResult result = runProcess(runner, {file}, {timeout});
  return result.exitCode == 0 ? readOutputs(s, folder) : refused(result, timeout, path, diags);
}

Result<std::vector<Tensor>> VartExecutor::run(llvm::ArrayRef<Tensor> inputs) {
  known.clear();
  std::vector<Value *> feeds = graphFeeds(g);
  for (size_t i = 0; i < feeds.size(); ++i)
    known[feeds[i]->name()] = inputs[i];
  for (const FileSubgraph *s : onDpu)
    if (failed(compute(all.inputs(*s))) || failed(runOnDpu(*s)))
      return failure();
  std::vector<const Value *> wanted(g.outputs().begin(), g.outputs().end());
  if (failed(compute(wanted)))
    return failure();
  std::vector<Tensor> results;
  for (const Value *v : wanted)
    results.push_back(v->type().isFix() ? known.at(v->name()).toFloat() : known.at(v->name()));
  return results;
}

} // namespace

Result<std::unique_ptr<Executor>> dpuopt::createVartExecutor(const RunModel &model, unsigned timeoutSeconds,
                                                             const ExecOptions &options, DiagEngine &diags) {
  auto executor = std::make_unique<VartExecutor>(model, timeoutSeconds, options, diags);
  if (failed(executor->prepare()))
    return failure();
  return std::unique_ptr<Executor>(std::move(executor));
}
