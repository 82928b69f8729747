//===- HeadTest.cpp - head.json, good and bad ------------------------------------===//
#include "dpuopt/Deploy/Contract.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::json;

namespace {

Json head() {
  return Json::parse(R"({"format": "dpuopt-detect-head", "version": 1, "kind": "yolov5", "classes": 2,
    "box": {"decode": "sigmoid-square", "xy_scale": 2}, "scores": {"function": "sigmoid",
      "objectness": {"function": "sigmoid", "column": 4}},
    "scales": [{"height": 2, "width": 3, "stride": [8, 8], "offset": [0.5, 0.5], "anchors": [[10, 13], [16, 30]],
      "first_row": [0, 6], "row_step": 1}],
    "outputs": [{"name": "/m/map", "shape_nhwc": [1, 2, 3, 14], "scale": 0, "role": "box+objectness+classes",
      "channels": {"box": {"first": 0, "count": 4, "anchor_step": 7},
        "objectness": {"first": 4, "count": 1, "anchor_step": 7}, "classes": {"list": [[5, 6], [12, 13]]}}}]})");
}

Contract modelWith(std::string name, std::vector<int64_t> shape) {
  Contract c;
  ContractOutput other, map;
  other.name = other.tensor = "other", other.shape = {1, 4, 4, 4};
  map.name = map.tensor = std::move(name), map.shape = std::move(shape);
  c.outputs = {other, map};
  return c;
}

TEST(Head, IsReadAndItsTensorsAreFoundByNameOrShape) {
  DiagEngine diags(&llvm::errs());
  auto file = readHead("h", head().dump(), diags);
  ASSERT_TRUE(bool(file));
  EXPECT_EQ(file->head.rows, 12);
  for (const char *name : {"/m/map", "_m_map", "_m_map_fix", "Net__Conv_3"}) {
    Contract c = modelWith(name, {1, 2, 3, 14});
    ASSERT_TRUE(succeeded(addHead(c, *file, diags))) << name;
    EXPECT_EQ(c.outputs[1].role, "box+objectness+classes");
    const HeadAnchorBox &second = c.head->maps[0].anchors[1];
    EXPECT_EQ(second.box.output, 1);
    EXPECT_EQ(second.box.first, 7);
    EXPECT_EQ(second.objectness.first, 11);
    EXPECT_EQ(second.classes.first, 12);
    EXPECT_EQ(second.width, 16);
  }
}

TEST(Head, BackgroundIsThatOfSoftmaxOrWhatIsSaid) {
  for (auto [function, said, want] : {std::tuple("softmax", Json(), 0),
                                      {"sigmoid", Json(), -1},
                                      {"softmax", Json{{"background", nullptr}}, -1},
                                      {"sigmoid", Json{{"background", 1}}, 1}}) {
    Json j = head();
    j["scores"]["function"] = function;
    j["scores"].update(said.is_null() ? Json::object() : said);
    DiagEngine diags(&llvm::errs());
    auto file = readHead("h", j.dump(), diags);
    ASSERT_TRUE(bool(file));
    EXPECT_EQ(file->head.background, want) << j["scores"];
  }
}

TEST(Head, OfAnotherModelIsRefused) {
  DiagEngine diags;
  auto file = readHead("h", head().dump(), diags);
  Contract c = modelWith("/m/map", {1, 2, 3, 15});
  EXPECT_TRUE(failed(addHead(c, *file, diags)));
  EXPECT_EQ(diags.all().back().rule, "deploy.head");
  EXPECT_FALSE(c.head);
}

/// One change that makes it wrong, and what is said of it.
TEST(Head, EveryNumberIsChecked) {
  struct Case {
    const char *pointer;
    Json value;
    const char *said;
  } cases[] = {
      {"/format", "other", "no description of a head"},
      {"/version", 2, "'version' must be"},
      {"/classes", -1, "'classes' must be a whole number"},
      {"/classes", 3, "has not the box, objectness and classes"},
      {"/dfl_bins", 100000, "'dfl_bins' must be"},
      {"/box/decode", "rm -rf", "'box.decode' is 'rm -rf', which is unknown"},
      {"/box/xy_scale", "2", "'box.xy_scale' must be a number"},
      {"/scores/function", 3, "'scores.function' is '', which is unknown"},
      {"/scores/background", 2, "'background' must be"},
      {"/scales", 1, "'scales' must be a list"},
      {"/scales", Json::array(), "'scales' must be a list"},
      {"/scales/0/height", 1 << 30, "'height' must be a whole number"},
      {"/scales/0/stride", Json::array({1e300, 1}), "'stride' is out of range"},
      {"/scales/0/first_row", Json::array({1, -2}), "'first_row' must be"},
      {"/scales/0/row_step", 1e30, "'row_step' must be"},
      {"/scales/0/anchors", Json::array({1}), "'anchors' must be as many"},
      {"/outputs", Json::array(), "'outputs' must be a list"},
      {"/outputs/0/shape_nhwc", Json::array({1, 2, 4, 14}), "not as large as its map"},
      {"/outputs/0/shape_nhwc", Json::array({1, -2}), "an output has no shape"},
      {"/outputs/0/scale", 1, "'scale' must be a whole number from 0 to 0"},
      {"/outputs/0/channels/box/anchor_step", 12, "names a channel that its output does not have"},
      {"/outputs/0/channels/box/count", 5, "has not the box, objectness and classes"},
      {"/outputs/0/channels/classes/list", Json::array({{5, 6}, {12, 14}}), "does not have"},
      {"/outputs/0/channels/classes/list", Json::array({{5, 6, 8}, {1}}), "not evenly spaced"},
      {"/outputs/0/channels/classes/list", Json::array({{5, 6}}), "a list of channels per anchor"},
  };
  for (const Case &c : cases) {
    Json j = head();
    j[Json::json_pointer(c.pointer)] = c.value;
    DiagEngine diags;
    EXPECT_FALSE(bool(readHead("h.json", j.dump(), diags))) << c.pointer;
    ASSERT_EQ(diags.all().size(), 1u) << c.pointer;
    EXPECT_NE(diags.all()[0].message.find(c.said), std::string::npos) << c.pointer << ": " << diags.all()[0].message;
    EXPECT_EQ(diags.all()[0].rule, "deploy.head");
    EXPECT_EQ(diags.all()[0].file, "h.json");
  }
}

TEST(Head, MissingPartsAndGarbageAreErrors) {
  std::vector<std::string> texts = {"", "[]", "{", "\xff", "null", std::string(100000, '[')};
  for (const char *key : {"format", "version", "classes", "box", "scores", "scales", "outputs"}) {
    Json j = head();
    j.erase(key);
    texts.push_back(j.dump());
  }
  for (const std::string &text : texts) {
    DiagEngine diags;
    EXPECT_FALSE(bool(readHead("h.json", text, diags))) << text;
    EXPECT_EQ(diags.all().size(), 1u);
  }
}

} // namespace
