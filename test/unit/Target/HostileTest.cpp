// Graphs nobody sane writes: partitioning must end, in time and without a crash.
#include "Build.h"
#include "dpuopt/Target/Causes.h"
#include "dpuopt/Target/Conformance.h"
#include <random>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
/// Every type the fusing and the rules know something of, and one nobody knows.
const char *const Kinds[] = {"conv2d",
                             "conv1d",
                             "conv3d",
                             "depthwise-conv2d",
                             "transposed-conv2d",
                             "transposed-depthwise-conv2d",
                             "matmul",
                             "maxpool2d",
                             "maxpool1d",
                             "avgpool2d",
                             "relu",
                             "relu6",
                             "leaky-relu",
                             "prelu",
                             "hard-sigmoid",
                             "add",
                             "mul",
                             "scale",
                             "batchnorm",
                             "concat",
                             "reshape",
                             "flatten",
                             "squeeze",
                             "transpose",
                             "resize",
                             "pad",
                             "pixel-shuffle",
                             "reorg",
                             "reduction_mean",
                             "reduction_max",
                             "argmax",
                             "strided_slice",
                             "gstiling",
                             "softmax",
                             "fix",
                             "fix",
                             "fix",
                             "data",
                             "stack",
                             "Mylayer",
                             "conv2d-fix",
                             "pool-fix",
                             "eltwise-fix",
                             "depthwise-fix",
                             "reshape-fix",
                             "concat-fix",
                             "upsample-fix",
                             "downsample-fix",
                             "tile-fix",
                             "hard-sigmoid-fix",
                             "strided_slice-fix",
                             "argmax-fix",
                             "data-fix",
                             "const-fix",
                             "fix2float",
                             "float2fix",
                             "upload",
                             "download"};
const char *const Names[] = {"kernel", "stride",    "dilation",       "pad",           "axis",
                             "order",  "group",     "global",         "alpha",         "mode",
                             "type",   "scale",     "shape",          "align_corners", "op_name",
                             "device", "nonlinear", "output_padding", "strides",       "op_name"};

class RandomGraph {
public:
  explicit RandomGraph(unsigned seed) : rng(seed), compiled(pick(3) == 0) {}
  std::unique_ptr<Graph> make() {
    auto g = std::make_unique<Graph>("g");
    std::vector<Value *> values = {nullptr, g->addInput("in", type())};
    for (unsigned n = pick(25); n-- > 0;) {
      if (pick(5) == 0) {
        values.push_back(g->createConst("k", Tensor::splatFloat(shape(), 1)));
        continue;
      }
      std::vector<Value *> operands;
      for (unsigned i = pick(4); i-- > 0;)
        operands.push_back(values[values.size() - 1 - pick(std::min<size_t>(values.size(), 6))]);
      AttrMap attrs;
      for (unsigned i = pick(5); i-- > 0;)
        attrs[Names[pick(std::size(Names))]] = attr();
      const char *kind = Kinds[pick(compiled ? std::size(Kinds) : 40)];
      Op *op = g->create({std::string("xir.") + kind, operands, {{"v", type()}}, attrs, {}});
      values.push_back(op->result());
    }
    std::vector<Value *> outputs;
    for (unsigned i = pick(3); i-- > 0;)
      if (Value *v = values[pick(values.size())])
        outputs.push_back(v);
    g->setOutputs(outputs);
    return g;
  }

private:
  unsigned pick(size_t n) { return rng() % n; }
  Shape shape() {
    const int64_t dims[] = {0, 1, 1, 2, 16, 17, 300, int64_t(1) << 31};
    Shape s;
    for (unsigned rank = pick(3) ? 4 : pick(6); rank-- > 0;)
      s.push_back(dims[pick(std::size(dims) - (pick(9) ? 1 : 0))]);
    return s;
  }
  Type type() {
    if (pick(12) == 0)
      return Type::unranked(ElemKind::F32);
    return Type(pick(2) ? *ElemType::parse("q8.4") : ElemType(ElemKind::F32), shape());
  }
  Attr attr() {
    switch (pick(6)) {
    case 0:
      return Attr::i32(int(pick(9)) - 4);
    case 1:
      return Attr::i32s({int64_t(pick(5)), int64_t(pick(5)) - 1});
    case 2:
      return Attr::i32s({INT32_MIN, INT32_MAX, 0, 1});
    case 3:
      return Attr::string(pick(2) ? "NEAREST" : "MUL");
    case 4:
      return Attr::boolean(pick(2));
    default:
      return Attr::list(AttrKind::Dict, {});
    }
  }
  std::mt19937 rng;
  bool compiled;
};
} // namespace

TEST(Hostile, AnyGraphIsPartitioned) {
  std::shared_ptr<const Target> targets[] = {target("kv260", "3.5"), target("kv260", "2.5"),
                                             target("DPUCZDX8G_ISA0_B1152_MIN", "1.4")};
  for (unsigned seed = 0; seed < 6000; ++seed) {
    auto g = RandomGraph(seed).make();
    const Target &t = *targets[seed % 3];
    Partition p = partitionGraph(*g, partitionFor(t));
    for (const Op &op : g->ops())
      ASSERT_EQ(p.placement.count(&op), 1u) << "seed " << seed << " " << op.name().str();
    diagnose(*g, p, partitionFor(t));
    compareWithCompiled(partitionGraph(*forgetPlacement(*g), partitionFor(t)), *g, seed % 2);
    annotate(*g, p);
  }
}

TEST(Hostile, LongChains) {
  // Reshapes that get to the DPU one after the other, from the end: each moves the next.
  std::string reshapes = data("x", "1x8x8x16"), prev = "x";
  for (unsigned i = 0; i < 20000; ++i) {
    std::string name = "r" + std::to_string(i);
    reshapes += op(name, "reshape", "%" + prev + "_f", "", "1x8x8x16");
    prev = name;
  }
  auto g = parse(reshapes + conv("c", prev) + "  return %c_f\n");
  EXPECT_EQ(partitionGraph(*g, partitionFor(*target("kv260", "3.5"))).subgraphs.size(), 3u);
}

TEST(Hostile, AWideConcat) {
  std::string body = data("x", "1x8x8x16"), list;
  for (unsigned i = 0; i < 20000; ++i) {
    std::string name = "h" + std::to_string(i);
    body += op(name, "hard-sigmoid", "%x_f", "", "1x8x8x16");
    list += (i ? ", %" : "%") + name + "_f";
  }
  auto g = parse(body + op("t", "concat", list, "axis = 3", "1x8x8x320000") + "  return %t_f\n");
  EXPECT_EQ(partitionGraph(*g, partitionFor(*target("kv260", "3.5"))).count(Device::Dpu), 1u);
}
