//===- Inspector.h - the vendor inspector's reports ---------------------------===//
//
// vai_q_pytorch's Inspector writes inspect_<target>.txt: per node of the float model its
// op, shape, attributes and the device the compiler would give it. A second ground truth
// beside compiled files, and a weaker one: the compiler itself is right where the two
// disagree. Read here, lowered to xir.* ops, and compared node by node. Both report forms:
// 2.5 ("conv2d") and 3.x ("nndct_conv2d"). The text is untrusted.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TARGET_INSPECTOR_H
#define DPUOPT_TARGET_INSPECTOR_H

#include "dpuopt/Target/Conformance.h"

namespace dpuopt {

struct InspectedNode {
  std::string name, type;                   ///< type without "nndct_": "conv2d"
  std::vector<std::string> inputs;          ///< names of nodes
  std::vector<Shape> shapes;                ///< of its results, XIR's layout
  std::map<std::string, std::string> attrs; ///< first line of each value, as printed
  std::string device;                       ///< "user", "dpu", "cpu"
  std::string constraint;                   ///< why it is on the CPU, in the vendor's words
  unsigned line = 0;                        ///< where it begins
};

struct InspectorReport {
  std::string target; ///< "DPUCZDX8G_ISA1_B4096"
  std::string graph;
  VitisAi release = 30; ///< 25 or 30, by the form
  std::vector<InspectedNode> nodes;
};

/// Is this the text of a report (rather than of anything else)?
bool looksLikeInspectorReport(llvm::StringRef text);

/// Diagnoses with line and column: a list that does not close, a shape or device that is none, a node
/// without type, two of one name. The file is the engine's.
Result<InspectorReport> readInspectorReport(llvm::StringRef text, DiagEngine &diags);

/// The report as a graph of xir.* ops without fix points; `ops` holds what each node became, in the order
/// of the report. Errors: an input that is no node, a cycle.
struct InspectedGraph {
  std::unique_ptr<Graph> graph;
  std::vector<llvm::SmallVector<const Op *, 2>> ops;
};
Result<InspectedGraph> graphOfReport(const InspectorReport &report, DiagEngine &diags);

/// Devices predicted for the nodes against those reported. Counts are of nodes. A difference whose cause is
/// known to be the inspector says so (Disagreement::known).
Conformance compareWithInspector(const InspectorReport &report, const InspectedGraph &graph, const Target &target);

} // namespace dpuopt
#endif
