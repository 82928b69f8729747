//===- StandIn.cpp - VART without a DPU, for tests of dpuopt-vart-runner ---------------------===//
//
// Takes the place of libvart-runner.so.2 or .so.3. Its runner has a DPU subgraph computed by
// the program vart-stand-in-dpu beside this library, core by core. $STAND_IN is a list of words:
//   cores=3        the tensors have room for three samples
//   reversed       tensors come in another order than the file's
//   renamed        they are named after uploads and downloads
//   own-buffers    the runner has buffers of its own (vart::RunnerExt)
//   chatter        prints on standard output
// and what goes wrong: abort, fingerprint, throw, fewer, other-size, other-fix, refuses, fails, hang, flood, exit,
// core1 (another result than core 0), job5 (a wrong byte in that job, counted over all runners).
//
//===----------------------------------------------------------------------===//
#include <atomic>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>
#include <vart/runner_ext.hpp>
#include <xir/graph/graph.hpp>
#include <xir/tensor/tensor.hpp>

namespace fs = std::filesystem;

namespace {

/// The number after `word=` or `word`, 0 without one, nullopt if it is not in the list.
std::optional<int> said(const std::string &word) {
  const char *list = std::getenv("STAND_IN");
  std::istringstream words(list ? list : "");
  for (std::string w; std::getline(words, w, ',');)
    if (w.rfind(word, 0) == 0 && w.find_first_not_of("=0123456789", word.size()) == std::string::npos) {
      const size_t digits = w.find_first_of("0123456789", word.size());
      return digits == std::string::npos ? 0 : std::stoi(w.substr(digits));
    }
  return std::nullopt;
}

/// As soon as the library is loaded.
[[maybe_unused]] const bool chattered = [] {
  if (said("chatter"))
    std::cout << "what a library prints when it is loaded" << std::endl;
  return true;
}();

/// The model is the argument of the program we are in.
std::string modelPath() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string program, model;
  std::getline(file, program, '\0');
  std::getline(file, model, '\0');
  return model;
}

void runDpu(const std::string &subgraph, const fs::path &folder) {
  Dl_info here = {};
  dladdr(reinterpret_cast<const void *>(&runDpu), &here);
  const std::string program = fs::canonical(here.dli_fname).parent_path() / "vart-stand-in-dpu", model = modelPath();
  const pid_t child = fork();
  if (child == 0) {
    execl(program.c_str(), program.c_str(), model.c_str(), subgraph.c_str(), folder.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0)
    throw std::runtime_error("vart-stand-in-dpu has failed");
}

std::string readAll(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Results that were computed before, by subgraph and inputs: a test of load has many jobs.
std::vector<std::string> resultsOf(const std::string &subgraph, const std::vector<std::string> &inputs, size_t count) {
  static std::map<std::pair<std::string, std::vector<std::string>>, std::vector<std::string>> known;
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  std::vector<std::string> &outputs = known[{subgraph, inputs}];
  if (!outputs.empty())
    return outputs;
  std::string name = fs::temp_directory_path() / "vart-stand-in-XXXXXX";
  const fs::path folder = mkdtemp(name.data());
  for (size_t i = 0; i < inputs.size(); ++i)
    std::ofstream(folder / ("in" + std::to_string(i) + ".i8"), std::ios::binary) << inputs[i];
  runDpu(subgraph, folder);
  for (size_t i = 0; i < count; ++i)
    outputs.push_back(readAll(folder / ("out" + std::to_string(i) + ".i8")));
  fs::remove_all(folder);
  return outputs;
}

using Owned = std::vector<std::unique_ptr<xir::Tensor>>;

/// As VART has it: the file's tensor, once for each core.
std::unique_ptr<xir::Tensor> forCores(const xir::Tensor &t, const std::string &suffix) {
  std::vector<std::int32_t> shape = t.get_shape();
  shape[0] *= said("cores").value_or(1);
  if (said("other-size"))
    shape.back() += 1;
  auto made = xir::Tensor::create(t.get_name() + (said("renamed") ? suffix : ""), shape, t.get_data_type());
  if (t.has_attr("fix_point"))
    made->set_attr<int>("fix_point", t.get_attr<int>("fix_point") + (said("other-fix") ? 1 : 0));
  return made;
}

/// Tensors by name, which is also what vart-stand-in-dpu counts by.
template <class Set> Owned tensorsOf(const Set &set, const std::string &suffix) {
  std::map<std::string, const xir::Tensor *> byName;
  for (const xir::Tensor *t : set)
    byName[t->get_name()] = t;
  Owned list;
  for (const auto &[name, t] : byName)
    list.push_back(forCores(*t, suffix));
  if (said("fewer"))
    list.pop_back();
  return list;
}

template <class T> auto handedOut(const std::vector<std::unique_ptr<T>> &owned) {
  std::vector<T *> list;
  for (const auto &o : owned)
    list.push_back(o.get());
  if (said("reversed"))
    std::reverse(list.begin(), list.end());
  return list;
}

/// One core's share of a buffer.
char *share(vart::TensorBuffer &b, int core, size_t &bytes) {
  const int cores = said("cores").value_or(1);
  std::vector<std::int32_t> shape = b.get_tensor()->get_shape(), index(shape.size(), 0);
  index[0] = shape[0] / cores * core;
  bytes = static_cast<size_t>(b.get_tensor()->get_data_size()) / static_cast<size_t>(cores);
  return reinterpret_cast<char *>(b.data(index).first);
}

/// Cores are not beside each other, as on some cards.
class OwnBuffer : public vart::TensorBuffer {
public:
  explicit OwnBuffer(const xir::Tensor *t)
      : TensorBuffer(t), cores(t->get_shape()[0], std::string(t->get_data_size() / t->get_shape()[0], '\0')) {}
  std::pair<std::uint64_t, std::size_t> data(const std::vector<std::int32_t> index = {}) override {
    std::string &core = cores.at(index.empty() ? 0 : index[0]);
    return {reinterpret_cast<std::uint64_t>(core.data()), core.size()};
  }
  void sync_for_write(uint64_t, size_t) override { synced = true; }
  void sync_for_read(uint64_t, size_t) override {}
  bool synced = false;

private:
  std::vector<std::string> cores;
};

template <class Base> class StandIn : public Base {
public:
  explicit StandIn(const xir::Subgraph *s)
      : name(s->get_name()), inputs(tensorsOf(s->get_input_tensors(), "_upload_0")),
        outputs(tensorsOf(s->get_output_tensors(), "_download_0")) {}
  std::vector<const xir::Tensor *> get_input_tensors() override { return constant(handedOut(inputs)); }
  std::vector<const xir::Tensor *> get_output_tensors() override { return constant(handedOut(outputs)); }
  std::pair<uint32_t, int> execute_async(const std::vector<vart::TensorBuffer *> &in,
                                         const std::vector<vart::TensorBuffer *> &out) override {
    if (said("chatter"))
      std::cout << "what a debug build prints\n{\"percent\": 5}" << std::endl;
    if (said("throw"))
      throw std::runtime_error("thrown in execute_async");
    if (said("refuses"))
      return {0, 5};
    for (int core = 0; core < said("cores").value_or(1); ++core)
      compute(in, out, core);
    return {7, 0};
  }
  int wait(int job, int) override {
    if (said("hang"))
      sleep(1000);
    if (said("flood"))
      for (;;)
        std::cerr << "flood, flood, flood, flood, flood, flood, flood, flood, flood, flood" << std::endl;
    if (said("exit"))
      _exit(0);
    return job != 7 || said("fails") ? 3 : 0;
  }

private:
  static std::vector<const xir::Tensor *> constant(const std::vector<xir::Tensor *> &list) {
    return {list.begin(), list.end()};
  }
  static vart::TensorBuffer &find(const std::vector<vart::TensorBuffer *> &list, const xir::Tensor &t) {
    for (vart::TensorBuffer *b : list)
      if (b->get_tensor()->get_name() == t.get_name())
        return *b;
    throw std::runtime_error("no buffer for " + t.get_name());
  }
  void compute(const std::vector<vart::TensorBuffer *> &in, const std::vector<vart::TensorBuffer *> &out, int core) {
    static std::atomic<int> jobs = 0;
    std::vector<std::string> given;
    size_t bytes = 0;
    for (const auto &t : inputs) {
      const char *from = share(find(in, *t), core, bytes);
      given.emplace_back(from, bytes);
    }
    const std::vector<std::string> results = resultsOf(name, given, outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      char *to = share(find(out, *outputs[i]), core, bytes);
      std::memcpy(to, results[i].data(), std::min(bytes, results[i].size()));
      if (core == 1 && said("core1"))
        to[2] ^= 1;
    }
    if (++jobs == said("job").value_or(0))
      share(find(out, *outputs[0]), core, bytes)[3] ^= 1;
  }

  std::string name;
  Owned inputs, outputs;
};

class WithBuffers : public StandIn<vart::RunnerExt> {
public:
  explicit WithBuffers(const xir::Subgraph *s) : StandIn(s) {
    for (const xir::Tensor *t : get_input_tensors())
      in.push_back(std::make_unique<OwnBuffer>(t));
    for (const xir::Tensor *t : get_output_tensors())
      out.push_back(std::make_unique<OwnBuffer>(t));
  }
  std::vector<vart::TensorBuffer *> get_inputs() override { return base(in); }
  std::vector<vart::TensorBuffer *> get_outputs() override { return base(out); }
  std::pair<uint32_t, int> execute_async(const std::vector<vart::TensorBuffer *> &given,
                                         const std::vector<vart::TensorBuffer *> &wanted) override {
    for (const auto &b : in)
      if (!b->synced && given[0] == in[0].get())
        throw std::runtime_error("an input was not written back");
    for (const auto &b : in)
      b->synced = false;
    return StandIn::execute_async(given, wanted);
  }

private:
  using Buffers = std::vector<std::unique_ptr<OwnBuffer>>;
  static std::vector<vart::TensorBuffer *> base(const Buffers &buffers) {
    std::vector<vart::TensorBuffer *> list;
    for (const auto &b : buffers)
      list.push_back(b.get());
    return list;
  }
  Buffers in, out;
};

[[noreturn]] void abortLike(const std::string &lines) {
  std::cerr << lines << "*** Check failure stack trace: ***\n    @     0x7f  google::LogMessage::Fail()" << std::endl;
  std::abort();
}

} // namespace

//===----------------------------------------------------------------------===//
// What of VART's library the runner's module uses

std::unique_ptr<vart::Runner> vart::Runner::create_runner(const xir::Subgraph *s, const std::string &mode) {
  if (mode != "run" || said("abort"))
    abortLike("F1123 04:08:22.475286  1127 dpu_controller.cpp:44] Check failed: !the_factory_methods.empty() \n");
  if (said("fingerprint"))
    abortLike("W1123 04:08:22.475286  1127 dpu_runner_base_imp.cpp:733] CHECK fingerprint fail! model_fingerprint "
              "0x101000056010407 is un-matched with actual dpu_fingerprint 0x101000016010407. Please re-compile xmodel "
              "with dpu_fingerprint 0x101000016010407 and try again.\n"
              "F1123 04:08:22.475300  1127 dpu_runner_base_imp.cpp:695] fingerprint check failure.\n");
  if (said("own-buffers"))
    return std::make_unique<WithBuffers>(s);
  return std::make_unique<StandIn<vart::Runner>>(s);
}

namespace vart {
TensorBuffer::TensorBuffer(const xir::Tensor *tensor) : tensor_(tensor) {}
const xir::Tensor *TensorBuffer::get_tensor() const { return tensor_; }
std::string TensorBuffer::to_string() const { return tensor_->get_name(); }
void TensorBuffer::copy_from_host(size_t, const void *, size_t, size_t) {}
void TensorBuffer::copy_to_host(size_t, void *, size_t, size_t) {}
Runner::TensorFormat Runner::get_tensor_format() { return TensorFormat::NHWC; }
} // namespace vart
