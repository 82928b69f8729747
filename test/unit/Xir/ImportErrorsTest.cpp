//===- ImportErrorsTest.cpp - one diagnostic for everything that is no xmodel -----===//
#include "Helpers.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
/// Imports `bytes`, which must fail with exactly one error, and returns it.
std::string refusal(llvm::StringRef bytes) {
  TemporaryFolder folder;
  std::string path = folder.write("bad.xmodel", bytes);
  DiagEngine diags;
  EXPECT_FALSE(static_cast<bool>(importXmodel(path, diags)));
  EXPECT_EQ(diags.errors(), 1u) << textOf(diags);
  if (diags.all().empty())
    return "";
  EXPECT_EQ(diags.all()[0].file, path);
  return diags.all()[0].message;
}

#define EXPECT_REFUSED(bytes, cause) EXPECT_NE(refusal(bytes).find(cause), std::string::npos) << refusal(bytes)

FileOp constant(std::string data, std::vector<int64_t> shape = {2, 2}) {
  return {"w",
          "const",
          {{"shape", attr::i32s(shape)}, {"data_type", attr::string("float32")}, {"data", attr::bytes(data)}},
          {},
          shape};
}
FileOp fix(Attrs attrs) { return {"f", "fix", attrs, {{"input", {"x"}}}}; }
Attrs fixAttrs(int64_t point, int64_t bits) {
  return {{"fix_point", attr::i32(point)},
          {"bit_width", attr::i32(bits)},
          {"if_signed", attr::boolean(true)},
          {"round_mode", attr::string("DPU_ROUND")}};
}
} // namespace

//===-- Not an xmodel ---------------------------------------------------------------===//

TEST(XmodelImportErrors, MissingFile) {
  DiagEngine diags;
  EXPECT_FALSE(static_cast<bool>(importXmodel("/nonexistent/m.xmodel", diags)));
  EXPECT_EQ(diags.errors(), 1u);
  EXPECT_NE(textOf(diags).find("/nonexistent/m.xmodel"), std::string::npos);
}

TEST(XmodelImportErrors, EmptyFile) { EXPECT_REFUSED("", "the file is empty"); }

TEST(XmodelImportErrors, Png) { EXPECT_REFUSED("\x89PNG\r\n\x1a\n0000IHDR", "not an xmodel: this is a PNG image"); }

TEST(XmodelImportErrors, Text) { EXPECT_REFUSED("layer { name: \"data\" }\n", "not an xmodel: this is text"); }

TEST(XmodelImportErrors, GitLfsPointer) {
  EXPECT_REFUSED("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS pointer");
}

TEST(XmodelImportErrors, OnnxModel) {
  std::string model = number(1, 8) + field(2, "pytorch") + field(7, field(1, field(4, "Relu")));
  EXPECT_REFUSED(model, "not an xmodel: this looks like an ONNX model");
}

TEST(XmodelImportErrors, EmptyGraph) { EXPECT_REFUSED(xmodel({}), "empty graph"); }

TEST(XmodelImportErrors, Version1ListAttribute) {
  // v1 writes attributes as {1: name, 4: value} where today's schema has {1: name, 2: {4: value}}.
  std::string op = field(1, "x") + field(2, "data") + field(3, field(1, "axis") + number(4, 3));
  EXPECT_REFUSED(field(1, "g") + field(5, op), "older v1 schema");
}

TEST(XmodelImportErrors, Version1ExpandedAttribute) {
  std::string op = field(1, "x") + field(2, "data") + field(8, field(100, "axis") + number(2, 3));
  EXPECT_REFUSED(field(1, "g") + field(5, op), "older v1 schema");
}

//===-- Cut off or damaged --------------------------------------------------------------===//

TEST(XmodelImportErrors, TruncatedInAnOp) {
  std::string whole = xmodel({input(), relu("r", "x")});
  EXPECT_REFUSED(llvm::StringRef(whole).drop_back(40), "truncated or damaged after 1 ops");
}

TEST(XmodelImportErrors, TruncatedAfterAnOp) {
  std::string ops = field(1, "g") + field(5, input().bytes());
  EXPECT_REFUSED(ops, "truncated: it ends after 1 ops");
}

TEST(XmodelImportErrors, EveryPrefixIsAnErrorNotACrash) {
  std::string whole = xmodel({input(), relu("r", "x")}, attrs(11, {{"origin", attr::string("caffe")}}));
  std::string shorter = xmodel({input(), relu("r", "x")});
  TemporaryFolder folder;
  for (size_t n = 0; n < whole.size(); ++n) {
    DiagEngine diags;
    bool loaded = static_cast<bool>(importXmodel(folder.write("cut.xmodel", whole.substr(0, n)), diags));
    EXPECT_EQ(loaded, n == shorter.size()) << n;
    EXPECT_EQ(diags.errors(), loaded ? 0u : 1u) << n;
  }
}

TEST(XmodelImportErrors, EveryFlippedByteIsReadOrRefused) {
  std::string whole = xmodel({input(), constant(std::string(16, 'a')), relu("r", "x"), fix(fixAttrs(4, 8))});
  TemporaryFolder folder;
  for (size_t n = 0; n < whole.size(); ++n)
    for (char flip : {'\x01', '\x80', '\xff'}) {
      std::string bad = whole;
      bad[n] = static_cast<char>(bad[n] ^ flip);
      DiagEngine diags;
      bool loaded = static_cast<bool>(importXmodel(folder.write("flip.xmodel", bad), diags));
      EXPECT_EQ(loaded, diags.errors() == 0) << n;
    }
}

TEST(XmodelImportErrors, AttributeOfUnknownKind) {
  FileOp op = relu("r", "x");
  op.attrs = {{"odd", number(77, 1)}};
  EXPECT_REFUSED(xmodel({input(), op}), "op number 2: an attribute cannot be decoded");
}

TEST(XmodelImportErrors, NameThatIsNotUtf8) { EXPECT_REFUSED(xmodel({input("\xff\xfe")}), "not UTF-8"); }

TEST(XmodelImportErrors, SubgraphsNestedTooDeep) {
  std::string deep = field(1, "leaf");
  for (int i = 0; i < 200; ++i)
    deep = field(1, "s") + field(10, deep);
  EXPECT_REFUSED(field(1, "g") + field(5, input().bytes()) + field(10, deep), "nested deeper than 64 levels");
}

//===-- Ops that do not fit together ------------------------------------------------------===//

TEST(XmodelImportErrors, DuplicateName) { EXPECT_REFUSED(xmodel({input(), input()}), "two ops are named 'x'"); }

TEST(XmodelImportErrors, DanglingArgument) {
  EXPECT_REFUSED(xmodel({relu("r", "nowhere")}), "argument 'input' names an op that does not exist: 'nowhere'");
}

TEST(XmodelImportErrors, Cycle) { EXPECT_REFUSED(xmodel({relu("a", "b"), relu("b", "a")}), "form a cycle"); }

TEST(XmodelImportErrors, OpThatReadsItself) { EXPECT_REFUSED(xmodel({relu("a", "a")}), "form a cycle"); }

TEST(XmodelImportErrors, MissingArgument) {
  FileOp conv{"c", "relu"};
  EXPECT_REFUSED(xmodel({conv}), "argument 'input' is required");
}

TEST(XmodelImportErrors, AttributeWithANameOfOurs) {
  FileOp op = input();
  op.attrs.push_back({"tensor_fix", attr::i32(1)});
  EXPECT_REFUSED(xmodel({op}), "attribute 'tensor_fix' cannot be kept");
}

TEST(XmodelImportErrors, SubgraphOfUnknownOp) {
  std::string child = field(1, "s") + field(3, "nowhere");
  std::string file = field(1, "g") + field(5, input().bytes()) + field(10, field(1, "root") + field(10, child));
  EXPECT_REFUSED(file, "subgraph 's' names an op that does not exist: 'nowhere'");
}

//===-- Tensors -----------------------------------------------------------------------------===//

TEST(XmodelImportErrors, DimensionOfZero) {
  FileOp op = input();
  op.shape = {1, 0};
  EXPECT_REFUSED(xmodel({op}), "dimension 1 of the output is 0");
}

TEST(XmodelImportErrors, DimensionBeyondInt32) {
  FileOp op = input();
  op.shape = {1, int64_t(1) << 31};
  EXPECT_REFUSED(xmodel({op}), "dimension 1 of the output is 2147483648");
}

TEST(XmodelImportErrors, AbsurdShape) {
  FileOp op = input();
  op.shape = {1 << 30, 1 << 30, 1 << 30, 1 << 30};
  EXPECT_REFUSED(xmodel({op}), "beyond the limit");
}

TEST(XmodelImportErrors, TooManyDimensions) {
  FileOp op = input();
  op.shape = std::vector<int64_t>(100, 1);
  EXPECT_REFUSED(xmodel({op}), "output tensor cannot be decoded");
}

TEST(XmodelImportErrors, ShapeAttributeThatContradictsTheTensor) {
  FileOp op = input();
  op.shape = {1, 5};
  EXPECT_REFUSED(xmodel({op}), "attribute 'shape' does not agree with the output's shape 1x5");
}

TEST(XmodelImportErrors, ConstantOfTheWrongSize) {
  EXPECT_REFUSED(xmodel({constant(std::string(15, 'a'))}), "needs 16 bytes, the file has 15");
}

TEST(XmodelImportErrors, ConstantWithoutData) {
  FileOp op = constant("");
  op.attrs.pop_back();
  EXPECT_REFUSED(xmodel({op}), "a constant needs its attribute 'data', as bytes");
}

TEST(XmodelImportErrors, ConstantDataOfTheWrongKind) {
  FileOp op = constant("");
  op.attrs.back().second = attr::string("aaaaaaaaaaaaaaaa");
  EXPECT_REFUSED(xmodel({op}), "a constant needs its attribute 'data', as bytes");
}

TEST(XmodelImportErrors, HugeConstantThatIsNotThere) {
  FileOp op = constant("abcd", {1 << 15, 1 << 15});
  EXPECT_REFUSED(xmodel({op}), "needs 4294967296 bytes, the file has 4");
}

//===-- Fix points ----------------------------------------------------------------------------===//

TEST(XmodelImportErrors, FixWithoutFixPoint) {
  Attrs attrs = fixAttrs(4, 8);
  attrs.erase(attrs.begin());
  EXPECT_REFUSED(xmodel({input(), fix(attrs)}), "needs the attributes fix_point, bit_width and if_signed");
}

TEST(XmodelImportErrors, FixPointOutOfRange) {
  EXPECT_REFUSED(xmodel({input(), fix(fixAttrs(100000, 8))}), "fix_point must be an integer in -1024..1024");
}

TEST(XmodelImportErrors, BitWidthOutOfRange) {
  EXPECT_REFUSED(xmodel({input(), fix(fixAttrs(4, 64))}), "bit_width one in 1..32");
}

TEST(XmodelImportErrors, TensorFixPointOutOfRange) {
  FileOp op = input();
  op.type = "data-fix";
  op.dataType = 2, op.bits = 8;
  op.attrs[1].second = attr::string("XINT8");
  op.tensorAttrs = {{"fix_point", attr::i32(-70000)}};
  EXPECT_REFUSED(xmodel({op}), "'fix_point' is no integer in -1024..1024");
}
