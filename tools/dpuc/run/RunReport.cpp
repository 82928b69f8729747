//===- RunReport.cpp - what `dpuc run` found, as text and JSON ------------------------===//
#include "RunReport.h"
#include "dpuopt/Support/File.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

Result<std::vector<std::string>> dpuopt::readClassNames(llvm::StringRef path, DiagEngine &diags) {
  auto text = readFile(path, diags);
  if (!text)
    return failure();
  std::vector<std::string> names;
  llvm::SmallVector<llvm::StringRef, 0> lines;
  llvm::StringRef(*text).rtrim().split(lines, '\n');
  for (llvm::StringRef line : lines)
    names.push_back(line.trim().str());
  return names;
}

void dpuopt::printRunHeading(const RunReport &report, llvm::raw_ostream &os) {
  const ReportedRun &run = report.runs.front();
  auto count = [](size_t n, const char *what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); };
  os << fmt::format("{}: {}, {}, {}\n", llvm::sys::path::filename(report.model).str(), report.form,
                    count(run.inputs.size(), "input"), count(run.outputs.size(), "output"));
}

static void printTop(const ReportedOutput &out, llvm::ArrayRef<std::string> classNames, llvm::raw_ostream &os) {
  const bool softmax = *out.scores == ScoreKind::Softmax;
  os << fmt::format("  top {} of {} classes ({})\n", out.top.size(), out.type.numElements(),
                    softmax ? "softmax applied" : "raw scores; in brackets softmax of them");
  for (const ClassScore &s : out.top) {
    os << fmt::format("    {:>5}  {:>9.5g}", s.index, s.score);
    if (!softmax)
      os << fmt::format("  ({:.2f} %)", 100 * s.probability);
    if (static_cast<size_t>(s.index) < classNames.size())
      os << "  " << classNames[static_cast<size_t>(s.index)];
    os << "\n";
  }
}

void dpuopt::printRun(const ReportedRun &run, const RunReport &report, bool named,
                      llvm::ArrayRef<std::string> classNames, llvm::raw_ostream &os) {
  if (named && !run.inputs.empty())
    os << "== " << run.inputs[0].source << "\n";
  for (const ReportedFeed &f : run.inputs)
    if (!named || run.inputs.size() > 1)
      os << fmt::format("input  {}  {}  {}  {}\n", f.input.name, layoutStr(f.input.type.shape(), report.channelsLast),
                        f.input.type.elemType().str(), f.source);
  for (const ReportedOutput &out : run.outputs) {
    os << fmt::format("output {}  {}  {}  min {:.6g}  max {:.6g}", out.name,
                      layoutStr(out.type.shape(), report.channelsLast),
                      (out.fix ? *out.fix : out.type.elemType()).str(), out.min, out.max);
    os << (out.notNumbers ? fmt::format("  {} NaN\n", out.notNumbers) : "\n");
    if (out.scores)
      printTop(out, classNames, os);
  }
  if (!run.folder.empty())
    os << "written to " << run.folder << "\n";
}

//===----------------------------------------------------------------------===//
// JSON

/// name, shape, dtype, fix_point: the same keys everywhere.
static Json tensorJson(const std::string &name, llvm::ArrayRef<int64_t> shape, ElemType elem) {
  Json j = {{"name", name}, {"shape", std::vector<int64_t>(shape.begin(), shape.end())}, {"dtype", elem.str()}};
  if (elem.isFix())
    j["fix_point"] = elem.fixPoint;
  return j;
}

static Json outputJson(const ReportedOutput &out, const RunReport &report) {
  Json j = tensorJson(out.name, out.type.shape(), out.fix ? *out.fix : out.type.elemType());
  j["min"] = out.min;
  j["max"] = out.max;
  if (out.notNumbers)
    j["nan"] = out.notNumbers;
  if (out.scores) {
    j["scores"] = *out.scores == ScoreKind::Softmax ? "softmax" : "raw";
    j["top"] = Json::array();
    for (const ClassScore &s : out.top) {
      j["top"].push_back({{"class", s.index}, {"score", s.score}, {"probability", s.probability}});
      if (static_cast<size_t>(s.index) < report.classNames.size())
        j["top"].back()["label"] = report.classNames[static_cast<size_t>(s.index)];
    }
  }
  if (!out.files.empty())
    j["files"] = out.files;
  return j;
}

std::string dpuopt::runJson(const RunReport &report) {
  Json runs = Json::array();
  for (const ReportedRun &run : report.runs) {
    Json inputs = Json::array(), outputs = Json::array();
    for (const ReportedFeed &f : run.inputs) {
      inputs.push_back(tensorJson(f.input.name, f.input.type.shape(), f.input.type.elemType()));
      inputs.back()["source"] = f.source;
    }
    for (const ReportedOutput &out : run.outputs)
      outputs.push_back(outputJson(out, report));
    runs.push_back({{"inputs", inputs}, {"outputs", outputs}});
    if (!run.folder.empty())
      runs.back()["folder"] = run.folder;
  }
  Json all = {{"model", report.model},
              {"form", report.form},
              {"layout", report.channelsLast ? "NHWC" : "NCHW"},
              {"runs", runs}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}
