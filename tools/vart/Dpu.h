//===- Dpu.h - one runner of VART, with its buffers ------------------------------------===//
//
// Tensors are named and counted as in the model's file; VART has them in an order of its
// own, with names of its own, and one slot per core of the DPU in each. Knows no request.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_VART_DPU_H
#define DPUOPT_TOOLS_VART_DPU_H

#include <memory>
#include <optional>
#include <string>
#include <vart/runner.hpp>
#include <vector>

/// What the model's file says of a tensor at the border of a DPU subgraph.
struct BorderTensor {
  std::string name;
  size_t bytes = 0; ///< of one sample
  std::optional<int> fixPoint;
};

struct Border {
  const xir::Subgraph *subgraph = nullptr;
  std::vector<BorderTensor> inputs, outputs;
};

class Dpu {
public:
  /// Whose memory: buffers of our own, which VART copies, or those of the runner, if it has some.
  enum class Memory { Ours, Runners };
  /// Refuses tensors that are not those of the file.
  Dpu(const Border &border, Memory memory);
  ~Dpu();

  /// Samples of one job: the DPU has so many cores.
  size_t slots() const { return slotCount; }
  /// Bytes of a sample, stored integers, NHWC.
  char *input(size_t tensor, size_t slot) const { return at(*inputs[tensor], slot); }
  const char *output(size_t tensor, size_t slot) const { return at(*outputs[tensor], slot); }
  /// One job, from start to end. Refuses what VART does not take or does not finish in time.
  void run(int timeoutMilliseconds);

private:
  using Buffers = std::vector<vart::TensorBuffer *>;
  Buffers ownBuffers(const std::vector<const xir::Tensor *> &tensors);
  Buffers ordered(const Buffers &runners, const std::vector<BorderTensor> &files);
  void checkTensor(const xir::Tensor &runners, const BorderTensor &files);
  char *at(vart::TensorBuffer &buffer, size_t slot) const;

  std::unique_ptr<vart::Runner> runner;
  std::vector<std::unique_ptr<vart::TensorBuffer>> owned;
  Buffers runnersInputs, runnersOutputs; ///< as VART wants them
  Buffers inputs, outputs;               ///< as the file has them
  size_t slotCount = 0;
};

#endif
