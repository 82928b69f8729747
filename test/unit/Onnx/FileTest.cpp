//===- FileTest.cpp - models and external data on disk ------------------------===//
#include "ModelBuilder.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include <fstream>
#include <sys/resource.h>

using namespace dpuopt;
using namespace dpuopt::test;
namespace fs = llvm::sys::fs;

namespace {
/// A folder that lives as long as the test, with a `model` folder inside.
class OnnxFiles : public ::testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(fs::createUniqueDirectory("dpuopt-onnx", root));
    ASSERT_FALSE(fs::create_directory(root + "/model"));
  }
  void TearDown() override { fs::remove_directories(root); }

  std::string path(const std::string &name) const { return (root + "/" + name).str(); }
  void write(const std::string &name, const Bytes &bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
  }
  /// One f32<2> initializer in an external file, described by key-value pairs.
  Bytes external(std::vector<std::pair<std::string, std::string>> entries) const {
    Model m;
    m.initializers = {tensor("w", Float, {2}, [&](WireWriter &w) {
      for (auto &[key, value] : entries)
        w.bytes(13, fields([&, k = key, v = value](WireWriter &e) { e.bytes(1, k), e.bytes(2, v); }));
      w.varint(14, 1);
    })};
    m.outputs = {output("w")};
    return m.bytes();
  }
  /// Imports model/m.onnx made of `entries`; the values of w, or the error.
  std::string import(std::vector<std::pair<std::string, std::string>> entries) const {
    write("model/m.onnx", external(entries));
    DiagEngine diags(nullptr);
    auto g = importOnnx(path("model/m.onnx"), {}, diags);
    if (!g)
      return diags.all().at(0).message;
    const Tensor *w = constantOf((*g)->lookup("w"));
    return std::to_string(int(w->at(0))) + " " + std::to_string(int(w->at(1)));
  }
  static Bytes floats(std::vector<float> v) { return Bytes(reinterpret_cast<char *>(v.data()), v.size() * 4); }

  llvm::SmallString<128> root;
};
} // namespace

TEST_F(OnnxFiles, ExternalData) {
  write("model/w.bin", floats({1, 2, 3, 4}));
  EXPECT_EQ(import({{"location", "w.bin"}, {"offset", "8"}, {"length", "8"}}), "3 4");
  EXPECT_EQ(import({{"location", "w.bin"}}), "1 2");
  EXPECT_EQ(import({{"location", "../model/./w.bin"}}), "1 2") << "resolved, it is inside";
}

TEST_F(OnnxFiles, ExternalDataOutsideTheFolder) {
  write("secret.bin", floats({1, 2}));
  EXPECT_CONTAINS(import({{"location", "../secret.bin"}}), "must be inside the model's folder");
  EXPECT_CONTAINS(import({{"location", path("secret.bin")}}), "must be a path relative to the model");
}

TEST_F(OnnxFiles, ExternalDataInAFolderThatStartsWithTheSameName) {
  ASSERT_FALSE(fs::create_directory(root + "/model2"));
  write("model2/w.bin", floats({1, 2}));
  EXPECT_CONTAINS(import({{"location", "../model2/w.bin"}}), "must be inside the model's folder");
}

TEST_F(OnnxFiles, ExternalDataThroughASymbolicLink) {
  write("secret.bin", floats({1, 2}));
  write("model/real.bin", floats({3, 4}));
  ASSERT_FALSE(fs::create_link(path("secret.bin"), path("model/out.bin")));
  ASSERT_FALSE(fs::create_link(path("model/real.bin"), path("model/in.bin")));
  EXPECT_CONTAINS(import({{"location", "out.bin"}}), "must be inside the model's folder");
  EXPECT_EQ(import({{"location", "in.bin"}}), "3 4");
}

TEST_F(OnnxFiles, ExternalDataThatIsTooShort) {
  write("model/w.bin", floats({1, 2}));
  EXPECT_CONTAINS(import({{"location", "w.bin"}, {"offset", "4"}}), "has 8 bytes, bytes 4 to 12 are needed");
  EXPECT_CONTAINS(import({{"location", "w.bin"}, {"offset", "18446744073709551615"}}), "has 8 bytes");
}

TEST_F(OnnxFiles, ExternalDataWithTheWrongLength) {
  write("model/w.bin", floats({1, 2}));
  EXPECT_CONTAINS(import({{"location", "w.bin"}, {"length", "4"}}), "needs 8 bytes, its external data length is 4");
  EXPECT_CONTAINS(import({{"location", "w.bin"}, {"length", "-8"}}), "must be a number of bytes, is '-8'");
}

TEST_F(OnnxFiles, ExternalDataThatIsNotAFile) {
  EXPECT_CONTAINS(import({{"location", "missing.bin"}}), "cannot be read");
  EXPECT_CONTAINS(import({{"location", ""}}), "must name a file");
  EXPECT_CONTAINS(import({}), "must name a file");
  ASSERT_FALSE(fs::create_directory(root + "/model/dir"));
  EXPECT_CONTAINS(import({{"location", "dir"}}), "must be a regular file");
}

/// 100 MB of weights are mapped: importing neither copies nor reads them.
TEST_F(OnnxFiles, BigModelIsMappedNotCopied) {
  constexpr int64_t count = 25, each = 1 << 20;
  Model m;
  std::vector<float> values(each, 0.25f);
  for (int64_t i = 0; i < count; ++i) {
    m.initializers.push_back(rawTensor<float>("w" + std::to_string(i), Float, {each}, values));
    m.outputs.push_back(output("w" + std::to_string(i)));
  }
  write("model/big.onnx", m.bytes());
  m = Model();
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  DiagEngine diags(nullptr);
  auto g = importOnnx(path("model/big.onnx"), {}, diags);
  ASSERT_TRUE(g);
  getrusage(RUSAGE_SELF, &after);
  // The slices lie as far apart as the tensors in the file: one mapping holds them all.
  const uint8_t *first = constantOf((*g)->lookup("w0"))->storage().bytes().begin();
  for (int64_t i = 1; i < count; ++i) {
    const uint8_t *p = constantOf((*g)->lookup("w" + std::to_string(i)))->storage().bytes().begin();
    EXPECT_NEAR(double(p - first), double(i * each * 4), double(64 * i));
  }
  EXPECT_LT((after.ru_minflt - before.ru_minflt), 2000) << "page faults: 25,600 would be all of it";
}

//===-- Export -----------------------------------------------------------------------===//

TEST_F(OnnxFiles, ExportIsDeterministic) {
  Model m = unary("Add", {2});
  m.initializers = {rawTensor<float>("w", Float, {2}, {1, 2})};
  m.nodes[0].inputs = {"x", "w"};
  Imported i(m);
  DiagEngine diags(nullptr);
  ASSERT_TRUE(succeeded(exportOnnx(*i.graph, path("a.onnx"), {}, diags)));
  ASSERT_TRUE(succeeded(exportOnnx(*i.graph->clone(), path("b.onnx"), {}, diags)));
  auto a = Blob::mapFile(path("a.onnx"), diags), b = Blob::mapFile(path("b.onnx"), diags);
  EXPECT_TRUE(*a == *b);
}

TEST_F(OnnxFiles, ExportWithExternalData) {
  Model m = unary("Add", {1024});
  std::vector<float> big(1024, 0.5f);
  big[7] = 7;
  m.initializers = {rawTensor<float>("w", Float, {1024}, big), rawTensor<float>("v", Float, {1024}, big),
                    int64s("s", {1024})};
  m.nodes = {{"Add", {"x", "w"}, {"a"}}, {"Add", {"a", "v"}, {"b"}}, {"Reshape", {"b", "s"}, {"y"}}};
  Imported i(m);
  DiagEngine diags(nullptr);
  ASSERT_TRUE(succeeded(exportOnnx(*i.graph, path("e.onnx"), {true}, diags)));
  auto data = Blob::mapFile(path("e.onnx.data"), diags), model = Blob::mapFile(path("e.onnx"), diags);
  ASSERT_TRUE(data && model);
  EXPECT_EQ(data->size(), 2u * 4096);
  EXPECT_LT(model->size(), 1000u);
  auto g = importOnnx(path("e.onnx"), {}, diags);
  ASSERT_TRUE(g) << diags.all().at(0).message;
  std::string again;
  llvm::raw_string_ostream os(again);
  printGraph(**g, os);
  EXPECT_EQ(os.str(), i.text());
}

TEST_F(OnnxFiles, ExportOfASplatIsSmallAndStaysASplat) {
  Graph g("g");
  Value *w = g.createConst("w", Tensor::splatFloat({1000, 1000, 100}, 0.5f));
  g.setOutputs({w});
  DiagEngine diags(nullptr);
  ASSERT_TRUE(succeeded(exportOnnx(g, path("s.onnx"), {}, diags)));
  auto file = Blob::mapFile(path("s.onnx"), diags);
  EXPECT_LT(file->size(), 500u);
  auto back = importOnnx(path("s.onnx"), {}, diags);
  ASSERT_TRUE(back);
  EXPECT_TRUE(constantOf((*back)->lookup("w"))->isSplat());
}

TEST_F(OnnxFiles, ExportRefusesXirOps) {
  Graph g("g");
  Op *op = g.create({"xir.data", {}, {{"x", Type(ElemKind::F32, {1})}}, {}, {}});
  g.setOutputs({op->result()});
  DiagEngine diags(nullptr);
  EXPECT_TRUE(failed(exportOnnx(g, path("x.onnx"), {}, diags)));
  EXPECT_CONTAINS(diags.all().at(0).message, "xir.data: only onnx operators");
  EXPECT_FALSE(fs::exists(path("x.onnx")));
}

TEST_F(OnnxFiles, ExportRefusesAttributesOnnxCannotHold) {
  Graph g("g");
  Value *x = g.addInput("x", Type(ElemKind::F32, {1}));
  Op *op = g.create({"onnx.Relu", {x}, {{"y", Type(ElemKind::F32, {1})}}, {{"a", Attr::dict({})}}, {}});
  g.setOutputs({op->result()});
  DiagEngine diags(nullptr);
  EXPECT_TRUE(failed(exportOnnx(g, path("x.onnx"), {}, diags)));
  EXPECT_CONTAINS(diags.all().at(0).message, "attribute 'a' cannot be written to ONNX");
}

TEST_F(OnnxFiles, ExportWritesFixPointsAsFloat) {
  Graph g("g");
  Type q(ElemType::fix(8, 4), {2});
  Value *w = g.createConst("w", Tensor(q, Blob::copy(llvm::StringRef("\x10\x08"))));
  g.setOutputs({w});
  DiagEngine diags(nullptr);
  ASSERT_TRUE(succeeded(exportOnnx(g, path("q.onnx"), {}, diags)));
  EXPECT_CONTAINS(diags.all().at(0).message, "1 values are written as float");
  auto back = importOnnx(path("q.onnx"), {}, diags);
  ASSERT_TRUE(back);
  EXPECT_EQ(constantOf((*back)->lookup("w"))->at(0), 1.0);
  EXPECT_EQ(constantOf((*back)->lookup("w"))->at(1), 0.5);
}

TEST_F(OnnxFiles, ExportToAnUnwritablePlace) {
  Imported i(unary("Relu", {1}));
  DiagEngine diags(nullptr);
  EXPECT_TRUE(failed(exportOnnx(*i.graph, path("no/such/dir/x.onnx"), {}, diags)));
  EXPECT_CONTAINS(diags.all().at(0).message, "x.onnx");
}

TEST_F(OnnxFiles, CapturedValueThatWasRenamedGetsAnIdentity) {
  Model body = unary("Relu", {1});
  body.inputs.clear();
  body.nodes[0].inputs = {"x"};
  Imported i(unary("If", {1}, {graphAttr("then_branch", body.graph())}));
  i.value("x")->setName("renamed");
  DiagEngine diags(nullptr);
  ASSERT_TRUE(succeeded(exportOnnx(*i.graph, path("c.onnx"), {}, diags)));
  auto back = importOnnx(path("c.onnx"), {}, diags);
  ASSERT_TRUE(back) << diags.all().at(0).message;
  EXPECT_EQ((*back)->lookup("x")->def()->name(), "onnx.Identity");
}

/// IR version 3 wants every initializer among the inputs; we read it back as a constant.
TEST_F(OnnxFiles, OldIrVersionListsInitializersAsInputs) {
  Model m = unary("Add", {2});
  m.irVersion = 3;
  m.initializers = {rawTensor<float>("w", Float, {2}, {1, 2})};
  m.nodes[0].inputs = {"x", "w"};
  Imported i(m);
  DiagEngine diags(nullptr);
  ASSERT_TRUE(succeeded(exportOnnx(*i.graph, path("o.onnx"), {}, diags)));
  auto file = Blob::mapFile(path("o.onnx"), diags);
  WireWriter input;
  input.bytes(11, valueInfo("w", Float, {2}));
  EXPECT_CONTAINS(file->str(), input.str());
  auto back = importOnnx(path("o.onnx"), {}, diags);
  ASSERT_TRUE(back);
  EXPECT_EQ((*back)->inputs().size(), 1u);
}

TEST_F(OnnxFiles, TypesThatAreNoTensorsSurvive) {
  Model m = unary("SequenceLength", {1});
  Bytes sequence("\x22\x00", 2);
  m.inputs = {fields([&](WireWriter &w) { w.bytes(1, "x"), w.bytes(2, sequence); })};
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  DiagEngine diags(nullptr);
  ASSERT_TRUE(succeeded(exportOnnx(*i.graph, path("t.onnx"), {}, diags)));
  auto file = Blob::mapFile(path("t.onnx"), diags);
  EXPECT_CONTAINS(file->str(), m.inputs[0]);
}
