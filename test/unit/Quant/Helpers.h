//===- Helpers.h - graphs and diagnostics for the Quant tests -------------------===//
#ifndef DPUOPT_TEST_QUANT_HELPERS_H
#define DPUOPT_TEST_QUANT_HELPERS_H

#include "dpuopt/IR/Text.h"
#include "dpuopt/Quant/FixPlan.h"
#include <gtest/gtest.h>

namespace dpuopt::test {

inline std::unique_ptr<Graph> parse(const std::string &body, const std::string &inputs = "%x: f32<1x4x8x8>") {
  DiagEngine diags(&llvm::errs());
  auto g = parseGraph("graph @t(" + inputs + ") {\n" + body + "}\n", "test", {}, diags);
  if (!g)
    ADD_FAILURE() << "the test's graph does not parse";
  return g ? std::move(*g) : nullptr;
}

inline std::vector<std::string> names(const std::vector<Value *> &values) {
  std::vector<std::string> out;
  for (const Value *v : values)
    out.push_back(v->name());
  return out;
}

using Names = std::vector<std::string>;

/// All messages and rules, for substring checks.
inline std::string text(const DiagEngine &diags) {
  std::string out;
  llvm::raw_string_ostream os(out);
  for (const Diagnostic &d : diags.all())
    d.print(os);
  return os.str();
}

#define EXPECT_HAS(haystack, needle)                                                                                   \
  EXPECT_NE((haystack).find(needle), std::string::npos) << "'" << (needle) << "' is not in:\n" << (haystack)

} // namespace dpuopt::test
#endif
