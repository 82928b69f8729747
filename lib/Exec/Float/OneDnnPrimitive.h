//===- OneDnnPrimitive.h - running a primitive without building maps --------------------------===//
//
// For the files named OneDnn*.cpp only, which are compiled with exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_FLOAT_ONEDNNPRIMITIVE_H
#define DPUOPT_LIB_EXEC_FLOAT_ONEDNNPRIMITIVE_H

#include "FloatKernel.h"
#include <oneapi/dnnl/dnnl.hpp>

namespace dpuopt::exec::onednn {

using dnnl::memory;

const dnnl::engine &cpu();

inline memory::dims dims(llvm::ArrayRef<int64_t> shape) { return memory::dims(shape.begin(), shape.end()); }
/// Row-major, or with the strides given.
memory::desc plain(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> strides = {});
/// Logical [N, C, spatial...] whose memory is [N, spatial..., C]; `shape` is in memory order.
memory::desc channelsLastDesc(llvm::ArrayRef<int64_t> shape);
/// A packed copy of constant elements (a dense or splat tensor read as `user`).
memory packed(const Tensor &t, const memory::desc &user, const memory::desc &wanted);
dnnl::primitive_attr attributes(llvm::ArrayRef<PostOp> post);
/// Throws unless the implementation is generated code.
void requireFast(const char *implementation);

/// A primitive and what its arguments are bound to.
class Primitive {
public:
  Primitive() : stream(cpu()) {}
  void set(const dnnl::primitive &p) { primitive = p; }
  unsigned add(int arg, const memory::desc &desc) { return hold(arg, memory(desc, cpu(), nullptr)); }
  /// An argument that is the same in every run.
  unsigned hold(int arg, memory m) {
    memories.push_back(std::move(m));
    args.push_back({arg, memories.back().get()});
    return static_cast<unsigned>(args.size()) - 1;
  }
  void point(unsigned index, const float *to) {
    dnnl_memory_set_data_handle(memories[index].get(), const_cast<float *>(to));
  }
  bool execute() {
    return dnnl_primitive_execute(primitive.get(), stream.get(), static_cast<int>(args.size()), args.data()) ==
               dnnl_success &&
           dnnl_stream_wait(stream.get()) == dnnl_success;
  }

private:
  dnnl::stream stream;
  dnnl::primitive primitive;
  std::vector<memory> memories;
  std::vector<dnnl_exec_arg_t> args;
};

/// The usual case: operands and one result bound to the arguments they are.
class PrimitiveKernel final : public FloatKernel {
public:
  Primitive primitive;
  void input(int arg, const memory::desc &d) { inputs.push_back(primitive.add(arg, d)); }
  void output(const memory::desc &d) { result = primitive.add(DNNL_ARG_DST, d); }
  bool run(FloatInputs in, FloatOutputs out) override {
    for (size_t i = 0; i < inputs.size(); ++i)
      primitive.point(inputs[i], in[i]);
    primitive.point(result, out[0]);
    return primitive.execute();
  }

private:
  std::vector<unsigned> inputs;
  unsigned result = 0;
};

/// What `make` gives; null if it throws.
template <class F> auto attempt(F make) -> decltype(make()) {
  try {
    return make();
  } catch (const std::exception &) {
    return {};
  }
}

} // namespace dpuopt::exec::onednn
#endif
