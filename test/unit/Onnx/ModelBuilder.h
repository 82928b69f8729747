//===- ModelBuilder.h - small ONNX models made byte by byte, for tests --------===//
//
// Writes the protobuf fields itself, so that tests can make what no exporter
// would: every encoding, and every kind of damage.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TEST_UNIT_ONNX_MODELBUILDER_H
#define DPUOPT_TEST_UNIT_ONNX_MODELBUILDER_H

#include "dpuopt/IR/Text.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Support/Wire.h"
#include "llvm/ADT/StringExtras.h"
#include <gtest/gtest.h>

namespace dpuopt::test {

/// TensorProto.DataType.
enum : int {
  Float = 1,
  UInt8,
  Int8,
  UInt16,
  Int16,
  Int32,
  Int64,
  String,
  Bool,
  Half,
  Double,
  UInt32,
  UInt64,
  BFloat16 = 16,
  Float8 = 17
};

/// A message as text; `field` of `Msg` is written by the lambdas below.
using Bytes = std::string;

inline Bytes fields(std::function<void(WireWriter &)> write) {
  WireWriter w;
  write(w);
  return w.str().str();
}

/// ValueInfoProto; a dimension of -1 is written as a named one.
inline Bytes valueInfo(llvm::StringRef name, int elem, std::vector<int64_t> dims) {
  WireWriter shape, tensor, type, out;
  for (int64_t d : dims) {
    WireWriter dim;
    if (d == -1)
      dim.bytes(2, "N");
    else
      dim.varint(1, static_cast<uint64_t>(d));
    shape.message(1, dim);
  }
  tensor.varint(1, elem);
  tensor.message(2, shape);
  type.message(1, tensor);
  out.bytes(1, name);
  out.message(2, type);
  return out.str().str();
}

/// TensorProto with dims, type, name and whatever `data` adds.
inline Bytes tensor(llvm::StringRef name, int elem, std::vector<int64_t> dims, std::function<void(WireWriter &)> data) {
  WireWriter w;
  w.packedVarints(1, dims);
  w.varint(2, elem);
  if (!name.empty())
    w.bytes(8, name);
  data(w);
  return w.str().str();
}

template <class T> Bytes rawTensor(llvm::StringRef name, int elem, std::vector<int64_t> dims, std::vector<T> values) {
  return tensor(name, elem, dims, [&](WireWriter &w) {
    w.bytes(9, {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)});
  });
}
inline Bytes int64s(llvm::StringRef name, std::vector<int64_t> values) {
  return rawTensor<int64_t>(name, Int64, {static_cast<int64_t>(values.size())}, values);
}

/// AttributeProto.
inline Bytes attr(llvm::StringRef name, int type, std::function<void(WireWriter &)> value) {
  WireWriter w;
  w.bytes(1, name);
  value(w);
  w.varint(20, type);
  return w.str().str();
}
inline Bytes intAttr(llvm::StringRef name, int64_t v) {
  return attr(name, 2, [&](WireWriter &w) { w.varint(3, static_cast<uint64_t>(v)); });
}
inline Bytes intsAttr(llvm::StringRef name, std::vector<int64_t> v) {
  return attr(name, 7, [&](WireWriter &w) {
    for (int64_t i : v)
      w.varint(8, static_cast<uint64_t>(i));
  });
}
inline Bytes stringAttr(llvm::StringRef name, llvm::StringRef v) {
  return attr(name, 3, [&](WireWriter &w) { w.bytes(4, v); });
}
inline Bytes tensorAttr(llvm::StringRef name, const Bytes &t) {
  return attr(name, 4, [&](WireWriter &w) { w.bytes(5, t); });
}
inline Bytes graphAttr(llvm::StringRef name, const Bytes &g) {
  return attr(name, 5, [&](WireWriter &w) { w.bytes(6, g); });
}

/// "Add(a, b) -> c" with attributes; an absent input is an empty name.
struct Node {
  std::string op;
  std::vector<std::string> inputs, outputs;
  std::vector<Bytes> attrs = {};
  std::string name = "", domain = "";
  Bytes bytes() const {
    WireWriter w;
    for (auto &i : inputs)
      w.bytes(1, i);
    for (auto &o : outputs)
      w.bytes(2, o);
    if (!name.empty())
      w.bytes(3, name);
    w.bytes(4, op);
    for (auto &a : attrs)
      w.bytes(5, a);
    if (!domain.empty())
      w.bytes(7, domain);
    return w.str().str();
  }
};

/// A model in the making; every list goes into the file in the order given.
struct Model {
  std::vector<Node> nodes;
  std::vector<Bytes> initializers, sparse, inputs, outputs, valueInfos;
  int64_t opset = 13, irVersion = 8;
  std::vector<std::pair<std::string, int64_t>> domains;

  Bytes graph() const {
    WireWriter w;
    for (auto &n : nodes)
      w.bytes(1, n.bytes());
    w.bytes(2, "g");
    for (auto &t : initializers)
      w.bytes(5, t);
    for (auto &i : inputs)
      w.bytes(11, i);
    for (auto &o : outputs)
      w.bytes(12, o);
    for (auto &v : valueInfos)
      w.bytes(13, v);
    for (auto &s : sparse)
      w.bytes(15, s);
    return w.str().str();
  }
  Bytes bytes() const {
    WireWriter w;
    w.varint(1, static_cast<uint64_t>(irVersion));
    w.bytes(7, graph());
    auto import = [&](llvm::StringRef domain, int64_t version) {
      WireWriter o;
      o.bytes(1, domain);
      o.varint(2, static_cast<uint64_t>(version));
      w.message(8, o);
    };
    if (opset)
      import("", opset);
    for (auto &[domain, version] : domains)
      import(domain, version);
    return w.str().str();
  }
};

/// x -> op -> y, both f32; the usual starting point.
inline Model unary(const std::string &op, std::vector<int64_t> shape, std::vector<Bytes> attrs = {}) {
  Model m;
  m.inputs = {valueInfo("x", Float, shape)};
  m.outputs = {valueInfo("y", Float, {})};
  m.outputs = {fields([](WireWriter &w) { w.bytes(1, "y"); })};
  m.nodes = {{op, {"x"}, {"y"}, attrs, "n"}};
  return m;
}
/// An output whose type is not declared.
inline Bytes output(llvm::StringRef name) {
  return fields([&](WireWriter &w) { w.bytes(1, name); });
}

/// A silent import; keeps what was said.
struct Imported {
  DiagEngine diags{nullptr};
  std::unique_ptr<Graph> graph;

  explicit Imported(const Bytes &bytes, OnnxImportOptions options = {}, llvm::StringRef path = "dir/model.onnx") {
    auto g = importOnnxBytes(Blob::copy(llvm::StringRef(bytes)), path, options, diags);
    if (g)
      graph = std::move(*g);
  }
  explicit Imported(const Model &m, OnnxImportOptions options = {}) : Imported(m.bytes(), std::move(options)) {}

  Value *value(llvm::StringRef name) const { return graph ? graph->lookup(name) : nullptr; }
  std::string type(llvm::StringRef name) const { return value(name) ? value(name)->type().str() : "(none)"; }
  const Tensor *constant(llvm::StringRef name) const { return constantOf(value(name)); }
  std::string text() const {
    std::string s;
    llvm::raw_string_ostream os(s);
    printGraph(*graph, os);
    return os.str();
  }
  /// All messages of one severity, with their notes.
  std::string said(Severity severity) const {
    std::string s;
    llvm::raw_string_ostream os(s);
    for (const Diagnostic &d : diags.all())
      if (d.severity == severity)
        d.print(os);
    return os.str();
  }
  std::string errors() const { return said(Severity::Error); }
  std::string warnings() const { return said(Severity::Warning); }
};

/// The import fails with exactly one error, which names the file and says `what`.
inline void expectError(const Imported &i, llvm::StringRef what) {
  EXPECT_FALSE(i.graph);
  EXPECT_EQ(i.diags.errors(), 1u) << i.errors();
  EXPECT_TRUE(llvm::StringRef(i.errors()).contains(what)) << i.errors();
  EXPECT_TRUE(llvm::StringRef(i.errors()).startswith("dir/model.onnx: ")) << i.errors();
}
#define EXPECT_CONTAINS(text, part)                                                                                    \
  EXPECT_TRUE(llvm::StringRef(text).contains(part)) << "'" << llvm::StringRef(part).str() << "' is not in:\n"          \
                                                    << llvm::StringRef(text).str()

} // namespace dpuopt::test
#endif
