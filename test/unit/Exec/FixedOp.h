//===- FixedOp.h - compiled ops on stored numbers, for tests -----------------------------===//
#ifndef DPUOPT_TEST_UNIT_EXEC_FIXEDOP_H
#define DPUOPT_TEST_UNIT_EXEC_FIXEDOP_H

#include "TestData.h"

namespace dpuopt::test {

using Ints = std::vector<int64_t>;

/// A stored int8 tensor; `type` as in the text form: "q8.5<1x2>".
struct Stored {
  std::string type;
  Ints values;
};

/// Runs `op` ("xir.eltwise-fix(%a, %b) {...}") on stored inputs %a, %b, ... The stored numbers of the result; empty
/// after an error, whose text goes to `why`.
inline Ints runStored(const std::string &op, llvm::ArrayRef<Stored> inputs, const std::string &result,
                      const std::string &constants = "", ExecOptions options = {}, std::string *why = nullptr) {
  std::string text = "graph @c(";
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < inputs.size(); ++i) {
    text += (i ? ", %" : "%") + std::string(1, char('a' + i)) + ": " + inputs[i].type;
    auto open = inputs[i].type.find('<');
    std::vector<int8_t> bytes(inputs[i].values.begin(), inputs[i].values.end());
    Shape shape;
    llvm::SmallVector<llvm::StringRef, 6> dims;
    llvm::StringRef(inputs[i].type).drop_front(open + 1).drop_back().split(dims, 'x');
    for (llvm::StringRef d : dims)
      shape.push_back(std::stoll(d.str()));
    Type type(*ElemType::parse(inputs[i].type.substr(0, open)), shape);
    // Not so many as the type says: the same ones again.
    for (size_t k = 0; int64_t(bytes.size()) < type.numElements(); ++k)
      bytes.push_back(bytes[k]);
    tensors.push_back(Tensor(type, Blob::adopt(std::move(bytes))));
  }
  text += ") {\n" + constants + "%y = " + op + " : " + result + "\nreturn %y\n}";
  auto out = runText(text, tensors, why, std::move(options));
  if (out.empty())
    return {};
  int fixPoint = ElemType::parse(result.substr(0, result.find('<')))->fixPoint;
  Ints stored;
  for (int64_t i = 0; i < out[0].numElements(); ++i)
    stored.push_back(std::llround(std::ldexp(out[0].at(i), fixPoint)));
  return stored;
}

} // namespace dpuopt::test
#endif
