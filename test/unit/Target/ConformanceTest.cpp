// A compiled graph is forgotten and predicted again; what differs is named.
#include "dpuopt/Target/Conformance.h"
#include "Build.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
using Lines = std::vector<std::string>;

struct File {
  std::string device, name;
  Lines ops;
};

/// Graph attribute `subgraphs` as an xmodel has it.
Attr subgraphs(const std::vector<File> &list) {
  std::vector<Attr> all;
  for (const File &s : list)
    all.push_back(Attr::dict({{"attrs", Attr::dict({{"device", Attr::string(s.device)}})},
                              {"children", Attr::list(AttrKind::Dict, {})},
                              {"name", Attr::string("subgraph_" + s.name)},
                              {"ops", Attr::strings(s.ops)}}));
  return Attr::list(AttrKind::Dict, all);
}

/// data -> conv -> hard-sigmoid, as vai_c_xir leaves it.
const char *Body = R"(
  %x_f = xir.data-fix() {op_name = "x"} : q8.4<1x8x8x16>
  %x_f_upload_0 = xir.upload(%x_f) {op_name = "x_upload_0"} : q8.4<1x8x8x16>
  %w_f = xir.const-fix() {op_name = "w"} : q8.4<16x1x1x16>
  %c_f = xir.conv2d-fix(%x_f_upload_0, %w_f) {kernel = [1, 1], stride = [1, 1], op_name = "c"} : q8.4<1x8x8x16>
  %h_f_download_0 = xir.hard-sigmoid-fix(%c_f) {op_name = "h"} : q8.4<1x8x8x16>
  %h_f = xir.download(%h_f_download_0) {op_name = "h_download_0"} : q8.4<1x8x8x16>
  %h_f_ = xir.fix2float(%h_f) : f32<1x8x8x16>
  return %h_f_
)";
const std::vector<File> Subgraphs = {
    {"USER", "x", {"x"}}, {"DPU", "c", {"x_upload_0", "w", "c", "h", "h_download_0"}}, {"CPU", "h_f_", {"h_f_"}}};

Conformance check(const std::vector<File> &list, const std::string &name = "kv260",
                  const std::string &version = "3.5") {
  auto g = parse(Body);
  g->attrs()["subgraphs"] = subgraphs(list);
  auto t = target(name, version);
  return compareWithCompiled(partitionGraph(*forgetPlacement(*g), partitionFor(*t)), *g, false);
}

Lines lines(const Conformance &c) {
  Lines out;
  for (const Disagreement &d : c.differences)
    out.push_back(fmt::format("{} {}: {}, not {} [{}]", d.kind, d.subject, d.expected, d.got, d.rule));
  return out;
}
} // namespace

TEST(Conformance, AFileThatIsAsPredicted) {
  Conformance c = check(Subgraphs);
  EXPECT_EQ(lines(c), Lines());
  EXPECT_EQ(c.ops, 7u);
  EXPECT_TRUE(c.expected == c.got && c.got == (SubgraphCounts{1, 1, 1}));
}

TEST(Conformance, ADeviceIsReportedWithItsRule) {
  Conformance c = check(Subgraphs, "DPUCZDX8G_ISA0_B4096_MAX", "1.4"); // has no hard-sigmoid
  ASSERT_FALSE(c.conforms());
  EXPECT_EQ(lines(c).front(), "device h: DPU, not CPU [hard-sigmoid.engine]");
  EXPECT_NE(c.differences.front().because.find("ALU"), std::string::npos);
}

TEST(Conformance, AnotherOrder) {
  EXPECT_EQ(lines(check({Subgraphs[1], Subgraphs[0], Subgraphs[2]})),
            Lines{"order subgraph 0: DPU subgraph_c, not USER subgraph_x []"});
}

TEST(Conformance, AnotherName) {
  std::vector<File> list = Subgraphs;
  list[1].name = "h";
  EXPECT_EQ(lines(check(list)), (Lines{"subgraph DPU subgraph_h: DPU subgraph_h, not  []",
                                       "subgraph DPU subgraph_c: , not DPU subgraph_c []"}));
}

TEST(Conformance, AnOpThatIsNotInTheFile) {
  std::vector<File> list = Subgraphs;
  llvm::erase_value(list[1].ops, "h_download_0");
  EXPECT_EQ(lines(check(list)), Lines{"op h_download_0: , not download on DPU []"});
}

TEST(Conformance, AnOpInTwoPiecesOfTheDpu) {
  std::vector<File> list = Subgraphs;
  list[1].ops = {"x_upload_0", "w", "c"};
  list.insert(list.begin() + 2, {"DPU", "h", {"h", "h_download_0"}});
  Conformance c = check(list);
  EXPECT_EQ(c.expected.dpu, 2u);
  EXPECT_EQ(lines(c), Lines{"subgraph DPU subgraph_h: DPU subgraph_h, not  []"});
}

TEST(Conformance, ForgettingLeavesNoTraceOfPlacement) {
  auto g = parse(Body);
  g->attrs()["subgraphs"] = subgraphs(Subgraphs);
  for (Op &op : g->ops())
    op.setAttr("device", Attr::string("DPU"));
  auto bare = forgetPlacement(*g);
  EXPECT_EQ(bare->attr("subgraphs"), nullptr);
  Lines ops;
  for (const Op &op : bare->ops()) {
    EXPECT_FALSE(op.hasAttr("device"));
    ops.push_back(xirName(op) + " " + op.result()->name());
  }
  EXPECT_EQ(ops, (Lines{"x x_f", "w w_f", "c c_f", "h h_f"}));
  ASSERT_EQ(bare->outputs().size(), 1u);
  EXPECT_EQ(bare->outputs()[0]->name(), "h_f");
}

TEST(Conformance, AFixBehindAFloatOpIsJudgedAgain) {
  auto g = parse(R"(
  %x = xir.data() : f32<1x8x8x16>
  %s = xir.softmax(%x) : f32<1x8x8x16>
  %s_f = xir.float2fix(%s) : q8.4<1x8x8x16>
  %h_f = xir.hard-sigmoid-fix(%s_f) {op_name = "h"} : q8.4<1x8x8x16>
  return %h_f
)");
  auto bare = forgetPlacement(*g);
  EXPECT_TRUE(bare->lookup("s_f")->def()->is("xir.fix"));
  Partition p = partitionGraph(*bare, partitionFor(*target("kv260")));
  EXPECT_EQ(p.fused->ops[2].kind, "float2fix");
}

namespace {
/// Device of `%t_f`, an op of a compiled graph that reads a convolution's result.
std::string deviceOf(const std::string &op, const std::string &name = "kv260", const std::string &version = "3.5") {
  auto g =
      parse("  %x_f = xir.data-fix() {op_name = \"x\"} : q8.4<1x8x8x16>\n"
            "  %w_f = xir.const-fix() {op_name = \"w\"} : q8.4<16x1x1x16>\n"
            "  %c_f = xir.conv2d-fix(%x_f, %w_f) {kernel = [1, 1], stride = [1, 1]} : q8.4<1x8x8x16>\n  %t_f = xir." +
            op + "\n  return %t_f\n");
  Partition p = partitionGraph(*forgetPlacement(*g), partitionFor(*target(name, version)));
  for (const FusedOp &f : p.fused->ops)
    if (f.tensor == "t_f")
      return deviceName(f.device);
  return "nowhere";
}
constexpr const char *Isa0 = "DPUCZDX8G_ISA0_B3136_MAX_BG2";
} // namespace

TEST(Conformance, OpsOnlyCompiledGraphsHave) {
  EXPECT_EQ(deviceOf("eltwise-fix(%c_f) {type = \"ADD\"} : q8.3<1x8x8x16>"), "DPU"); // a shift of the fix point
  EXPECT_EQ(deviceOf("eltwise-fix(%c_f) {type = \"ADD\"} : q8.3<1x8x8x16>", Isa0, "1.4"), "DPU");
  EXPECT_EQ(deviceOf("tile-fix(%c_f) {reverse = true, stride = 2} : q8.4<1x16x16x4>", "kv260", "2.0"), "DPU");
  EXPECT_EQ(deviceOf("pool-fix(%c_f) {kernel = [8, 1], stride = [1, 1], type = \"MAX\"} : q8.4<1x8x1x16>"), "DPU");
  EXPECT_EQ(deviceOf("downsample-fix(%c_f) {mode = \"BILINEAR\", half_pixel_centers = true} : q8.4<1x1x1x16>"), "DPU");
  EXPECT_EQ(deviceOf("upsample-fix(%c_f) {mode = \"BILINEAR\", align_corners = true} : q8.4<1x64x64x16>"), "CPU");
  EXPECT_EQ(deviceOf("upsample-fix(%c_f) {mode = \"NEAREST\"} : q8.4<1x16x16x16>"), "DPU");
}

TEST(Conformance, WhatIsa0Lacks) {
  std::string gate = "hard-sigmoid-fix(%c_f) : q8.4<1x8x8x16>",
              product = "eltwise-fix(%c_f, %x_f) {type = \"MUL\"} : q8.4<1x8x8x16>";
  EXPECT_EQ(deviceOf(gate), "DPU");
  EXPECT_EQ(deviceOf(gate, Isa0, "1.4"), "CPU");
  EXPECT_EQ(deviceOf(product, Isa0, "1.4"), "CPU");
  EXPECT_EQ(deviceOf(product, "DPUCZDX8G_ISA0_B4096_MAX_EM", "1.4"), "DPU"); // bit 36
  std::string mean = "pool-fix(%c_f) {kernel = [8, 8], stride = [1, 1], type = \"AVG\"} : q8.4<1x1x1x16>";
  EXPECT_EQ(deviceOf(mean, Isa0, "1.4"), "DPU"); // bit 30
  EXPECT_EQ(deviceOf(mean, "DPUCZDX8G_ISA0_B1152_MIN", "1.4"), "CPU");
  EXPECT_EQ(deviceOf("pool-fix(%c_f) {kernel = [9, 2], stride = [1, 1], type = \"MAX\"} : q8.4<1x7x1x16>", Isa0, "1.4"),
            "DPU"); // bit 37: up to 100 wide, two high
}

TEST(Conformance, TransfersBetweenPiecesOfTheDpu) {
  // c -> softmax (CPU) -> h, and c -> h directly.
  auto g = parse(R"(
  %x_f = xir.data-fix() {op_name = "x"} : q8.4<1x8x8x16>
  %y_f = xir.data-fix() {op_name = "y"} : q8.4<1x8x8x16>
  %c_f = xir.eltwise-fix(%x_f, %y_f) {type = "ADD", op_name = "c"} : q8.4<1x8x8x16>
  %s = xir.Mylayer(%c_f) : f32<1x8x8x16>
  %s_f = xir.fix(%s) : q8.4<1x8x8x16>
  %h_f = xir.eltwise-fix(%s_f, %c_f) {type = "ADD", op_name = "h"} : q8.4<1x8x8x16>
  return %h_f, %c_f
)");
  Partition p = partitionGraph(*g, partitionFor(*target("kv260", "3.5")));
  Lines names;
  for (const Subgraph &s : p.subgraphs)
    names.push_back(fmt::format("{} {}", deviceName(s.device), s.name));
  EXPECT_EQ(names, (Lines{"USER subgraph_y", "USER subgraph_x", "DPU subgraph_c", "CPU subgraph_c_f_s",
                          "DPU subgraph_h", "CPU subgraph_h_f_", "CPU subgraph_c_f_"}));
  Lines transfers;
  for (const TransferOp &t : p.transfers)
    transfers.push_back(t.name);
  EXPECT_EQ(transfers, (Lines{"x_upload_0", "y_upload_0", "c_download_0", "c_download_0_upload_0", "s_f_upload_0",
                              "h_download_0"}));
}

TEST(Conformance, FactsOfAFile) {
  auto g = parse(Body);
  EXPECT_TRUE(isCompiledGraph(*g));
  EXPECT_FALSE(isCompiledGraph(*parse(data("x", "1x8x8x16") + conv("c", "x") + "  return %c_f\n")));
  g->attrs()["libs_info"] = Attr::map(AttrKind::String, {{"xcompiler.2.5.0 : xir.2.5.0", Attr::string("54ab")}});
  g->attrs()["files_md5sum"] = Attr::map(AttrKind::String, {{"/a/b.xmodel", Attr::string("0AB1")}});
  g->attrs()["subgraphs"] = Attr::list(
      AttrKind::Dict, {Attr::dict({{"attrs", Attr::dict({{"dpu_name", Attr::string("DPUCZDX8G_ISA1_B4096")},
                                                         {"dpu_fingerprint", Attr::u64(0x101000016010407)}})}})});
  CompiledFacts facts = compiledFacts(*g);
  EXPECT_EQ(facts.compiler, "2.5.0");
  EXPECT_EQ(facts.fingerprint, 0x101000016010407u);
  EXPECT_EQ(facts.dpuName, "DPUCZDX8G_ISA1_B4096");
  EXPECT_EQ(facts.sourceMd5, Lines{"0ab1"});
}

TEST(Conformance, FactsOfOddAttributes) {
  auto g = parse(Body);
  for (const char *name : {"libs_info", "files_md5sum", "subgraphs"})
    g->attrs()[name] = Attr::i32(1);
  EXPECT_EQ(compiledFacts(*g).compiler, "");
  g->attrs()["subgraphs"] = Attr::list(AttrKind::I32, {Attr::i32(1)});
  EXPECT_EQ(compiledFacts(*g).fingerprint, 0u);
  EXPECT_TRUE(isCompiledGraph(*g));
  EXPECT_FALSE(compareWithCompiled(partitionGraph(*g, partitionFor(*target("kv260"))), *g, false).conforms());
}

TEST(Conformance, TheReleaseOfAFingerprint) {
  EXPECT_EQ(lastReleaseOf(0x1000020f6014406), 14);
  EXPECT_EQ(lastReleaseOf(0x101000016010407), 25);
  EXPECT_EQ(lastReleaseOf(0x101000056010407), 35);
  EXPECT_EQ(lastReleaseOf(0x603000b16011831), std::nullopt);
}
