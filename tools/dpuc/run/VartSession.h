//===- VartSession.h - VART on this machine, in a child process ---------------------------===//
//
// Talks with dpuopt-vart-runner (tools/vart), which loads the model once and then answers.
// What it cannot do, and how it ends, becomes one sentence [run.vart]. Tensors go through
// memory that nobody has to clean up.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_VARTSESSION_H
#define DPUOPT_TOOLS_DPUC_VARTSESSION_H

#include "dpuopt/IR/Tensor.h"
#include "dpuopt/Support/Conversation.h"
#include "dpuopt/Target/FileSubgraphs.h"
#include <nlohmann/json.hpp>

namespace dpuopt {

/// Bytes that a child can open as a file, for as long as this is there.
class SharedBytes {
public:
  SharedBytes();
  ~SharedBytes();
  SharedBytes(SharedBytes &&other) noexcept : fd(other.fd) { other.fd = -1; }
  std::string path() const;
  /// Errors: no memory.
  Status write(llvm::StringRef bytes, DiagEngine &diags);
  /// Nothing is in it any more.
  void clear();
  uint64_t size() const;
  /// The first bytes of it; fewer than wanted if there are no more.
  std::string read(size_t bytes) const;

private:
  int fd;
};

class VartSession {
public:
  using Json = nlohmann::ordered_json;
  /// To load libraries and a model, beside the time a job may take.
  static constexpr unsigned LoadSeconds = 60;

  VartSession(std::string model, unsigned timeoutSeconds, DiagEngine &diags);
  /// Errors [run.backend]: built without VART; [run.vart]: no DPU here.
  Status start();
  /// What follows a request, or the next answer to the last one, waiting for `seconds` beside what VART may take.
  Result<Json> ask(const Json &request, unsigned seconds = 0);
  Result<Json> hear(unsigned seconds);
  unsigned timeout() const { return timeoutSeconds; }

  /// Stored integers of `v`, or what is wrong with what VART has written.
  Result<Tensor> output(const Value &v, const SharedBytes &bytes);

private:
  Result<Json> understood(const std::optional<std::string> &line);
  Status refused(const ProcessResult &result);

  std::string path;
  unsigned timeoutSeconds, waited = 0; ///< waited: for the last answer, at most
  DiagEngine &diags;
  Conversation runner;
};

/// A DPU subgraph as requests name it: {"name", "inputs": [{"name", "bytes", "fix_point"}], "outputs"}. Error: it has
/// other tensors than stored integers at its border.
Result<nlohmann::ordered_json> subgraphRequest(const FileSubgraphs &all, const FileSubgraph &s, DiagEngine &diags);

} // namespace dpuopt
#endif
