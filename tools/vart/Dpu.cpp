//===- Dpu.cpp - one runner of VART, with its buffers ----------------------------------===//
#include "Dpu.h"
#include "Refusal.h"
#include <vart/runner_ext.hpp>
#include <xir/tensor/tensor.hpp>

namespace {

/// Memory of the application: VART copies it to and from the DPU.
class HostBuffer : public vart::TensorBuffer {
public:
  HostBuffer(const xir::Tensor *tensor) : TensorBuffer(tensor), bytes(tensor->get_data_size()) {}
  std::pair<std::uint64_t, std::size_t> data(const std::vector<std::int32_t> index = {}) override {
    size_t at = 0;
    const std::vector<std::int32_t> shape = get_tensor()->get_shape();
    for (size_t i = 0; i < shape.size(); ++i)
      at = at * static_cast<size_t>(shape[i]) + (i < index.size() ? static_cast<size_t>(index[i]) : 0);
    at *= static_cast<size_t>(get_tensor()->get_data_type().bit_width) / 8;
    return {reinterpret_cast<std::uint64_t>(bytes.data() + at), bytes.size() - at};
  }

private:
  std::vector<char> bytes;
};

/// Runners name a tensor after either side of its upload or download.
std::string plainName(std::string name) {
  for (const char *end : {"_upload_0", "_download_0"})
    if (name.ends_with(end))
      name.resize(name.size() - std::string(end).size());
  return name;
}

std::optional<int> fixPointOf(const xir::Tensor &tensor) {
  try {
    return tensor.has_attr("fix_point") ? std::optional(tensor.get_attr<int>("fix_point")) : std::nullopt;
  } catch (const std::bad_any_cast &) {
    return std::nullopt;
  }
}

std::string quoted(const std::string &name) { return "'" + name + "'"; }

} // namespace

Dpu::Dpu(const Border &border, Memory memory) : runner(vart::Runner::create_runner(border.subgraph, "run")) {
  if (!runner)
    refuse("VART has made no runner");
  auto *ext = memory == Memory::Runners ? dynamic_cast<vart::RunnerExt *>(runner.get()) : nullptr;
  runnersInputs = ext ? ext->get_inputs() : ownBuffers(runner->get_input_tensors());
  runnersOutputs = ext ? ext->get_outputs() : ownBuffers(runner->get_output_tensors());
  inputs = ordered(runnersInputs, border.inputs);
  outputs = ordered(runnersOutputs, border.outputs);
}

Dpu::~Dpu() = default;

Dpu::Buffers Dpu::ownBuffers(const std::vector<const xir::Tensor *> &tensors) {
  Buffers list;
  for (const xir::Tensor *t : tensors) {
    owned.push_back(std::make_unique<HostBuffer>(t));
    list.push_back(owned.back().get());
  }
  return list;
}

void Dpu::checkTensor(const xir::Tensor &runners, const BorderTensor &files) {
  const size_t size = static_cast<size_t>(runners.get_data_size());
  const std::vector<std::int32_t> shape = runners.get_shape();
  const size_t count = files.bytes ? size / files.bytes : 0;
  if (count == 0 || size % files.bytes != 0 || shape.empty() || static_cast<size_t>(shape[0]) % count != 0)
    refuse("VART's tensor " + quoted(runners.get_name()) + " has " + std::to_string(size) + " bytes, the model's " +
           std::to_string(files.bytes));
  if (slotCount && count != slotCount)
    refuse("VART's tensor " + quoted(runners.get_name()) + " is for " + std::to_string(count) +
           " samples, another one for " + std::to_string(slotCount));
  slotCount = count;
  const std::optional<int> fixPoint = fixPointOf(runners);
  if (fixPoint && files.fixPoint && *fixPoint != *files.fixPoint)
    refuse("VART's tensor " + quoted(runners.get_name()) + " has fix point " + std::to_string(*fixPoint) +
           ", the model's " + std::to_string(*files.fixPoint));
}

/// By name; a single one needs no name.
Dpu::Buffers Dpu::ordered(const Buffers &runners, const std::vector<BorderTensor> &files) {
  if (runners.size() != files.size())
    refuse("VART's runner has " + std::to_string(runners.size()) + " tensors where the model has " +
           std::to_string(files.size()));
  Buffers list;
  for (const BorderTensor &f : files) {
    vart::TensorBuffer *found = files.size() == 1 ? runners[0] : nullptr;
    for (vart::TensorBuffer *b : runners)
      if (plainName(b->get_tensor()->get_name()) == plainName(f.name))
        found = b;
    if (!found)
      refuse("VART's runner has no tensor " + quoted(f.name) + ", but " +
             quoted(runners.empty() ? "" : runners[0]->get_tensor()->get_name()));
    checkTensor(*found->get_tensor(), f);
    list.push_back(found);
  }
  return list;
}

char *Dpu::at(vart::TensorBuffer &buffer, size_t slot) const {
  const std::vector<std::int32_t> shape = buffer.get_tensor()->get_shape();
  std::vector<std::int32_t> index(shape.size(), 0);
  index[0] = shape[0] / static_cast<std::int32_t>(slotCount) * static_cast<std::int32_t>(slot);
  return reinterpret_cast<char *>(buffer.data(index).first);
}

/// Bytes of each sample, which is what caches are told to write back or forget.
static size_t sampleBytes(const vart::TensorBuffer &buffer) {
  return static_cast<size_t>(buffer.get_tensor()->get_data_size()) /
         static_cast<size_t>(buffer.get_tensor()->get_shape()[0]);
}

void Dpu::run(int timeoutMilliseconds) {
  for (vart::TensorBuffer *b : runnersInputs)
    b->sync_for_write(0, sampleBytes(*b));
  const auto [job, status] = runner->execute_async(runnersInputs, runnersOutputs);
  if (status != 0)
    refuse("VART did not take the job: status " + std::to_string(status));
  const int ended = runner->wait(static_cast<int>(job), timeoutMilliseconds);
  if (ended != 0)
    refuse("the DPU did not finish: status " + std::to_string(ended));
  for (vart::TensorBuffer *b : runnersOutputs)
    b->sync_for_read(0, sampleBytes(*b));
}
