// Devices, grouping, boundary ops, names and order of whole graphs.
#include "Build.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
struct Placed {
  std::unique_ptr<Graph> graph;
  std::shared_ptr<const Target> on;
  Partition p;
};

Placed place(const std::string &body, const std::string &name = "kv260", const std::string &version = "3.5") {
  Placed r;
  r.graph = parse(body);
  r.on = target(name, version);
  r.p = partitionGraph(*r.graph, partitionFor(*r.on));
  return r;
}

/// "DPU name" of every subgraph, in order, without the prefix.
std::vector<std::string> subgraphs(const Partition &p) {
  std::vector<std::string> lines;
  for (const Subgraph &s : p.subgraphs)
    lines.push_back(fmt::format("{} {}", deviceName(s.device), llvm::StringRef(s.name).drop_front(9).str()));
  return lines;
}

/// "kind name" of the compiled ops, in order.
std::vector<std::string> ops(const Partition &p) {
  std::vector<std::string> lines;
  for (const FusedOp &op : p.fused->ops)
    lines.push_back(op.kind + " " + op.name);
  return lines;
}

std::vector<std::string> transfers(const Partition &p) {
  std::vector<std::string> lines;
  for (const TransferOp &t : p.transfers)
    lines.push_back(fmt::format("{} {}", t.name, t.tensor));
  return lines;
}

using Lines = std::vector<std::string>;
std::string add(const std::string &name, const std::string &a, const std::string &b) {
  return op(name, "add", fmt::format("%{}_f, %{}_f", a, b), "", "1x8x8x16");
}
} // namespace

TEST(Partition, OneNetworkIsThreeSubgraphs) {
  Placed r = place(data("x", "1x8x8x16") + conv("c", "x") + "  return %c_f\n");
  EXPECT_EQ(subgraphs(r.p), (Lines{"USER x", "DPU c", "CPU c_f_"}));
  EXPECT_EQ(ops(r.p), (Lines{"data-fix x", "conv2d-fix c", "fix2float c_f_"}));
  EXPECT_EQ(transfers(r.p), (Lines{"x_upload_0 x_f_upload_0", "c_download_0 c_f"}));
  EXPECT_EQ(r.p.count(Device::Dpu), 1u);
}

TEST(Partition, ACpuOpCutsEvenWhereTheDpuOpsAreJoined) {
  // c -> s (CPU) -> a and c -> a directly.
  Placed r = place(data("x", "1x8x8x16") + conv("c", "x") + sigmoid("s", "c") + add("a", "c", "s") + "  return %a_f\n");
  EXPECT_EQ(subgraphs(r.p), (Lines{"USER x", "DPU c", "CPU c_f_s", "DPU a", "CPU a_f_"}));
  EXPECT_EQ(transfers(r.p), (Lines{"x_upload_0 x_f_upload_0", "c_download_0 c_f", "c_download_0_upload_0 c_f_upload_0",
                                   "s_f_upload_0 s_f_upload_0", "a_download_0 a_f"}));
  EXPECT_EQ(r.p.of(*r.graph->lookup("s")->def()).reasons,
            (Lines{"requires that the DPU has an engine for it, it is of type sigmoid [op.unsupported]"}));
}

TEST(Partition, AFreeOpGoesToItsConsumers) {
  // p reads the input and feeds only the late add: it belongs to the late subgraph.
  Placed r = place(data("x", "1x8x8x16") + conv("c", "x") + sigmoid("s", "c") + conv("p", "x") + add("a", "p", "s") +
                   "  return %a_f\n");
  EXPECT_EQ(r.p.of(*r.graph->lookup("p")->def()).subgraph, r.p.of(*r.graph->lookup("a")->def()).subgraph);
  EXPECT_NE(r.p.of(*r.graph->lookup("p")->def()).subgraph, r.p.of(*r.graph->lookup("c")->def()).subgraph);
  EXPECT_EQ(transfers(r.p).front(), "x_upload_0 x_f_upload_0"); // numbered in the order of the readers
  EXPECT_EQ(transfers(r.p)[1], "x_upload_1 x_f_upload_1");
}

TEST(Partition, OutputsThatAreNotConnectedAreNotMerged) {
  Placed r = place(data("x", "1x8x8x16") + conv("b", "x") + conv("a", "b") + "  return %a_f, %b_f\n");
  EXPECT_EQ(subgraphs(r.p), (Lines{"USER x", "DPU a", "CPU b_f_", "CPU a_f_"})); // ties come in descending order
}

TEST(Partition, UsersAreOnePerInputInDescendingOrder) {
  Placed r = place(data("input_0", "1x8x8x16") + data("input_1", "1x8x8x16") + add("a", "input_0", "input_1") +
                   "  return %a_f\n");
  EXPECT_EQ(subgraphs(r.p), (Lines{"USER input_1", "USER input_0", "DPU a", "CPU a_f_"}));
}

TEST(Partition, ConstantsCountForTheName) {
  Placed r = place(data("x", "1x8x8x16") + weights("A", "1x8x8x16") + add("z", "x", "A") + "  return %z_f\n");
  EXPECT_EQ(subgraphs(r.p)[1], "DPU A");
  EXPECT_EQ(r.p.of(*r.graph->lookup("A")->def()).device, Device::Dpu);
  EXPECT_EQ(r.p.of(*r.graph->lookup("A_f")->def()).subgraph, 1);
}

TEST(Partition, AConstantOfAFloatOpIsRenamed) {
  Placed r = place(data("x", "1x8x8x16") + weights("A", "1x8x8x16") + op("d", "div", "%x_f, %A_f", "", "1x8x8x16") +
                   conv("c", "d") + "  return %c_f\n");
  EXPECT_EQ(subgraphs(r.p)[1], "CPU A_const");
}

TEST(Fusion, ActivationAndFixJoin) {
  Placed r = place(data("x", "1x8x8x16") + weights("w", "16x1x1x16") +
                   "  %c = xir.conv2d(%x_f, %w_f) {kernel = [1, 1], stride = [1, 1]} : f32<1x8x8x16>\n"
                   "  %r = xir.relu(%c) : f32<1x8x8x16>\n  %r_f = xir.fix(%r) : q8.4<1x8x8x16>\n  return %r_f\n");
  const FusedOp &conv = r.p.fused->ops[1];
  EXPECT_EQ(conv.kind + " " + conv.name + " " + conv.tensor + " " + conv.activation, "conv2d-fix c r_f RELU");
  EXPECT_EQ(conv.members.size(), 3u);
  EXPECT_EQ(conv.constNames, (Lines{"w"}));
  EXPECT_EQ(r.p.subgraphs[1].ops.size(), 5u);
}

TEST(Fusion, PoolsTakeTheNameOfTheirFixSince30) {
  std::string body = data("x", "1x8x8x16") +
                     op("p", "maxpool2d", "%x_f", "kernel = [2, 2], stride = [2, 2]", "1x4x4x16") + "  return %p_f\n";
  EXPECT_EQ(ops(place(body, "kv260", "2.5").p)[1], "pool-fix p");
  EXPECT_EQ(ops(place(body, "kv260", "3.0").p)[1], "pool-fix p_f");
}

TEST(Fusion, HardSigmoidTakesItsScaleAndSaysSoBefore30) {
  std::string body = data("x", "1x8x8x16") +
                     "  %h = xir.hard-sigmoid(%x_f) : f32<1x8x8x16>\n  %k = const splat(1.000122) : f32<1>\n" +
                     op("m", "mul", "%h, %k", "", "1x8x8x16") + "  return %m_f\n";
  EXPECT_EQ(ops(place(body, "kv260", "2.5").p)[1], "hard-sigmoid-fix h(MergeMultoHsigmoid)");
  EXPECT_EQ(ops(place(body, "kv260", "3.5").p)[1], "hard-sigmoid-fix h");
}

TEST(Fusion, AnUnfixedConcatInputGetsAFix) {
  Placed r = place(data("x", "1x8x8x16") + conv("a", "x") + weights("w", "16x1x1x16") +
                   "  %b = xir.conv2d(%x_f, %w_f) {kernel = [1, 1], stride = [1, 1]} : f32<1x8x8x16>\n" +
                   op("t", "concat", "%a_f, %b", "axis = 3", "1x8x8x32") + "  return %t_f\n");
  EXPECT_EQ(r.p.count(Device::Dpu), 1u);
  EXPECT_EQ(r.p.fused->ops[2].kind, "conv2d-fix");
  EXPECT_EQ(r.p.fused->ops[2].tensor, "b_inserted_fix_0");
}

TEST(Fusion, AConcatOfAFloatTensorKeepsItsProducersFloat) {
  Placed r = place(data("x", "1x8x8x16") + weights("w", "16x1x1x16") +
                   "  %b = xir.conv2d(%x_f, %w_f) {kernel = [1, 1], stride = [1, 1]} : f32<1x8x8x16>\n"
                   "  %s = xir.softmax(%x_f) {axis = 3} : f32<1x8x8x16>\n" +
                   op("t", "concat", "%s, %b", "axis = 3", "1x8x8x32") + "  return %t_f\n");
  EXPECT_EQ(r.p.count(Device::Dpu), 0u);
  EXPECT_EQ(r.p.of(*r.graph->lookup("b")->def()).broken.front().rule->id, std::string("op.not-quantized"));
}

TEST(Fusion, AddBehindRelu6StaysApart) {
  Placed r = place(data("x", "1x8x8x16") + "  %a = xir.add(%x_f, %x_f) : f32<1x8x8x16>\n" +
                   op("r", "relu6", "%a", "", "1x8x8x16") + conv("c", "r") + "  return %c_f\n");
  EXPECT_EQ(ops(r.p), (Lines{"data-fix x", "fix2float x_f_a", "add a", "relu6 r", "float2fix r_f", "conv2d-fix c",
                             "fix2float c_f_"}));
}

TEST(Fusion, AFixBetweenFloatOpsStaysAFix) {
  Placed r = place(data("x", "1x8x8x16") + sigmoid("s", "x") + sigmoid("t", "s") + "  return %t_f\n");
  EXPECT_EQ(ops(r.p), (Lines{"data-fix x", "fix2float x_f_s", "sigmoid s", "fix s_f", "sigmoid t", "fix t_f"}));
  EXPECT_EQ(subgraphs(r.p), (Lines{"USER x", "CPU s"}));
}

TEST(Fusion, OneFix2FloatPerReader) {
  Placed r = place(data("x", "1x8x8x16") + conv("c", "x") + sigmoid("s", "c") + sigmoid("t", "c") +
                   "  return %s_f, %t_f, %c_f\n");
  Lines all = ops(r.p);
  for (const char *name : {"fix2float c_f_s", "fix2float c_f_t", "fix2float c_f_"})
    EXPECT_EQ(llvm::count(all, name), 1) << name;
}

TEST(Fusion, AMovementGetsAFixOfItsOwn) {
  Placed r = place(data("x", "1x8x8x16") + "  %t = xir.transpose(%x_f) {order = [0, 2, 1, 3]} : f32<1x8x8x16>\n" +
                   weights("w", "16x1x1x16") +
                   op("c", "conv2d", "%t, %w_f", "kernel = [1, 1], stride = [1, 1]", "1x8x8x16") + "  return %c_f\n");
  EXPECT_EQ(ops(r.p), (Lines{"data-fix x", "fix2float x_f_t", "transpose t", "float2fix t_fix", "conv2d-fix c",
                             "fix2float c_f_"}));
}

TEST(Fusion, ATransposeOfUnitDimensionsIsAReshape) {
  Placed r = place(data("x", "1x1x1x16") +
                   op("c", "conv2d", "%x_f, %w_f", "kernel = [1, 1], stride = [1, 1]", "1x1x1x16")
                       .insert(0, weights("w", "16x1x1x16")) +
                   "  %t = xir.transpose(%c_f) {order = [0, 3, 1, 2]} : f32<1x16x1x1>\n  return %t\n");
  EXPECT_EQ(ops(r.p)[2], "reshape-fix t");
  EXPECT_EQ(r.p.of(*r.graph->lookup("t")->def()).device, Device::Dpu);
}

TEST(Fusion, FlattenAndPermuteVanishInFrontOfAMatmul) {
  std::string body =
      data("x", "1x4x4x16") + op("p", "maxpool2d", "%x_f", "kernel = [1, 1], stride = [1, 1]", "1x4x4x16") +
      "  %t = xir.transpose(%p_f) {order = [0, 3, 1, 2]} : f32<1x16x4x4>\n  %r = xir.flatten(%t) {start_axis = "
      "1, end_axis = 3} : f32<1x256>\n" +
      weights("w", "10x256") + op("m", "matmul", "%r, %w_f", "", "1x10") + weights("v", "5x10") +
      op("n", "matmul", "%m_f, %v_f", "", "1x5") + "  return %n_f\n";
  Placed old = place(body, "DPUCZDX8G_ISA0_B4096_MAX", "1.4"), now = place(body, "kv260", "2.0");
  EXPECT_EQ(ops(old.p), (Lines{"data-fix x", "pool-fix p", "reshape-fix r_fix_reshaped",
                               "conv2d-fix m(TransferMatMulToConv2d)", "conv2d-fix n(TransferMatMulToConv2d)",
                               "reshape-fix n(TransferMatMulToConv2d)_inserted_fix_4_reshaped", "fix2float n_f_"}));
  EXPECT_EQ(ops(now.p), (Lines{"data-fix x", "pool-fix p", "conv2d-fix m(TransferMatMulToConv2d)",
                               "conv2d-fix n(TransferMatMulToConv2d)",
                               "reshape-fix n(TransferMatMulToConv2d)_inserted_fix_3_reshaped", "fix2float n_f_"}));
  for (const Placed *r : {&old, &now}) {
    EXPECT_EQ(r->p.count(Device::Dpu), 1u);
    EXPECT_EQ(r->p.of(*r->graph->lookup("t")->def()).device, Device::Dpu);
  }
}

TEST(Fusion, ABatchNormalizationSaysWhatItBecame) {
  Placed r = place(data("x", "1x4x4x16") + weights("w", "16") + weights("b", "16") +
                   op("s", "scale", "%x_f, %w_f, %b_f", "", "1x4x4x16") + "  return %s_f\n");
  EXPECT_EQ(ops(r.p)[1], "depthwise-conv2d-fix s_transfer_to_depthwise_conv2d");
}

TEST(Fusion, OneDimensionalOpsRunAsImagesSince35) {
  std::string body = data("x", "1x150x6") + weights("w", "32x3x6") + weights("s", "32") +
                     op("c", "conv1d", "%x_f, %w_f", "kernel = [3], stride = [1], pad = [1, 1]", "1x150x32") +
                     op("n", "scale", "%c_f, %s_f", "", "1x150x32") +
                     op("p", "maxpool1d", "%n_f", "kernel = [4], stride = [4], pad = [0, 0]", "1x37x32") +
                     "  return %p_f\n";
  Placed now = place(body, "kv260", "3.5");
  EXPECT_EQ(ops(now.p), (Lines{"data-fix x", "reshape-fix c_input_inserted_reshape", "conv2d-fix c_transfered_Conv2d",
                               "reshape-fix c_f_reshaped", "depthwise-conv2d-fix n_transfer_to_depthwise_conv2d",
                               "reshape-fix p_input_inserted_reshape", "pool-fix p_transfered_MaxPool2d_inserted_fix",
                               "reshape-fix p_output_inserted_reshape", "fix2float p_f_"}));
  EXPECT_EQ(now.p.count(Device::Dpu), 1u);
  EXPECT_EQ(now.p.fused->ops[4].tensor, "n_inserted_fix_1");
  Placed before = place(body, "kv260", "3.0");
  EXPECT_EQ(before.p.of(*before.graph->lookup("c")->def()).broken.front().rule->id, std::string("op.unsupported"));
}

TEST(Fusion, OneDimensionalOpsObeyTheRulesOfImages) {
  Placed r = place(data("x", "1x150x6") + weights("w", "32x17x6") +
                   op("c", "conv1d", "%x_f, %w_f", "kernel = [17], stride = [1], pad = [8, 8]", "1x150x32") +
                   "  return %c_f\n");
  EXPECT_EQ(r.p.of(*r.graph->lookup("c")->def()).broken.front().rule->id, std::string("conv2d.kernel"));
}

TEST(Fusion, APoolThatChangesNothingIsRemoved) {
  auto pool = [](const char *fix) {
    return data("x", "1x1x1x16") + weights("w", "16x1x1x16") +
           op("c", "conv2d", "%x_f, %w_f", "kernel = [1, 1], stride = [1, 1]", "1x1x1x16") +
           "  %p = xir.avgpool2d(%c_f) {kernel = [1, 1], stride = [1, 1]} : f32<1x1x1x16>\n  %p_f = xir.fix(%p) : " +
           fix + "<1x1x1x16>\n  return %p_f\n";
  };
  Placed same = place(pool("q8.4"));
  EXPECT_EQ(ops(same.p), (Lines{"data-fix x", "conv2d-fix c", "fix2float p_f_"}));
  EXPECT_EQ(same.p.of(*same.graph->lookup("p")->def()).device, Device::Dpu);
  EXPECT_EQ(ops(place(pool("q8.3")).p)[2], "pool-fix p_f"); // it rounds
}

TEST(Fusion, AMaxPoolWithoutFixGetsItsOwn) {
  Placed r = place(data("x", "1x8x8x16") +
                   "  %p = xir.maxpool2d(%x_f) {kernel = [3, 3], pad = [1, 1, 1, 1], stride = [1, 1]} : "
                   "f32<1x8x8x16>\n" +
                   op("t", "concat", "%x_f, %p", "axis = 3", "1x8x8x32") + "  return %t_f\n");
  EXPECT_EQ(ops(r.p)[1], "pool-fix p_fix");
}

TEST(Partition, ADenseLayerOnTheInputNeedsACpuReshapeBefore35) {
  std::string body =
      data("x", "1x128") + weights("w", "10x128") + op("m", "matmul", "%x_f, %w_f", "", "1x10") + "  return %m_f\n";
  EXPECT_EQ(subgraphs(place(body, "kv260", "2.5").p),
            (Lines{"USER x", "CPU x_f_reshaped", "DPU m(TransferMatMulToConv2d)", "CPU m_f_"}));
  EXPECT_EQ(subgraphs(place(body, "kv260", "3.5").p), (Lines{"USER x", "DPU m(TransferMatMulToConv2d)", "CPU m_f_"}));
}

TEST(Partition, AConcatOfCpuTensorsAlongTheChannelsRunsOnTheDpuBefore30) {
  std::string body = data("x", "1x8x8x16") + sigmoid("a", "x") + sigmoid("b", "x") +
                     op("t", "concat", "%a_f, %b_f", "axis = 3", "1x8x8x32") + "  return %t_f\n";
  Placed before = place(body, "kv260", "2.5"), now = place(body, "kv260", "3.0");
  EXPECT_EQ(before.p.of(*before.graph->lookup("t")->def()).device, Device::Dpu);
  EXPECT_EQ(now.p.of(*now.graph->lookup("t")->def()).broken.front().rule->id, std::string("concat.inputs"));
}

TEST(Partition, AChainOfReshapesFollowsItsConsumer) {
  std::string body = data("x", "1x1024") + op("a", "reshape", "%x_f", "", "1x64x16") +
                     op("b", "reshape", "%a_f", "", "1x8x8x16") + conv("c", "b") + "  return %c_f\n";
  EXPECT_EQ(place(body, "kv260", "3.5").p.count(Device::Cpu), 1u); // the output's fix2float
  EXPECT_EQ(place(body, "kv260", "2.5").p.count(Device::Cpu), 2u);
}

TEST(Partition, WithoutFixPointsEverythingCountsAsQuantized) {
  Placed r = place("  %x = xir.data() : f32<1x8x8x16>\n  %w = const splat(0.5) : f32<16x1x1x16>\n"
                   "  %c = xir.conv2d(%x, %w) {kernel = [1, 1], stride = [1, 1]} : f32<1x8x8x16>\n  %a = xir.relu(%c) "
                   ": f32<1x8x8x16>\n"
                   "  %s = xir.sigmoid(%a) : f32<1x8x8x16>\n  %m = xir.mul(%a, %s) : f32<1x8x8x16>\n  return %m\n");
  EXPECT_TRUE(r.p.fused->assumedQuantized);
  EXPECT_EQ(subgraphs(r.p), (Lines{"USER x", "DPU c", "CPU a_fix_s", "DPU m", "CPU m_fix_"}));
  for (const Op &op : r.graph->ops())
    EXPECT_EQ(r.p.placement.count(&op), 1u);
}

TEST(Partition, EmptyAndUnusedAreHarmless) {
  EXPECT_TRUE(place("  return\n").p.subgraphs.empty());
  Placed r = place("  %k = const splat(1) : f32<4>\n" + data("x", "1x8x8x16") + "  return %x_f\n");
  EXPECT_EQ(subgraphs(r.p), (Lines{"USER x", "CPU x_f_"}));
  EXPECT_EQ(r.p.of(*r.graph->lookup("k")->def()).subgraph, -1);
}

TEST(Partition, DoesNotDependOnTheOrderOfOps) {
  std::string x = data("x", "1x8x8x16"), a = conv("a", "x"), s = sigmoid("s", "a"), b = conv("b", "x"),
              c = conv("c", "b"), j = add("j", "s", "c");
  Lines expected = subgraphs(place(x + a + s + b + c + j + "  return %j_f\n").p);
  EXPECT_EQ(subgraphs(place(x + b + c + a + s + j + "  return %j_f\n").p), expected);
  EXPECT_EQ(subgraphs(place(x + b + a + s + c + j + "  return %j_f\n").p), expected);
}

TEST(Partition, AnnotationsSayTheSame) {
  Placed r = place(data("x", "1x8x8x16") + conv("c", "x") + sigmoid("s", "c") + conv("d", "s") + "  return %d_f\n");
  annotate(*r.graph, r.p);
  EXPECT_EQ(r.graph->lookup("s")->def()->getString("device"), "CPU");
  EXPECT_EQ(r.graph->lookup("c_w")->def()->getString("device"), "DPU");
  EXPECT_EQ(r.graph->lookup("x")->def()->getString("device"), "USER");
  EXPECT_TRUE(r.graph->lookup("s")->def()->hasAttr("reason"));
  EXPECT_FALSE(r.graph->lookup("c")->def()->hasAttr("reason"));
  ASSERT_NE(r.graph->attr("subgraphs"), nullptr);
  EXPECT_EQ(r.graph->attr("subgraphs")->asList().size(), 4u); // the output's fix2float is no op of this graph
  EXPECT_EQ(r.graph->attr("subgraphs")->asList()[1].asMap().at("name").asString(), "subgraph_c");
}

TEST(Partition, MalformedOpsDoNotCrash) {
  for (const char *body :
       {"  %t = xir.conv2d() : f32<1x8x8x16>\n  return %t\n", "  %t = xir.conv2d-fix() : q8.4<1x8x8x16>\n  return %t\n",
        "  %t = xir.resize() : f32<*>\n  return %t\n", "  %t = xir.fix() : q8.4<4>\n  return %t\n",
        "  %t = xir.matmul(_, _) : f32<?x?>\n  return %t\n", "  %t = xir.concat() : f32<4>\n  return %t\n",
        "  %t = xir.reduction_mean(_) : f32<4>\n  return %t\n", "  %t = xir.upload() : q8.4<4>\n  return %t\n",
        "  %x = xir.data() : f32<*>\n  %t = xir.reshape-fix(%x) : q8.4<*>\n  return %t, %t\n",
        "  %x = xir.data() : f32<?x4>\n  %x_f = xir.fix(%x) : q8.4<?x4>\n  %t = xir.transpose(%x_f) {order = [7, -3]} "
        ": f32<4x?>\n  return %t\n"}) {
    Placed r = place(body);
    EXPECT_EQ(r.p.of(*r.graph->lookup("t")->def()).device == Device::User, false) << body;
  }
}
