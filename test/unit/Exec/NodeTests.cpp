//===- NodeTests.cpp - the ONNX project's own test cases, one per operator form ---===//
//
// Debian's libonnx-testdata: a model of one node (or few), inputs, outputs. What is
// not supported is listed in NodeTests.def; everything else must come out within 1e-4.
//
//===----------------------------------------------------------------------===//
#include "TestData.h"
#include "dpuopt/Onnx/Onnx.h"
#include <algorithm>
#include <filesystem>
#include <set>

using namespace dpuopt;
using namespace dpuopt::test;
namespace fs = std::filesystem;

namespace {

constexpr const char *NodeData = "/usr/share/libonnx-testdata/data/node";

/// input_0.pb, input_1.pb, ...; nullopt if one is not a tensor of numbers.
std::optional<std::vector<Tensor>> readAll(const fs::path &folder, const std::string &prefix) {
  std::vector<Tensor> tensors;
  for (int i = 0;; ++i) {
    fs::path path = folder / (prefix + std::to_string(i) + ".pb");
    if (!fs::exists(path))
      return tensors;
    auto t = readTensor(path.string());
    if (!t)
      return std::nullopt;
    tensors.push_back(*t);
  }
}

Result<std::unique_ptr<Graph>> importFor(const std::string &model, llvm::ArrayRef<Tensor> inputs, DiagEngine &diags) {
  auto g = importOnnx(model, {}, diags);
  bool known = g && llvm::all_of((*g)->inputs(), [](const Value *v) { return v->type().isStatic(); });
  if (!g || known || (*g)->inputs().size() != inputs.size())
    return g;
  OnnxImportOptions options; // symbolic dimensions take the sizes of the data
  for (size_t i = 0; i < inputs.size(); ++i)
    options.inputShapes[(*g)->inputs()[i]->name()] = Shape(inputs[i].shape().begin(), inputs[i].shape().end());
  return importOnnx(model, options, diags);
}

/// "" if the test passes, else why not.
std::string runNodeTest(const fs::path &folder) {
  auto inputs = readAll(folder / "test_data_set_0", "input_"), outputs = readAll(folder / "test_data_set_0", "output_");
  if (!inputs || !outputs)
    return "data is not tensors of numbers";
  DiagEngine diags;
  auto why = [&](const std::string &what) {
    return what + (diags.all().empty() ? "" : ": " + diags.all().back().message);
  };
  auto g = importFor((folder / "model.onnx").string(), *inputs, diags);
  if (!g)
    return why("import");
  auto executor = Executor::create(**g, {}, diags);
  auto results = executor ? (*executor)->run(*inputs) : Result<std::vector<Tensor>>(failure());
  if (!results)
    return why("execution");
  if (results->size() != outputs->size())
    return "number of outputs";
  for (size_t i = 0; i < results->size(); ++i) {
    if ((*results)[i].shape() != (*outputs)[i].shape())
      return "shape " + (*results)[i].type().str() + " instead of " + (*outputs)[i].type().str();
    double error = worstError((*results)[i], (*outputs)[i]);
    if (error > 1e-4)
      return "values differ by " + std::to_string(error);
  }
  return "";
}

const std::set<std::string> &notSupported() {
  static const std::set<std::string> names = {
#define NOT_SUPPORTED(name) "test_" #name,
#include "NodeTests.def"
#undef NOT_SUPPORTED
  };
  return names;
}

} // namespace

TEST(NodeTests, EveryOtherOnePasses) {
  if (!fs::exists(NodeData))
    GTEST_SKIP() << "Debian's libonnx-testdata is not installed";
  std::vector<fs::path> folders;
  for (const auto &entry : fs::directory_iterator(NodeData))
    folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  unsigned passed = 0, unsupported = 0;
  for (const fs::path &folder : folders) {
    std::string name = folder.filename().string(), why = runNodeTest(folder);
    passed += why.empty();
    if (notSupported().count(name)) {
      ++unsupported;
      EXPECT_NE(why, "") << name << " is listed as not supported, but passes";
    } else {
      EXPECT_EQ(why, "") << name;
    }
  }
  std::cout << "node tests: " << passed << " pass, " << unsupported << " not supported, of " << folders.size() << '\n';
  EXPECT_GE(passed, 1u);
}
