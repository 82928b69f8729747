//===- Report.h - what a command found, as data, text and JSON ----------------------===//
//
// collectReport() reads a lowered (xir.*) and partitioned graph; the commands fill in
// what only they know (files, accuracy, changes). Text and JSON show the same facts.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_REPORT_REPORT_H
#define DPUOPT_REPORT_REPORT_H

#include "dpuopt/IR/Graph.h"
#include <map>
#include <optional>

namespace dpuopt {

/// How many ops of each kind.
using OpCounts = std::map<std::string, unsigned>;
/// Counts by op name without `const`; for a lowered graph also without the ops
/// that only carry constants, shapes and positions.
OpCounts countOps(const Graph &g);

struct ReportedOp {
  std::string name;                 ///< XIR op name
  std::string node;                 ///< ONNX node it came from, may be empty
  std::string type;                 ///< "conv2d"
  std::string device;               ///< "DPU", "CPU", "USER"
  std::vector<std::string> reasons; ///< why it is not on the DPU: "text [rule.id]"
  Shape shape;                      ///< of the result, NHWC
  int64_t macs = 0;                 ///< multiply-accumulates; 0 for ops that have none
  int64_t params = 0;               ///< constant elements it reads (weights and bias)
};

struct ReportedSubgraph {
  std::string name, device;
  unsigned ops = 0; ///< compute ops in it
  int64_t macs = 0;
  unsigned added = 0; ///< ops the vendor's compiler adds in it (fix2float, upload, download)
};

/// A tensor the application hands in or gets back.
struct ReportedTensor {
  std::string name; ///< tensor name in the xmodel
  bool isInput = false;
  Type type; ///< NHWC shape; q-type when fixed
};

struct ReportedAccuracy {
  unsigned images = 0;
  double floatTop1 = 0, fixedTop1 = 0; ///< percent
};

struct ModelReport {
  std::string model;      ///< input file
  std::string graph;      ///< graph name
  std::string target;     ///< Target::described()
  OpCounts before, after; ///< as read, and as lowered
  std::vector<ReportedOp> ops;
  std::vector<ReportedSubgraph> subgraphs;
  std::vector<ReportedTensor> interface;
  bool placeholderFixPoints = false; ///< the positions only stand in for ones yet to be found: show none
  std::string fixPointSource;       ///< where the fix points come from, if the model brought them
  std::vector<std::string> changes; ///< fix points that were adjusted, and why
  std::optional<ReportedAccuracy> accuracy;
  std::optional<unsigned> expectedDpu; ///< --expect-dpu-subgraphs
  std::vector<std::string> splitting;  ///< ops that cut the DPU region
  std::vector<std::string> files;      ///< written
  std::string compileCommand;          ///< vai_c_xir ..., empty when no xmodel was written
  std::string compileResult;           ///< what came of it
  std::string xirVerdict;              ///< what libxir said of the xmodel

  unsigned count(llvm::StringRef device) const; ///< subgraphs on a device
  int64_t macs() const, macsOnDpu() const, params() const;
  bool asExpected() const { return !expectedDpu || *expectedDpu == count("DPU"); }
};

/// Ops, subgraphs and interface tensors of a partitioned graph.
ModelReport collectReport(const Graph &lowered);

/// Short form for the terminal: verdict, what is not on the DPU (one line per cause), interface.
void printSummary(const ModelReport &r, llvm::raw_ostream &os);
/// The whole report (report.txt): the same with every subgraph and a table of all ops.
void printReport(const ModelReport &r, llvm::raw_ostream &os);
/// The same facts as JSON (report.json), keys in a fixed order, two spaces of indent.
std::string reportJson(const ModelReport &r);

/// Multiply-accumulates of one xir op: convolutions and matmul by their window
/// (transposed ones divided by the stride area), pools by their window.
int64_t macsOf(const Op &op);
/// "0.12 GMAC", "450 kMAC": three significant digits.
std::string humanCount(int64_t n, llvm::StringRef unit);

} // namespace dpuopt
#endif
