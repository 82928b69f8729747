//===- LintReportTest.cpp - the order of ways out, and text that fits a terminal -----------===//
#include "dpuopt/Report/LintReport.h"
#include <gtest/gtest.h>
#include <limits>

using namespace dpuopt;

namespace {

constexpr double Exact = std::numeric_limits<double>::infinity();

LintMove activation(int bitsLost) {
  LintMove m;
  m.tensor = "y", m.role = "output", m.before = 6, m.after = 6 - bitsLost, m.bitsLost = bitsLost;
  return m;
}

LintMove weights(double before, double after) {
  LintMove m = activation(1);
  m.tensor = "w", m.role = "weights", m.param = LintMove::Param{before, after, 0.5, 1};
  return m;
}

LintWay wayOf(std::vector<LintMove> moves) {
  LintWay way;
  way.moves = std::move(moves);
  return way;
}

double cost(const LintWay &way) { return lintCost(way, std::nullopt); }

} // namespace

TEST(LintCost, FewerBitsCostLess) { EXPECT_LT(cost(wayOf({activation(1)})), cost(wayOf({activation(2)}))); }

TEST(LintCost, RangeCostsMoreThanFraction) {
  EXPECT_LT(cost(wayOf({activation(2)})), cost(wayOf({activation(-1)})));
  EXPECT_LT(cost(wayOf({activation(-1)})), cost(wayOf({activation(-2)})));
}

TEST(LintCost, RangeThatNobodyNeedsIsAGain) {
  LintMove m = activation(-1);
  m.rangeFits = true;
  EXPECT_LT(cost(wayOf({m})), 0);
}

TEST(LintCost, ParametersThatHardlyLoseAreCheap) {
  EXPECT_LT(cost(wayOf({weights(Exact, 60)})), cost(wayOf({activation(1)})));
  EXPECT_GT(cost(wayOf({weights(40, 10)})), cost(wayOf({activation(1)})));
  EXPECT_LT(cost(wayOf({weights(10, 40)})), 0);
}

TEST(LintCost, WhatWasMeasuredDecides) {
  LintWay good = wayOf({activation(-3)}), bad = wayOf({activation(1)});
  good.outputSnr = 29, bad.outputSnr = 20;
  EXPECT_LT(lintCost(good, 30), lintCost(bad, 30));
  EXPECT_GT(lintCost(good, std::nullopt), lintCost(bad, std::nullopt));
}

TEST(LintCost, AWayThatBreaksSomethingComesLast) {
  LintWay way = wayOf({weights(10, 40)});
  way.breaks = {"quant.shift-cut at c"};
  EXPECT_GT(cost(way), cost(wayOf({activation(-6)})));
}

TEST(LintReport, RankingMarksOneWay) {
  LintReport r;
  r.findings.emplace_back();
  r.findings[0].ways = {wayOf({activation(-1)}), wayOf({activation(1)}), wayOf({activation(1)})};
  rankWays(r);
  EXPECT_EQ(r.findings[0].ways[0].moves[0].bitsLost, 1);
  EXPECT_TRUE(r.findings[0].ways[0].cheapest);
  EXPECT_FALSE(r.findings[0].ways[1].cheapest);
}

namespace {
LintReport reportOf(const std::string &name) {
  LintReport r;
  r.model = name, r.positions = "of " + name, r.data = name, r.samples = 3, r.outputSnr = 31;
  LintRule rule;
  rule.id = "quant.shift-cut", rule.gravity = "error", rule.required = "shift_cut = fp_w + fp_i - fp_o in 0..16";
  rule.checked = 7, rule.broken = 7, rule.tightest = -1;
  r.rules.push_back(rule);
  LintFinding f;
  f.rule = rule.id, f.node = name, f.op = "onnx.Conv", f.tensor = name, f.broken = true, f.margin = -1;
  f.numbers = "shift_cut = fp_w + fp_i - fp_o = 7 + 6 - 14 = -1, must be in 0..16";
  LintMove m = activation(1);
  m.tensor = name, m.data = LintMove::Data{30, 24, 0.001, 0};
  f.ways = {wayOf({m, weights(Exact, 40)})};
  f.ways[0].breaks = {"quant.shift-bias at " + name, "x"};
  f.ways[0].tools = {"vai_q_pytorch", "vai_q_onnx"};
  r.findings.assign(7, f);
  r.tools = {{"vai_q_pytorch", {{name, rule.id, name, f.numbers, 5, 4}}, 20, 3}};
  rankWays(r);
  return r;
}

std::string text(const LintReport &r, bool all) {
  std::string out;
  llvm::raw_string_ostream os(out);
  printLint(r, all, os);
  return out;
}
} // namespace

TEST(LintReport, NoLineIsLongerThanATerminal) {
  const std::string out = text(reportOf(std::string(200, 'n')), true);
  llvm::SmallVector<llvm::StringRef, 0> lines;
  llvm::StringRef(out).split(lines, '\n');
  for (llvm::StringRef line : lines)
    EXPECT_LE(line.size(), 100u) << line.str();
}

TEST(LintReport, ShowsFiveUnlessAllAreAskedFor) {
  LintReport r = reportOf("n");
  EXPECT_NE(text(r, false).find("and 2 more (--all prints them)"), std::string::npos);
  EXPECT_EQ(text(r, true).find("more (--all"), std::string::npos);
}

TEST(LintReport, OnlyErrorsAndSilentChangesAreFindings) {
  LintReport r = reportOf("n");
  EXPECT_FALSE(r.clean());
  r.rules[0].gravity = "advice";
  EXPECT_TRUE(r.clean());
  EXPECT_EQ(r.broken("advice"), 7u);
}

TEST(LintReport, JsonHasNoInfinity) {
  const std::string json = lintJson(reportOf("n"));
  EXPECT_NE(json.find("\"snr_before\": null"), std::string::npos);
  EXPECT_EQ(json.find("inf"), std::string::npos);
}

TEST(LintReport, SarifHasAResultPerBrokenConstraint) {
  const std::string sarif = lintSarif(reportOf("n"));
  size_t results = 0;
  for (size_t at = sarif.find("\"ruleId\""); at != std::string::npos; at = sarif.find("\"ruleId\"", at + 1))
    ++results;
  EXPECT_EQ(results, 7u);
}
