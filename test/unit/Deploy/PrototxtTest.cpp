//===- PrototxtTest.cpp - what the vendor's library is told, by head and release -----===//
//
// Each model type of the library has one decoder with one layout; the fields and their order
// are those of the files that the library's own models have.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Deploy/Package.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace dpuopt;

namespace {

Contract model(bool bgr, int64_t size = 640) {
  DiagEngine diags(&llvm::errs());
  Contract c;
  c.name = "net";
  ContractInput in;
  in.name = in.tensor = "image", in.shape = {1, size, size, 3}, in.bits = 8, in.fixPoint = 6;
  in.pixels = *pixelRecipe({{1, 2, 3}, {0.25, 0.5, 1}, bgr, ""}, 3, 6, diags);
  c.inputs.push_back(in);
  return c;
}

int add(Contract &c, std::string name, int64_t map, int64_t channels) {
  ContractOutput out;
  out.name = out.tensor = std::move(name), out.shape = {1, map, map, channels}, out.bits = 8, out.fixPoint = 3;
  c.outputs.push_back(out);
  return static_cast<int>(c.outputs.size()) - 1;
}

HeadMap map(int64_t size, double stride, double offset) {
  HeadMap m;
  m.height = m.width = size, m.strideX = m.strideY = stride, m.offsetX = m.offsetY = offset;
  return m;
}

/// One tensor per scale of `anchors` x (4, 1, classes) channels; finest scale last.
Contract packed(const char *decode, double xyScale, double offset, size_t anchors, bool bgr = false) {
  Contract c = model(bgr);
  ContractHead h;
  h.kind = "yolov5", h.decode = decode, h.scores = h.objectness = "sigmoid", h.classes = 2, h.xyScale = xyScale;
  for (int64_t size : {20, 40}) {
    const int output = add(c, fmt::format("map{}_fix", size), size, static_cast<int64_t>(anchors) * 7);
    HeadMap m = map(size, 640.0 / double(size), offset);
    for (size_t a = 0; a < anchors; ++a) {
      const int64_t first = static_cast<int64_t>(a) * 7;
      m.anchors.push_back({0,
                           double(size + 1),
                           double(size + 2) + double(a),
                           {output, first, 4, 1},
                           {output, first + 4, 1, 1},
                           {output, first + 5, 2, 1}});
    }
    h.maps.push_back(m);
  }
  c.head = h;
  return c;
}

/// A tensor for boxes and one for classes per scale.
Contract apart(const char *decode, const char *scores, int64_t bins, int64_t classes, size_t anchors,
               int64_t size = 640) {
  Contract c = model(false, size);
  ContractHead h;
  h.kind = "x", h.decode = decode, h.scores = scores, h.classes = classes, h.bins = bins, h.variances = {0.1, 0.2};
  for (int64_t cells : {40, 20}) {
    const int64_t count = static_cast<int64_t>(anchors);
    const int box = add(c, fmt::format("box{}", cells), cells, count * 4 * bins);
    const int scored = add(c, fmt::format("cls{}", cells), cells, count * classes);
    HeadMap m = map(cells, double(size) / double(cells), 0.5);
    for (int64_t a = 0; a < count; ++a)
      m.anchors.push_back({0, 0, 0, {box, a * 4 * bins, 4 * bins, 1}, {}, {scored, a * classes, classes, 1}});
    h.maps.push_back(m);
  }
  c.head = h;
  return c;
}

/// Keys and values in order, braces left out: "model_type YOLOv3 num_classes 2 ...", from model_type on.
std::string flat(const Contract &c) {
  const std::string text = prototxt(c);
  std::string out;
  llvm::SmallVector<llvm::StringRef, 64> lines;
  llvm::StringRef(text).split(lines, '\n');
  int depth = 0;
  bool on = false;
  for (llvm::StringRef line : lines) {
    depth += static_cast<int>(line.count('{')) - static_cast<int>(line.count('}'));
    line = line.trim(" {}");
    on |= line.startswith("model_type") || line.startswith("#");
    if (on && !line.empty())
      out += (out.empty() ? "" : " ") + line.split(": ").first.str() +
             (line.contains(": ") ? " " + line.split(": ").second.str() : "");
  }
  EXPECT_EQ(depth, 0) << text;
  return out;
}

TEST(Prototxt, MeanAndScaleAreBlueFirst) {
  auto kernel = [](bool bgr) {
    const std::string text = prototxt(model(bgr));
    return text.substr(0, text.find("  # no"));
  };
  EXPECT_EQ(kernel(false),
            "model {\n  name: \"net\"\n  kernel {\n    name: \"net_0\"\n    mean: 3\n    mean: 2\n    mean: 1\n"
            "    scale: 1\n    scale: 0.5\n    scale: 0.25\n  }\n");
  EXPECT_NE(kernel(true).find("mean: 1\n    mean: 2\n    mean: 3\n"), std::string::npos);
}

TEST(Prototxt, YoloV5IsATypeOfYoloV3FromThreeOnAndOfaYoloBefore) {
  Contract c = packed("sigmoid-square", 2, 0.5, 1);
  const std::string rest =
      "num_classes 2 anchorCnt 1 layer_name \"map20_fix\" layer_name \"map40_fix\" conf_threshold 0.25 "
      "nms_threshold 0.45 biases 41 biases 42 biases 21 biases 22 test_mAP false";
  for (int release : {30, 35}) {
    c.vitisAi = release;
    EXPECT_EQ(flat(c), "model_type YOLOv3 yolo_v3_param " + rest + " type YOLOV5 is_tf true");
  }
  c.vitisAi = 25;
  EXPECT_EQ(flat(c),
            "model_type YOLOv5 yolo_v5_param stride 16 stride 32 max_boxes_num 30000 max_nms_num 300 yolo_param " +
                rest);
  c.vitisAi = 14;
  EXPECT_NE(flat(c).find("# no model_type"), std::string::npos);
  c.vitisAi = 35;
  c.inputs[0].pixels->format.fit = "pad";
  EXPECT_NE(flat(c).find("test_mAP true type YOLOV5 is_tf true"), std::string::npos);
}

TEST(Prototxt, YoloV3OnlyWithWhatItsDecoderComputes) {
  EXPECT_EQ(flat(packed("sigmoid-exp", 1, 0.5, 1)).find("model_type YOLOv3 yolo_v3_param num_classes 2"), 0u);
  EXPECT_EQ(flat(packed("sigmoid-exp", 1, 0.5, 1)).find("type YOLOV5"), std::string::npos);
  EXPECT_NE(flat(packed("sigmoid-exp", 1.05, 0.5, 1)).find("no scale of x and y"), std::string::npos);
  EXPECT_NE(flat(packed("sigmoid-exp", 1, 0, 1)).find("from one tensor"), std::string::npos);
  EXPECT_NE(flat(packed("sigmoid-exp", 1, 0.5, 1, true)).find("feeds red first"), std::string::npos);
  Contract twoTensors = packed("sigmoid-exp", 1, 0.5, 3);
  twoTensors.head->maps[0].anchors[1].classes.first = 6;
  EXPECT_NE(flat(twoTensors).find("from one tensor"), std::string::npos);
}

TEST(Prototxt, YoloXFeedsBlueFirst) {
  EXPECT_EQ(flat(packed("offset-exp", 1, 0, 1, true)),
            "model_type YOLOv5 yolo_v5_param stride 16 stride 32 max_boxes_num 30000 max_nms_num 300 yolo_param "
            "num_classes 2 anchorCnt 1 layer_name \"map40_fix\" layer_name \"map20_fix\" conf_threshold 0.25 "
            "nms_threshold 0.45 test_mAP false");
  EXPECT_NE(flat(packed("offset-exp", 1, 0, 1)).find("feeds blue first"), std::string::npos);
}

TEST(Prototxt, YoloV6AndV8AreOfThreeFive) {
  Contract six = apart("distances", "sigmoid", 1, 2, 1);
  EXPECT_EQ(flat(six),
            "model_type YOLOv6 yolo_v6_param num_classes 2 anchorCnt 1 bbox_layer_name \"box40\" "
            "bbox_layer_name \"box20\" cls_layer_name \"cls40\" cls_layer_name \"cls20\" stride 16 stride 32 "
            "conf_threshold 0.25 nms_threshold 0.45 max_boxes_num 30000 max_nms_num 300 without_dfl true");
  six.vitisAi = 30;
  EXPECT_NE(flat(six).find("from Vitis AI 3.5 on"), std::string::npos);
  EXPECT_NE(flat(apart("distances", "sigmoid", 1, 2, 1, 320)).find("640 x 640 only"), std::string::npos);
  EXPECT_NE(flat(apart("distances", "sigmoid", 16, 80, 1)).find("one tensor per scale"), std::string::npos);
  Contract eight = model(false);
  ContractHead h;
  h.kind = "yolov8", h.decode = "distances", h.scores = "sigmoid", h.classes = 80, h.bins = 16;
  const int output = add(eight, "both", 80, 144);
  h.maps.push_back(map(80, 8, 0.5));
  h.maps[0].anchors.push_back({0, 0, 0, {output, 0, 64, 1}, {}, {output, 64, 80, 1}});
  eight.head = h;
  EXPECT_EQ(flat(eight),
            "model_type YOLOv8 yolo_v8_param stride 8 num_classes 80 detect_layer_name \"both\" conf_thresh 0.25 "
            "nms_threshold 0.45 max_boxes_num 30000 max_nms_num 300");
}

TEST(Prototxt, SsdHasItsPriorsIfTheLibraryCanMakeThem) {
  Contract c = apart("prior", "softmax", 1, 3, 4);
  c.head->background = 0;
  for (HeadMap &m : c.head->maps)
    for (auto [anchor, size] :
         llvm::zip(m.anchors, std::vector<std::pair<double, double>>{{21, 21},
                                                                     {std::sqrt(21 * 45), std::sqrt(21 * 45)},
                                                                     {21 * std::sqrt(2), 21 / std::sqrt(2)},
                                                                     {21 / std::sqrt(2), 21 * std::sqrt(2)}}))
      anchor.width = size.first, anchor.height = size.second;
  const std::string got = flat(c);
  EXPECT_EQ(got.find("model_type SSD ssd_param num_classes 3 nms_threshold 0.45 conf_threshold 0.0 conf_threshold 0.25 "
                     "conf_threshold 0.25 keep_top_k 200 top_k 400 output_info type CONF order 0 name \"cls40\""),
            0u)
      << got;
  EXPECT_NE(
      got.find("prior_box_param layer_width 40 layer_height 40 variances 0.1 variances 0.1 variances 0.2 variances 0.2 "
               "min_sizes 21 max_sizes 45 aspect_ratios 2 offset 0.5 step_width 16 step_height 16 flip true clip "
               "false"),
      std::string::npos)
      << got;
  c.head->maps[1].anchors[2].width = 30;
  EXPECT_NE(flat(c).find("no series of sizes"), std::string::npos);
  c.head->background = -1;
  EXPECT_NE(flat(c).find("with the background first"), std::string::npos);
}

TEST(Prototxt, AClassifiersTypeSaysHowPicturesAreResizedAndWhichColourIsFirst) {
  for (auto [bgr, fit, shortSide, want] : {std::tuple(false, "", 0, "VGG_PREPROCESS"),
                                           {false, "crop", 256, "VGG_PREPROCESS"},
                                           {true, "crop", 256, "RESNET50_TF2"},
                                           {false, "crop", 299, "INCEPTION_PT"},
                                           {false, "stretch", 0, "RGB_PREPROCESS"},
                                           {true, "stretch", 0, "CAFFE"},
                                           {true, "", 0, "CAFFE"},
                                           {false, "crop", 232, "# no"},
                                           {false, "pad", 0, "# no"}}) {
    Contract c = model(bgr, 224);
    c.inputs[0].pixels->format.fit = fit, c.inputs[0].pixels->format.shortSide = shortSide;
    ContractOutput out;
    out.name = out.tensor = "scores", out.shape = {1, 10}, out.bits = 8, out.fixPoint = 3;
    c.outputs.push_back(out);
    addScores(c);
    EXPECT_NE(flat(c).find(want), std::string::npos) << fit << shortSide << bgr << flat(c);
    c.vitisAi = 14;
    EXPECT_EQ(flat(c).find("RGB_PREPROCESS"), std::string::npos);
  }
}

TEST(Prototxt, NamesThatHoldOneAnotherAreAmbiguousToTheLibrary) {
  Contract c = packed("sigmoid-exp", 1, 0.5, 1);
  c.outputs[0].tensor = "map", c.outputs[1].tensor = "map_1";
  EXPECT_NE(flat(c).find("finds outputs by a part of their name"), std::string::npos);
}

} // namespace
