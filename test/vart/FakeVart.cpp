//===- FakeVart.cpp - a DPU that subtracts, for tests of dpuopt-vart-runner -----------------===//
//
// Preloaded into the runner it takes the place of VART's factory. As on cards with several cores the
// tensors are a batch of two, and have the names of the DPU's side of upload and download. An output
// is the first input, each byte subtracted from 1.
//
//===----------------------------------------------------------------------===//
#include <cstring>
#include <iostream>
#include <set>
#include <vart/runner.hpp>
#include <xir/graph/graph.hpp>
#include <xir/tensor/tensor.hpp>

namespace {

class Subtracting : public vart::Runner {
public:
  Subtracting(const xir::Subgraph *s) {
    for (const xir::Tensor *t : s->get_input_tensors())
      inputs.push_back(batchOfTwo(*t, "_upload_0"));
    for (const xir::Tensor *t : s->get_output_tensors())
      outputs.push_back(batchOfTwo(*t, ""));
  }
  std::pair<uint32_t, int> execute_async(const std::vector<vart::TensorBuffer *> &in,
                                         const std::vector<vart::TensorBuffer *> &out) override {
    for (vart::TensorBuffer *o : out) {
      auto [from, readable] = in.at(0)->data({0, 0, 0, 0});
      auto [to, writable] = o->data({0, 0, 0, 0});
      for (size_t i = 0; i < writable && i < readable; ++i)
        reinterpret_cast<signed char *>(to)[i] = static_cast<signed char>(1 - reinterpret_cast<signed char *>(from)[i]);
    }
    return {7, 0};
  }
  int wait(int job, int) override { return job == 7 ? 0 : 1; }
  std::vector<const xir::Tensor *> get_input_tensors() override { return pointers(inputs); }
  std::vector<const xir::Tensor *> get_output_tensors() override { return pointers(outputs); }

private:
  using Owned = std::vector<std::unique_ptr<xir::Tensor>>;
  static std::unique_ptr<xir::Tensor> batchOfTwo(const xir::Tensor &t, const std::string &suffix) {
    std::vector<std::int32_t> shape = t.get_shape();
    shape[0] *= 2;
    return xir::Tensor::create(t.get_name() + suffix, shape, t.get_data_type());
  }
  static std::vector<const xir::Tensor *> pointers(const Owned &owned) {
    std::vector<const xir::Tensor *> list;
    for (const auto &t : owned)
      list.push_back(t.get());
    return list;
  }
  Owned inputs, outputs;
};

} // namespace

std::unique_ptr<vart::Runner> vart::Runner::create_runner(const xir::Subgraph *s, const std::string &mode) {
  if (mode != "run")
    std::abort();
  return std::make_unique<Subtracting>(s);
}
