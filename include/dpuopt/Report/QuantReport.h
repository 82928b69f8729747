//===- QuantReport.h - how good a quantization is, as text, JSON and a page ----------===//
//
// Plain data that a command fills in. All three forms show the same facts; the page has
// the pictures besides. Decibels are signal-to-noise ratios against the float network:
// infinite where nothing was lost.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_REPORT_QUANTREPORT_H
#define DPUOPT_REPORT_QUANTREPORT_H

#include "llvm/Support/raw_ostream.h"
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace dpuopt {

/// How many numbers are in each equal part of [low, high]; those beyond are in the parts at the ends.
struct QuantHistogram {
  double low = 0, high = 0;
  std::vector<double> counts;
  double least = 0, most = 0;         ///< of the numbers
  double rangeLow = 0, rangeHigh = 0; ///< what the fix point represents
};

/// Where a tensor is rounded, and what that costs.
struct QuantPlace {
  int bits = 8, fixPoint = 0;
  double clipped = 0;                            ///< share of the numbers beyond the range
  std::optional<std::array<double, 3>> decibels; ///< rounding alone: at fix point - 1, as it is, + 1
  QuantHistogram histogram;
};

struct QuantChannels {
  unsigned channels = 0, dead = 0, lost = 0; ///< dead: all zeros; lost: zeros after rounding
  double spread = 1;                         ///< largest range of a channel over the smallest
};

struct QuantFidelity {
  double decibels = 0, cosine = 1;
};

struct QuantParam {
  std::string name, role; ///< "weights", "bias", "constant"
  QuantPlace place;
  QuantFidelity fidelity;
  QuantChannels channels;
};

struct QuantRemedy {
  std::string kind; ///< "equalize", ...; "inputs" and "none" are no remedies but say so
  double gain = 0;  ///< decibels at the layer, at most
  double share = 0; ///< the noise that goes, over the layer's signal
  std::string text;
};

struct QuantLayer {
  std::string name, node, op; ///< tensor, ONNX node (may be empty), "Conv+Relu"
  std::string shape;
  std::vector<int> inputs; ///< fix points of what it reads
  QuantPlace place;        ///< of the float network's numbers
  std::vector<QuantParam> params;
  QuantFidelity single, entire;
  double clipped = 0; ///< share of the numbers clipped in the quantized network
  /// Shares of the noise of `single`: from what it reads, from its parameters, from rounding its result.
  double fromInputs = 0, fromParams = 0, fromOutput = 0;
  double meanShift = 0; ///< share of the noise of `single` that is a constant per channel
  QuantChannels channels;
  std::string decisive; ///< the sample with the largest magnitude
  double largest = 0, nextLargest = 0;
  std::vector<QuantRemedy> remedies; ///< best first

  const std::string &title() const { return node.empty() ? name : node; }
};

struct QuantOutput {
  std::string name;
  QuantFidelity fidelity;
  double maxAbs = 0;
  uint64_t vectors = 0, sameLargest = 0; ///< one vector per sample: how many, and how many have the same answer
};

/// A step of the recipe, and how good the network is after it.
struct QuantStep {
  std::string name, what;         ///< "bias-correct", "12 biases changed"
  std::optional<double> decibels; ///< of the outputs
  std::optional<double> accuracy; ///< percent
  bool kept = true; ///< it is part of the result
};

struct QuantAccuracy {
  std::string what; ///< "top-1"
  uint64_t images = 0;
  double floats = 0, fixed = 0; ///< percent
};

struct QuantReport {
  std::string model, target, method, data;
  int bits = 8;
  uint64_t images = 0, measured = 0; ///< calibrated with; measured on
  std::vector<QuantStep> steps;
  std::optional<QuantAccuracy> accuracy;
  std::vector<QuantOutput> outputs;
  std::vector<QuantLayer> layers; ///< in graph order
  std::vector<std::string> notes; ///< repairs and the like, a line each

  /// Indices of layers, the lowest `single` first.
  std::vector<size_t> worstFirst() const;
  struct Advice {
    size_t layer, remedy;
  };
  /// Remedies of all layers, by the share of noise that goes.
  std::vector<Advice> advice() const;
};

/// At most 100 columns (names of files and samples apart); `mostLayers` rows, the worst first.
void printQuantReport(const QuantReport &r, size_t mostLayers, llvm::raw_ostream &os);
/// Keys in a fixed order, two spaces of indent; infinite decibels are null.
std::string quantReportJson(const QuantReport &r);
/// One page that needs nothing else.
std::string quantReportHtml(const QuantReport &r);

} // namespace dpuopt
#endif
