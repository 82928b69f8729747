//===- Report.h - what a command found, as data, text and JSON ----------------------===//
//
// collectReport() reads a lowered (xir.*) and partitioned graph; the commands fill in
// what only they know (files, accuracy, changes). Text and JSON show the same facts.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_REPORT_REPORT_H
#define DPUOPT_REPORT_REPORT_H

#include "dpuopt/Target/Causes.h"
#include <map>
#include <optional>

namespace dpuopt {

/// How many ops of each kind.
using OpCounts = std::map<std::string, unsigned>;
/// Counts by op name without `const`; for a lowered graph also without the ops
/// that only carry constants, shapes and positions.
OpCounts countOps(const Graph &g);

/// A rule an op breaks.
struct ReportedRule {
  std::string id, required, found, remedy, source;
};

struct ReportedOp {
  std::string name;                 ///< XIR op name
  std::string node;                 ///< ONNX node it came from, may be empty
  std::string type;                 ///< "conv2d"
  std::string device;               ///< "DPU", "CPU", "USER"
  std::vector<std::string> reasons; ///< why it is not on the DPU: "text [rule.id]"
  std::vector<ReportedRule> rules;  ///< every rule it breaks
  int cause = -1;                   ///< index in causes, of the op itself or of the one it follows
  int subgraph = -1;                ///< index in subgraphs
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

/// Why ops are on the CPU: one row, however many they are.
struct ReportedCause {
  std::string id, title;
  bool isHead = false, atEnd = false;
  std::vector<std::string> nodes; ///< ONNX names of the ops that have this reason
  unsigned followers = 0;         ///< ops on the CPU only because of them
  std::vector<ReportedRule> rules;
  std::string remedy;
  unsigned dpuIfFixed = 0;         ///< DPU subgraphs if it alone were gone
  std::vector<ReportedTensor> cut; ///< at the end of the network: what the DPU would hand over instead
};

/// A tensor between the DPU and the rest, moved through memory.
struct ReportedCrossing {
  std::string name, from, to; ///< `to`: devices of its readers, "CPU, DPU"
  Shape shape;
  std::string type;
  int64_t bytes = 0;
};

/// A pass that changed the model on the way.
struct ReportedPass {
  std::string name;
  OpCounts before, after;
};

/// A figure that is higher than the budget allows.
struct ReportedOver {
  std::string key, text;
  int64_t most = 0, found = 0;
};

/// What to change first.
struct ReportedPlan {
  unsigned dpu = 0, expected = 1, dpuIfAllFixed = 0;
  bool reachable = false, exact = true;
  std::vector<unsigned> first; ///< indices in causes
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
  std::string fixPointSource;        ///< where the fix points come from, if the model brought them
  std::vector<std::string> changes;  ///< fix points that were adjusted, and why
  std::optional<ReportedAccuracy> accuracy;
  std::optional<unsigned> expectedDpu; ///< --expect-dpu-subgraphs
  std::vector<ReportedCause> causes;
  std::optional<ReportedPlan> plan;
  std::vector<std::string> harmless; ///< outputs of which the CPU only makes floats
  std::vector<ReportedCrossing> crossings;
  std::vector<ReportedPass> passes;
  bool hasBudget = false; ///< a budget decides what a finding is
  std::vector<ReportedOver> overBudget;
  std::vector<std::string> files; ///< written
  std::string compileCommand;     ///< vai_c_xir ..., empty when no xmodel was written
  std::string compileResult;      ///< what came of it
  std::string xirVerdict;         ///< what libxir said of the xmodel

  unsigned count(llvm::StringRef device) const; ///< subgraphs on a device
  int64_t macs() const, macsOnDpu() const, params() const;
  unsigned cpuOps() const;
  const ReportedOp *largestCpuOp() const; ///< by MACs, then by elements; null: none
  bool asExpected() const { return !expectedDpu || *expectedDpu == count("DPU"); }
};

/// Ops, subgraphs and interface tensors of a partitioned graph.
ModelReport collectReport(const Graph &lowered);

/// Adds causes, plan, crossings and the rules of every op.
void addDiagnosis(ModelReport &r, const Graph &lowered, const Partition &p, const Diagnosis &d);

/// One line per cause and one for what to change first, for diagnostics.
std::vector<std::string> causeLines(const ModelReport &r);

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
