//===- TestData.h - ONNX test tensors, and running a model on them ------------------===//
#ifndef DPUOPT_TEST_UNIT_EXEC_TESTDATA_H
#define DPUOPT_TEST_UNIT_EXEC_TESTDATA_H

#include "dpuopt/Exec/Executor.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Wire.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

namespace dpuopt::test {

/// The kinds of ONNX's TensorProto.DataType we compute with.
inline ElemKind kindOf(int64_t onnxType) {
  constexpr ElemKind kinds[] = {ElemKind::None, ElemKind::F32, ElemKind::U8,  ElemKind::I8,   ElemKind::U16,
                                ElemKind::I16,  ElemKind::I32, ElemKind::I64, ElemKind::None, ElemKind::Bool,
                                ElemKind::F16,  ElemKind::F64, ElemKind::U32, ElemKind::U64,  ElemKind::None,
                                ElemKind::None, ElemKind::BF16};
  return onnxType >= 0 && onnxType < 17 ? kinds[onnxType] : ElemKind::None;
}

/// Reads a serialized TensorProto with raw data or typed fields; nullopt for anything else.
inline std::optional<Tensor> parseTensor(llvm::StringRef bytes) {
  std::vector<int64_t> dims, ints;
  std::vector<uint64_t> unsignedInts;
  std::vector<float> floats;
  std::vector<double> doubles;
  llvm::StringRef raw;
  int64_t type = 0;
  WireReader r(bytes);
  while (r.next()) {
    switch (r.field()) {
    case 1:
      r.appendVarints(dims);
      break;
    case 2:
      type = r.i64();
      break;
    case 4:
      r.appendFloats(floats);
      break;
    case 5:
    case 7:
      r.appendVarints(ints);
      break;
    case 8:
      (void)r.bytes();
      break;
    case 9:
      raw = r.bytes();
      break;
    case 10:
      r.appendDoubles(doubles);
      break;
    case 11:
      r.appendVarints(unsignedInts);
      break;
    default:
      return std::nullopt;
    }
    if (!r.ok())
      return std::nullopt;
  }
  ElemType elem = kindOf(type);
  int64_t n = Type(elem, llvm::makeArrayRef(dims)).numElements();
  if (!r.ok() || !elem.byteSize() || n < 0 || n > 1 << 24)
    return std::nullopt;
  ints.insert(ints.end(), unsignedInts.begin(), unsignedInts.end());
  Tensor t = Tensor::zeros(Type(elem, llvm::makeArrayRef(dims)));
  auto fill = [&](auto out) {
    for (size_t i = 0; i < out.size() && i < ints.size(); ++i)
      out[i] = static_cast<std::remove_reference_t<decltype(out[i])>>(ints[i]);
    if (out.empty())
      return;
    if (raw.size() == out.size() * sizeof(out[0]))
      std::memcpy(out.data(), raw.data(), raw.size());
    else if (!floats.empty() && floats.size() * 4 == out.size() * sizeof(out[0]))
      std::memcpy(out.data(), floats.data(), floats.size() * 4);
    else if (!doubles.empty() && doubles.size() * 8 == out.size() * sizeof(out[0]))
      std::memcpy(out.data(), doubles.data(), doubles.size() * 8);
  };
  switch (elem.byteSize()) {
  case 1:
    fill(t.mut<uint8_t>());
    break;
  case 2:
    fill(t.mut<uint16_t>());
    break;
  case 4:
    fill(t.mut<uint32_t>());
    break;
  default:
    fill(t.mut<uint64_t>());
    break;
  }
  return t;
}

/// A `name: tensor` file of ONNX test data (input_0.pb); the name field is skipped.
inline std::optional<Tensor> readTensor(const std::string &path) {
  DiagEngine silent;
  auto bytes = readFile(path, silent);
  return bytes ? parseTensor(*bytes) : std::nullopt;
}

/// Parses a graph written in a test.
inline std::unique_ptr<Graph> parse(llvm::StringRef text) {
  DiagEngine diags(&llvm::errs());
  auto g = parseGraph(text, "test", {}, diags);
  EXPECT_TRUE(bool(g)) << text.str();
  return g ? std::move(*g) : nullptr;
}

/// Runs a graph written in a test; empty on failure (the message goes to `why`).
inline std::vector<Tensor> runText(llvm::StringRef text, llvm::ArrayRef<Tensor> inputs, std::string *why = nullptr,
                                   ExecOptions options = {}) {
  auto g = parse(text);
  if (!g)
    return {};
  DiagEngine diags(why ? nullptr : &llvm::errs());
  auto executor = Executor::create(*g, options, diags);
  auto out = executor ? (*executor)->run(inputs) : Result<std::vector<Tensor>>(failure());
  if (why)
    *why = diags.all().empty() ? "" : diags.all().front().message;
  return out ? *out : std::vector<Tensor>();
}

inline std::vector<float> floats(const Tensor &t) {
  std::vector<float> v;
  for (int64_t i = 0; i < t.numElements(); ++i)
    v.push_back(float(t.at(i)));
  return v;
}

/// Largest |a - b| / max(1, |b|); infinite where the counts differ or NaN meets a number.
inline double worstError(const Tensor &a, const Tensor &b) {
  if (a.numElements() != b.numElements())
    return INFINITY;
  double worst = 0;
  for (int64_t i = 0; i < a.numElements(); ++i) {
    double x = a.at(i), y = b.at(i);
    if (x == y || (std::isnan(x) && std::isnan(y)))
      continue;
    double e = std::fabs(x - y) / std::max(1.0, std::fabs(y));
    worst = std::max(worst, std::isnan(e) ? INFINITY : e);
  }
  return worst;
}

} // namespace dpuopt::test
#endif
