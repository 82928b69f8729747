//===- VartExecutor.cpp - a compiled model on the board's DPU ----------------------------===//
#include "VartExecutor.h"
#include "DpuExecutor.h"
#include "VartSession.h"
#include "llvm/ADT/StringMap.h"

using namespace dpuopt;
using Json = nlohmann::ordered_json;

namespace {

/// The DPU of this machine: every DPU subgraph of the model is loaded once.
class VartDevice : public DpuDevice {
public:
  VartDevice(const RunModel &model, unsigned timeout, DiagEngine &diags)
      : all(*model.graph), session(model.path, timeout, diags), diags(diags) {}
  Status prepare();
  Result<std::vector<Tensor>> run(const FileSubgraph &s, llvm::ArrayRef<const Value *> inputs,
                                  llvm::ArrayRef<Tensor> integers, llvm::ArrayRef<const Value *> outputs) override;

private:
  FileSubgraphs all;
  VartSession session;
  DiagEngine &diags;
  llvm::StringMap<size_t> numberOf; ///< of DPU subgraphs, as the runner counts them
  std::vector<SharedBytes> from, to;
};

Status VartDevice::prepare() {
  Json subgraphs = Json::array();
  for (const FileSubgraph *s : all.sorted()) {
    if (s->device != "DPU")
      continue;
    auto request = subgraphRequest(all, *s, diags);
    if (!request)
      return failure();
    numberOf[s->name] = subgraphs.size();
    from.resize(std::max(from.size(), (*request)["inputs"].size()));
    to.resize(std::max(to.size(), (*request)["outputs"].size()));
    subgraphs.push_back(std::move(*request));
  }
  if (failed(session.start()))
    return failure();
  return session.ask({{"do", "load"}, {"subgraphs", subgraphs}}, VartSession::LoadSeconds) ? success() : failure();
}

Result<std::vector<Tensor>> VartDevice::run(const FileSubgraph &s, llvm::ArrayRef<const Value *> inputs,
                                            llvm::ArrayRef<Tensor> integers, llvm::ArrayRef<const Value *> outputs) {
  Json given = Json::array(), wanted = Json::array();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (failed(from[i].write(integers[i].expanded().storage().str(), diags)))
      return failure();
    given.push_back(from[i].path());
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    to[i].clear();
    wanted.push_back(to[i].path());
  }
  if (!session.ask({{"do", "run"},
                    {"subgraph", numberOf.lookup(s.name)},
                    {"timeout", session.timeout()},
                    {"inputs", given},
                    {"outputs", wanted}}))
    return failure();
  std::vector<Tensor> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    auto t = session.output(*outputs[i], to[i]);
    if (!t)
      return failure();
    results.push_back(std::move(*t));
  }
  return results;
}

} // namespace

Result<std::unique_ptr<Executor>> dpuopt::createVartExecutor(const RunModel &model, unsigned timeoutSeconds,
                                                             const ExecOptions &options, DiagEngine &diags) {
  auto device = std::make_unique<VartDevice>(model, timeoutSeconds, diags);
  if (failed(checkHasDpuSubgraph(model, diags)) || failed(device->prepare()))
    return failure();
  return createDpuExecutor(model, std::move(device), options, diags);
}
