//===- IntegerFloat.h - a quantized graph on integers and in float ----------------------===//
#ifndef DPUOPT_TEST_UNIT_EXEC_INTEGERFLOAT_H
#define DPUOPT_TEST_UNIT_EXEC_INTEGERFLOAT_H

#include "TestData.h"
#include <fmt/format.h>
#include <random>

namespace dpuopt::test {

class Random {
public:
  explicit Random(unsigned seed) : engine(seed) {}
  int in(int low, int high) { return int(engine() % unsigned(high - low + 1)) + low; }

private:
  std::mt19937 engine;
};

/// Numbers that fill the range of a fix point, halves of it included.
inline Tensor numbers(llvm::ArrayRef<int64_t> shape, int fixPoint, Random &r) {
  std::vector<float> v(size_t(Type(ElemKind::F32, shape).numElements()));
  for (float &x : v)
    x = std::ldexp(float(r.in(-300, 300)) / 2, -fixPoint);
  return Tensor::fromFloats(shape, v);
}

struct Outcome {
  std::vector<Tensor> out;
  std::vector<std::string> steps;
};

inline Outcome run(const Graph &g, llvm::ArrayRef<Tensor> inputs, bool inFloat) {
  Outcome o;
  DiagEngine diags(&llvm::errs());
  ExecOptions options;
  if (inFloat)
    options.observer = [](const Value &, Tensor &) {};
  options.profile = [&](const StepTime &s) { o.steps.push_back(s.kernel.str()); };
  auto e = Executor::create(g, options, diags);
  auto out = e ? (*e)->run(inputs) : Result<std::vector<Tensor>>(failure());
  EXPECT_TRUE(bool(out));
  if (out)
    o.out = std::move(*out);
  return o;
}

/// Nothing of the graph must have run in float (or something must), and the bits must be those of the float run.
inline void compare(const std::string &text, llvm::ArrayRef<Tensor> inputs, bool onIntegers = true) {
  auto g = parse(text);
  ASSERT_TRUE(g) << text;
  Outcome fixed = run(*g, inputs, false), real = run(*g, inputs, true);
  ASSERT_EQ(fixed.out.size(), 1u) << text;
  ASSERT_EQ(real.out.size(), 1u) << text;
  EXPECT_EQ(floats(fixed.out[0]), floats(real.out[0])) << text;
  bool floatSteps = llvm::any_of(fixed.steps, [](llvm::StringRef s) { return s.endswith(" f32"); });
  EXPECT_EQ(floatSteps, !onIntegers) << text;
}

/// `%y` of `body` computed from %x (and %z, %v, all fixed) between fix ops, `activation` behind it.
inline std::string graphOf(llvm::ArrayRef<std::string> operands, const std::string &constants, const std::string &body,
                           const std::string &activation, int fixPoint, const std::string &result) {
  std::string text = "graph @t(", fixes;
  const char *names[] = {"x", "z", "v"};
  for (size_t i = 0; i < operands.size(); ++i) { // "5<1x2x3>": fix point and shape
    std::string shape = operands[i].substr(operands[i].find('<'));
    text += fmt::format("{}%{}0: f32{}", i ? ", " : "", names[i], shape);
    fixes +=
        fmt::format("%{} = xir.fix(%{}0) {{round_mode = \"DPU_ROUND\"}} : q8.{}\n", names[i], names[i], operands[i]);
  }
  text += ") {\n" + fixes + constants + "%y = " + body + " : f32" + result + "\n";
  std::string last = "y";
  if (!activation.empty())
    text += "%a = xir." + (activation == "leaky-relu" ? "leaky-relu(%y) {alpha = 0.1015625}" : activation + "(%y)") +
            " : f32" + result + "\n",
        last = "a";
  return text + fmt::format("%o = xir.fix(%{}) {{round_mode = \"DPU_ROUND\"}} : q8.{}{}\nreturn %o\n}}", last, fixPoint,
                            result);
}

/// `%name`, rand(seed) at a fix point.
inline std::string constant(const char *name, int seed, int fixPoint, const std::string &shape) {
  return fmt::format(
      "%{0}0 = const rand({1}) : f32{2}\n%{0} = xir.fix(%{0}0) {{round_mode = \"STD_ROUND\"}} : q8.{3}{2}\n", name,
      seed, shape, fixPoint);
}

} // namespace dpuopt::test
#endif
