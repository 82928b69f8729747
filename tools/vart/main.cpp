//===- dpuopt-vart-runner - one DPU subgraph, once, through VART -----------------------===//
//
//   dpuopt-vart-runner --devices         exit status 0: there may be a DPU
//   dpuopt-vart-runner REQUEST           REQUEST is JSON: `model`, `subgraph` (names),
//                                        `timeout` (seconds), `inputs` and `outputs`: lists of
//                                        {name, file, bytes}. Files are stored integers, NHWC.
//
// Exit status 3: it cannot be done; the last line on standard error says why. Anything
// else but 0 is VART's own end: it aborts when it does not like something, which is why
// this is a program of its own.
//
//===----------------------------------------------------------------------===//
#include <fstream>
#include <glob.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vart/runner.hpp>
#include <xir/graph/graph.hpp>
#include <xir/tensor/tensor.hpp>

using Json = nlohmann::json;

namespace {

constexpr int CannotBeDone = 3;

[[noreturn]] void refuse(const std::string &why) {
  std::cerr << why << std::endl;
  std::exit(CannotBeDone);
}

/// Where Linux shows DPUs: the Vivado flow's driver, XRT on a SoC, XRT on a card.
const char *const devicePatterns[] = {"/dev/dpu*", "/dev/dri/renderD*", "/dev/xclmgmt*"};

int findDevices() {
  size_t found = 0;
  std::string patterns;
  for (const char *pattern : devicePatterns) {
    glob_t matches = {};
    if (glob(pattern, 0, nullptr, &matches) == 0)
      found += matches.gl_pathc;
    globfree(&matches);
    patterns += (patterns.empty() ? "" : ", ") + std::string(pattern);
  }
  if (!found)
    refuse("no DPU device: this machine has none of " + patterns);
  return 0;
}

/// Memory of the application: VART copies it to and from the DPU.
class HostBuffer : public vart::TensorBuffer {
public:
  HostBuffer(const xir::Tensor *tensor) : TensorBuffer(tensor), bytes(tensor->get_data_size()) {}
  std::pair<std::uint64_t, std::size_t> data(const std::vector<std::int32_t> index = {}) override {
    size_t at = 0;
    const std::vector<std::int32_t> shape = get_tensor()->get_shape();
    for (size_t i = 0; i < shape.size() && i < index.size(); ++i)
      at = at * static_cast<size_t>(shape[i]) + static_cast<size_t>(index[i]);
    at *= static_cast<size_t>(get_tensor()->get_data_type().bit_width) / 8;
    return {reinterpret_cast<std::uint64_t>(bytes.data() + at), bytes.size() - at};
  }
  std::vector<char> bytes;
};

bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Runners name a tensor after either side of its upload or download.
bool means(const std::string &runners, const std::string &ours) {
  auto plain = [](std::string name) {
    for (const char *end : {"_upload_0", "_download_0"})
      if (endsWith(name, end))
        name.resize(name.size() - std::string(end).size());
    return name;
  };
  return plain(runners) == plain(ours);
}

const Json &requested(const Json &list, const xir::Tensor &tensor) {
  for (const Json &wanted : list)
    if (means(tensor.get_name(), wanted["name"].get<std::string>()))
      return wanted;
  if (list.size() == 1)
    return list[0];
  refuse("VART's runner has a tensor '" + tensor.get_name() + "' that the model's DPU subgraph does not have");
}

using Buffers = std::vector<std::unique_ptr<HostBuffer>>;

std::vector<vart::TensorBuffer *> pointers(const Buffers &buffers) {
  std::vector<vart::TensorBuffer *> list;
  for (const auto &b : buffers)
    list.push_back(b.get());
  return list;
}

/// A DPU of several cores takes a batch: the sample is its first one.
Buffers allocate(const std::vector<const xir::Tensor *> &tensors, const Json &list) {
  if (tensors.size() != list.size())
    refuse("VART's runner has " + std::to_string(tensors.size()) + " tensors where the model has " +
           std::to_string(list.size()));
  Buffers buffers;
  for (const xir::Tensor *t : tensors) {
    buffers.push_back(std::make_unique<HostBuffer>(t));
    const size_t bytes = requested(list, *t)["bytes"].get<size_t>();
    if (bytes == 0 || buffers.back()->bytes.size() % bytes != 0)
      refuse("VART's tensor '" + t->get_name() + "' has " + std::to_string(buffers.back()->bytes.size()) +
             " bytes, the model's " + std::to_string(bytes));
  }
  return buffers;
}

void readInputs(const Buffers &buffers, const Json &list) {
  for (const auto &b : buffers) {
    const Json &wanted = requested(list, *b->get_tensor());
    std::ifstream in(wanted["file"].get<std::string>(), std::ios::binary);
    if (!in.read(b->bytes.data(), wanted["bytes"].get<std::streamsize>()))
      refuse("cannot read " + wanted["file"].get<std::string>());
  }
}

void writeOutputs(const Buffers &buffers, const Json &list) {
  for (const auto &b : buffers) {
    const Json &wanted = requested(list, *b->get_tensor());
    std::ofstream out(wanted["file"].get<std::string>(), std::ios::binary);
    if (!out.write(b->bytes.data(), wanted["bytes"].get<std::streamsize>()).flush())
      refuse("cannot write " + wanted["file"].get<std::string>());
  }
}

const xir::Subgraph *findSubgraph(const xir::Graph &graph, const std::string &name) {
  for (const xir::Subgraph *s : graph.get_root_subgraph()->get_children())
    if (s->get_name() == name)
      return s;
  refuse("the model has no subgraph '" + name + "'");
}

int runRequest(const char *path) {
  std::ifstream file(path);
  const Json request = Json::parse(file, nullptr, false);
  if (!request.is_object())
    refuse(std::string("not a request: ") + path);
  auto graph = xir::Graph::deserialize(request["model"].get<std::string>());
  auto runner = vart::Runner::create_runner(findSubgraph(*graph, request["subgraph"].get<std::string>()), "run");
  Buffers inputs = allocate(runner->get_input_tensors(), request["inputs"]);
  Buffers outputs = allocate(runner->get_output_tensors(), request["outputs"]);
  readInputs(inputs, request["inputs"]);
  const auto [job, status] = runner->execute_async(pointers(inputs), pointers(outputs));
  if (status != 0)
    refuse("VART did not take the job: status " + std::to_string(status));
  const int ended = runner->wait(static_cast<int>(job), request["timeout"].get<int>() * 1000);
  if (ended != 0)
    refuse("the DPU did not finish: status " + std::to_string(ended));
  writeOutputs(outputs, request["outputs"]);
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2)
    refuse("usage: dpuopt-vart-runner --devices | REQUEST");
  if (argv[1] == std::string("--devices"))
    return findDevices();
  try {
    return runRequest(argv[1]);
  } catch (const std::exception &e) {
    refuse(e.what());
  }
}
