// Small quantized graphs as text, for the tests of this folder.
#ifndef DPUOPT_TEST_TARGET_BUILD_H
#define DPUOPT_TEST_TARGET_BUILD_H

#include "dpuopt/IR/Text.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "dpuopt/Target/Partition.h"
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace dpuopt::test {

inline std::unique_ptr<Graph> parse(const std::string &body) {
  DiagEngine diags(&llvm::errs());
  auto g = parseGraph("graph @g() {\n" + body + "}\n", "test", {}, diags);
  EXPECT_TRUE(bool(g)) << body;
  return g ? std::move(*g) : std::make_unique<Graph>();
}

inline std::shared_ptr<const Target> target(const std::string &name, const std::string &version = "") {
  DiagEngine diags(&llvm::errs());
  auto t = makeDpuczdx8gTarget({name, version}, diags);
  EXPECT_TRUE(bool(t)) << name;
  return t ? *t : nullptr;
}

/// %NAME and %NAME_f: an input and its fix.
inline std::string data(const std::string &name, const std::string &shape) {
  return fmt::format("  %{0} = xir.data() : f32<{1}>\n  %{0}_f = xir.fix(%{0}) : q8.4<{1}>\n", name, shape);
}

/// %NAME_f: a constant and its fix.
inline std::string weights(const std::string &name, const std::string &shape) {
  return fmt::format("  %{0} = const splat(0.5) : f32<{1}>\n  %{0}_f = xir.fix(%{0}) : q8.4<{1}>\n", name, shape);
}

/// %NAME = xir.TYPE(OPERANDS) {ATTRS}, and %NAME_f.
inline std::string op(const std::string &name, const std::string &type, const std::string &operands,
                      const std::string &attrs, const std::string &shape) {
  return fmt::format("  %{0} = xir.{1}({2}) {3}: f32<{4}>\n  %{0}_f = xir.fix(%{0}) : q8.4<{4}>\n", name, type,
                     operands, attrs.empty() ? "" : "{" + attrs + "} ", shape);
}

/// A 1x1 convolution of %FROM_f that keeps its 1x8x8x16 shape.
inline std::string conv(const std::string &name, const std::string &from) {
  return weights(name + "_w", "16x1x1x16") +
         op(name, "conv2d", fmt::format("%{}_f, %{}_w_f", from, name), "kernel = [1, 1], stride = [1, 1]", "1x8x8x16");
}

/// An op the DPU does not run.
inline std::string sigmoid(const std::string &name, const std::string &from) {
  return op(name, "sigmoid", fmt::format("%{}_f", from), "", "1x8x8x16");
}

} // namespace dpuopt::test
#endif
