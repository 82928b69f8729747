//===- xmodel_io - our reader and writer, to be timed from outside -----------------===//
//
//   xmodel_io IN.xmodel OUT.xmodel    reads IN, writes OUT
//   xmodel_io --make MB OUT.xmodel    writes a quantized graph with MB million bytes of
//                                     constants: data, then conv2d after conv2d
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/StringExtras.h"

using namespace dpuopt;

namespace {
constexpr int64_t Channels = 512;
constexpr int64_t WeightBytes = Channels * 3 * 3 * Channels * 4;

class Maker {
public:
  std::unique_ptr<Graph> run(int64_t convs) {
    Value *x = add("xir.data", "x", Type(ElemKind::F32, {1, 8, 8, Channels}), {},
                   {{"data_type", Attr::string("FLOAT32")}, {"shape", Attr::i32s({1, 8, 8, Channels})}});
    x = fix(x, 4);
    for (int64_t i = 0; i < convs; ++i)
      x = conv(x, "conv" + std::to_string(i));
    graph->setOutputs({x});
    return std::move(graph);
  }

private:
  Value *add(const char *op, const std::string &name, Type type, std::vector<Value *> operands, AttrMap attrs) {
    return graph->create({op, std::move(operands), {{name, std::move(type)}}, std::move(attrs), {}})->result();
  }

  Value *fix(Value *v, int point) {
    Type type = v->type().withElem(ElemType::fix(8, point));
    return add("xir.fix", v->name() + "_fix", type, {v}, {{"round_mode", Attr::string("DPU_ROUND")}});
  }

  Value *conv(Value *x, const std::string &name) {
    std::vector<float> weights(WeightBytes / 4);
    for (float &w : weights) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      w = static_cast<float>(static_cast<int8_t>(state >> 56)) / 128;
    }
    Value *w = fix(
        graph->createConst(name + "_weight", Tensor::fromFloats({Channels, 3, 3, Channels}, std::move(weights))), 7);
    AttrMap attrs = {{"dilation", Attr::i32s({1, 1})},
                     {"kernel", Attr::i32s({3, 3})},
                     {"pad", Attr::i32s({1, 1, 1, 1})},
                     {"pad_mode", Attr::string("FLOOR")},
                     {"stride", Attr::i32s({1, 1})}};
    Value *y = add("xir.conv2d", name, Type(ElemKind::F32, {1, 8, 8, Channels}), {x, w}, std::move(attrs));
    return fix(y, 4);
  }

  std::unique_ptr<Graph> graph = std::make_unique<Graph>("constants");
  uint64_t state = 1;
};
} // namespace

int main(int argc, char **argv) {
  DiagEngine diags(&llvm::errs());
  int64_t megabytes;
  if (argc == 4 && llvm::StringRef(argv[1]) == "--make" && llvm::to_integer(argv[2], megabytes))
    return failed(exportXmodel(*Maker().run((megabytes * 1000000 + WeightBytes - 1) / WeightBytes), argv[3], diags));
  if (argc != 3) {
    llvm::errs() << "usage: xmodel_io IN.xmodel OUT.xmodel | --make MB OUT.xmodel\n";
    return 2;
  }
  auto graph = importXmodel(argv[1], diags);
  return !graph || failed(exportXmodel(**graph, argv[2], diags));
}
