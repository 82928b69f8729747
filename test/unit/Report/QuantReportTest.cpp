//===- QuantReportTest.cpp - the quantization report in its three forms -----------------===//
#include "dpuopt/Report/QuantReport.h"
#include <cmath>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;

namespace {
QuantLayer layerOf(const char *name, double decibels) {
  QuantLayer l;
  l.name = name, l.op = "Conv", l.single.decibels = l.entire.decibels = decibels;
  l.place.fixPoint = 4;
  l.place.histogram = {-8, 16, {1, 0, 5, 2}, -3, 20, -8, 7.9375};
  return l;
}

QuantReport sample() {
  QuantReport r;
  r.model = "net.onnx", r.method = "mse", r.images = 10, r.measured = 2;
  r.layers = {layerOf("good", 40), layerOf("bad", 12.25), layerOf("exact", INFINITY)};
  return r;
}

std::string textOf(const QuantReport &r, size_t most) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printQuantReport(r, most, os);
  return text;
}

bool has(const std::string &text, const char *part) { return text.find(part) != std::string::npos; }
} // namespace

TEST(QuantReport, WorstComesFirstAndExactLast) {
  EXPECT_EQ(sample().worstFirst(), (std::vector<size_t>{1, 0, 2}));
  const std::string text = textOf(sample(), 3);
  EXPECT_LT(text.find("\n  bad "), text.find("\n  good "));
  EXPECT_LT(text.find("\n  good "), text.find("\n  exact "));
}

TEST(QuantReport, MoreLayersAreCountedOnly) {
  const std::string text = textOf(sample(), 1);
  EXPECT_TRUE(has(text, "worst first (1 of 3; --all prints them all)"));
  EXPECT_FALSE(has(text, "\n  good "));
}

TEST(QuantReport, AdviceIsRankedByTheNoiseThatGoes) {
  QuantReport r = sample();
  r.layers[0].remedies = {{"finetune", 9, 0.001, "small noise, much of it"}};
  r.layers[1].remedies = {{"equalize", 1, 0.01, "large noise, some of it"}};
  r.layers[2].remedies = {{"none", 0, 0, "nothing"}};
  const auto advice = r.advice();
  ASSERT_EQ(advice.size(), 2u); // what gains nothing is no advice
  EXPECT_EQ(advice[0].layer, 1u);
  EXPECT_FALSE(has(textOf(r, 3), "nothing"));
}

TEST(QuantReport, StepsAreComparedWithWhatWasKept) {
  QuantReport r = sample();
  r.accuracy = QuantAccuracy{"top-1", 100, 90, 89};
  r.steps = {{"mse", "", 20, 88, true}, {"+ worse", "", 15, 80, false}, {"+ better", "3 of 5", 23, 89, true}};
  const std::string text = textOf(r, 3);
  EXPECT_TRUE(has(text, "15.0 dB (-5.0)"));
  EXPECT_TRUE(has(text, "80.00 % (-10.00); not kept"));
  EXPECT_TRUE(has(text, "23.0 dB (+3.0)"));
  EXPECT_TRUE(has(text, "89.00 % (-1.00); 3 of 5"));
}

TEST(QuantReport, RepeatedPartsOfNamesAreLeftOut) {
  QuantReport r = sample();
  r.layers[1].node = "/features/features.5/conv/conv.1/conv.1.0/Conv";
  EXPECT_TRUE(has(textOf(r, 3), "\n  features.5/conv.1.0/Conv "));
}

TEST(QuantReport, JsonHasNoInfinities) {
  const auto j = nlohmann::json::parse(quantReportJson(sample()), nullptr, false);
  ASSERT_TRUE(j.is_object());
  EXPECT_EQ(j["layers"][1]["single"]["snr_db"], 12.25);
  EXPECT_TRUE(j["layers"][2]["single"]["snr_db"].is_null());
  EXPECT_EQ(j["layers"][0]["histogram"]["counts"].size(), 4u);
}

TEST(QuantReport, PageMarksWhatIsBeyondTheRange) {
  const std::string page = quantReportHtml(sample());
  EXPECT_TRUE(has(page, "<path class=\"in\""));
  EXPECT_TRUE(has(page, "<path class=\"out\"")); // the upper third of the picture is beyond 7.9
  QuantReport inside = sample();
  for (QuantLayer &l : inside.layers)
    l.place.histogram = {-8, 7.9375, {1, 0, 5, 2}, -3, 7, -8, 7.9375};
  EXPECT_FALSE(has(quantReportHtml(inside), "<path class=\"out\""));
}

TEST(QuantReport, NamesAreTextInThePage) {
  QuantReport r = sample();
  r.model = "<script>alert(1)</script>", r.layers[0].node = "a\"><img src=x>", r.layers[0].decisive = "</code><b>";
  r.layers[0].params = {{"<i>w</i>", "weights", {}, {}, {}}};
  const std::string page = quantReportHtml(r);
  for (const char *bad : {"<script>alert", "<img", "</code><b>", "<i>w"})
    EXPECT_FALSE(has(page, bad)) << bad;
}

TEST(QuantReport, PageNeedsNothingElse) {
  const std::string page = quantReportHtml(sample());
  for (const char *bad : {"http://", "https://", "src=", "@import"})
    EXPECT_FALSE(has(page, bad)) << bad;
}

TEST(QuantReport, EmptyOnesAreShownToo) {
  EXPECT_TRUE(has(textOf({}, 20), "method"));
  EXPECT_TRUE(has(quantReportHtml({}), "</html>"));
  EXPECT_TRUE(nlohmann::json::accept(quantReportJson({})));
}
