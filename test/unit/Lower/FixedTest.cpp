//===- FixedTest.cpp - fix points before and after lower-to-xir ---------------===//
//
// A graph with fix points must compute the same bits before and after, once the
// constants of the DPU's averages are made explicit in front, too.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include "dpuopt/Quant/DpuAverage.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

using namespace dpuopt;

namespace {
/// What lower-to-xir writes behind a fixed global average pool, written before it runs.
void makeAveragesExplicit(Graph &g) {
  std::vector<Op *> pools;
  for (Op &op : g.ops())
    if (op.is("onnx.GlobalAveragePool") && (op.result()->type().isFix() || op.operand(0)->type().isFix()))
      pools.push_back(&op);
  for (Op *pool : pools) {
    const Type &in = pool->operand(0)->type();
    double area = static_cast<double>(in.dim(2) * in.dim(3));
    float factor = static_cast<float>(dpuAverage(in.dim(2), in.dim(3)).value() * area);
    Type out = pool->result()->type();
    auto next = std::next(pool->getIterator());
    Op *after = next == g.ops().end() ? nullptr : &*next;
    Value *scale = g.createConst("scale", Tensor::splatFloat({1}, factor), after);
    Op *mul = g.create({"onnx.Mul", {nullptr, scale}, {{"scaled", out}}}, after);
    pool->result()->replaceAllUsesWith(mul->result());
    pool->result()->setType(out.withElem(ElemKind::F32));
    mul->setOperand(0, pool->result());
  }
}

class Fixed : public ::testing::TestWithParam<const char *> {};

TEST_P(Fixed, ComputesTheSameBits) {
  std::string path = std::string(DPUOPT_SHARED_DATA "/models/fmnist/") + GetParam() + ".onnx";
  if (!llvm::sys::fs::exists(path))
    GTEST_SKIP() << "no shared model collection at " << DPUOPT_SHARED_DATA;
  DiagEngine diags(&llvm::errs());
  auto g = importOnnx(path, {}, diags);
  ASSERT_TRUE(g);
  auto prepare = parsePipeline("clean-up,assume-fix-points", allPasses(), diags);
  auto lower = parsePipeline("lower-to-xir", allPasses(), diags);
  ASSERT_TRUE(prepare && lower);
  std::unique_ptr<Graph> graph = std::move(*g);
  ASSERT_TRUE(succeeded(runPipeline(graph, *prepare, {}, diags)));
  auto before = graph->clone();
  makeAveragesExplicit(*before);
  ASSERT_TRUE(succeeded(runPipeline(graph, *lower, {}, diags)));
  unsigned fixes = llvm::count_if(graph->ops(), [](const Op &op) { return op.is("xir.fix"); });
  EXPECT_GT(fixes, 5u);
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    auto difference = checkEquivalence(*before, *graph, 0, seed, diags);
    ASSERT_TRUE(difference);
    EXPECT_EQ(*difference, 0);
  }
}
INSTANTIATE_TEST_SUITE_P(Lower, Fixed, ::testing::Values("fmnist_cnn2", "fmnist_resnet8", "fmnist_mobilenet"));
} // namespace
