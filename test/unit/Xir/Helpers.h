//===- Helpers.h - making xmodels by hand, and reading diagnostics ----------------===//
#ifndef DPUOPT_TEST_UNIT_XIR_HELPERS_H
#define DPUOPT_TEST_UNIT_XIR_HELPERS_H

#include "dpuopt/IR/Text.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Wire.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <gtest/gtest.h>

namespace dpuopt::test {

/// A folder that is removed with everything in it.
struct TemporaryFolder {
  llvm::SmallString<128> path;
  TemporaryFolder() { (void)llvm::sys::fs::createUniqueDirectory("dpuopt-xir", path); }
  ~TemporaryFolder() { llvm::sys::fs::remove_directories(path); }
  std::string file(llvm::StringRef name) const { return (path + "/" + name).str(); }
  std::string write(llvm::StringRef name, llvm::StringRef bytes) const {
    DiagEngine diags;
    (void)writeFileAtomically(file(name), diags, [&](llvm::raw_pwrite_stream &os) {
      os << bytes;
      return success();
    });
    return file(name);
  }
};

/// All diagnostics, one per line, with their severity in front.
inline std::string textOf(const DiagEngine &diags) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const Diagnostic &d : diags.all())
    d.print(os);
  return os.str();
}

/// Parses text that must parse.
inline std::unique_ptr<Graph> parse(llvm::StringRef text) {
  DiagEngine loud(&llvm::errs());
  auto g = parseGraph(text, "test", {}, loud);
  return g ? std::move(*g) : nullptr;
}

/// A small quantized graph: data, fix, conv with weights and bias, relu, fix.
inline const char *const SmallNet = R"(graph @net() attributes {return_ops = ["y_fix"]} {
  %x = xir.data() {data_type = "FLOAT32", shape = [1, 4, 4, 2]} : f32<1x4x4x2>
  %x_fix = xir.fix(%x) {round_mode = "DPU_ROUND"} : q8.7<1x4x4x2>
  %w = const rand(1) : f32<3x1x1x2>
  %w_fix = xir.fix(%w) {round_mode = "DPU_ROUND"} : q8.6<3x1x1x2>
  %b = const dense(0.5, -0.5, 0.25) : f32<3>
  %b_fix = xir.fix(%b) {round_mode = "DPU_ROUND"} : q8.-1<3>
  %c = xir.conv2d(%x_fix, %w_fix, %b_fix) {dilation = [1, 1], group = 1, kernel = [1, 1], pad = [0, 0, 0, 0], pad_mode = "FLOOR", stride = [1, 1]} : f32<1x4x4x3>
  %y = xir.relu(%c) : f32<1x4x4x3>
  %y_fix = xir.fix(%y) {round_mode = "DPU_ROUND"} : q8.4<1x4x4x3>
  return %y_fix
}
)";

inline std::string textOf(const Graph &g) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printGraph(g, os);
  return os.str();
}

//===-- Messages by hand ----------------------------------------------------------===//

inline std::string field(uint32_t number, llvm::StringRef value) {
  WireWriter w;
  w.bytes(number, value);
  return w.str().str();
}
inline std::string number(uint32_t field, uint64_t value) {
  WireWriter w;
  w.varint(field, value);
  return w.str().str();
}
inline std::string packed(uint32_t field, std::vector<int64_t> values) {
  WireWriter w;
  w.packedVarints(field, values);
  return w.str().str();
}

namespace attr {
inline std::string i32(int64_t v) { return number(5, static_cast<uint64_t>(v)); }
inline std::string boolean(bool v) { return number(4, v); }
inline std::string string(llvm::StringRef v) { return field(11, v); }
inline std::string bytes(llvm::StringRef v) { return field(12, field(1, v)); }
inline std::string i32s(std::vector<int64_t> v) { return field(14, packed(1, v)); }
} // namespace attr

using Attrs = std::vector<std::pair<std::string, std::string>>;

/// map<string, Attr> as field `number`.
inline std::string attrs(uint32_t number, const Attrs &list) {
  std::string out;
  for (auto &[name, value] : list)
    out += field(number, field(1, name) + field(2, value));
  return out;
}

struct FileOp {
  std::string name, type;
  Attrs attrs = {};
  std::vector<std::pair<std::string, std::vector<std::string>>> args = {};
  std::vector<int64_t> shape = {1, 4};
  int dataType = 4, bits = 32;
  Attrs tensorAttrs = {};

  std::string bytes() const {
    std::string out = field(1, name) + field(2, type) + test::attrs(3, attrs);
    for (auto &[arg, producers] : args) {
      std::string message = field(1, arg);
      for (const std::string &p : producers)
        message += field(2, p);
      out += field(4, message);
    }
    return out + field(5, field(1, name) + packed(2, shape) + number(5, dataType) + number(6, bits) +
                              test::attrs(10, tensorAttrs));
  }
};

/// `x`, a float input of shape 1x4.
inline FileOp input(std::string name = "x") {
  return {name, "data", {{"shape", attr::i32s({1, 4})}, {"data_type", attr::string("FLOAT32")}}};
}
inline FileOp relu(std::string name, std::string producer) { return {name, "relu", {}, {{"input", {producer}}}}; }

inline std::string root(const std::vector<FileOp> &ops) {
  std::string message = field(1, "root");
  for (const FileOp &op : ops)
    message += field(3, op.name);
  return field(10, message);
}

/// A whole file; `tail` comes after the root (graph attributes, definitions).
inline std::string xmodel(const std::vector<FileOp> &ops, std::string tail = "") {
  std::string out = field(1, "g");
  for (const FileOp &op : ops)
    out += field(5, op.bytes());
  return out + root(ops) + tail;
}

//===-- Vendor files ------------------------------------------------------------------===//

/// Paths of the vendor's xmodels whose name ends with `ending`; sorted; empty if they are not here.
inline std::vector<std::string> vendorFiles(llvm::StringRef ending) {
  std::vector<std::string> out;
  std::error_code ec;
  for (llvm::sys::fs::recursive_directory_iterator it(DPUOPT_SHARED_DATA "/vendor", ec), end; !ec && it != end;
       it.increment(ec))
    if (llvm::StringRef(it->path()).endswith(ending) && llvm::sys::path::filename(it->path()) != "ygan.xmodel")
      out.push_back(it->path());
  llvm::sort(out);
  return out;
}

} // namespace dpuopt::test
#endif
