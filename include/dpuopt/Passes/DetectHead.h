//===- DetectHead.h - the part of a detector that decodes boxes ------------------===//
//
// A detector is convolutions that a DPU runs, and behind them a head that it does not:
// reshapes, sigmoids, grids, anchors. This finds where the one ends and the other
// begins, by structure and by what moves what, never by names; describes the head for
// a decoder; and decodes by that description, which is how it is proven.
// Does not decode for applications: see docs/heads.md for that.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_DETECTHEAD_H
#define DPUOPT_PASSES_DETECTHEAD_H

#include "dpuopt/Pass/Pass.h"
#include <array>

namespace dpuopt {

/// How four box numbers t (or 4 x bins for distances) become a box. `center` is where the box stands at t = 0.
enum class BoxDecode : uint8_t {
  Raw,        ///< t as it is
  SigmoidSq,  ///< centre + s (sigmoid(t) - 1/2) stride, size (2 sigmoid(t))^2 anchor: YOLOv5 to v7
  SigmoidExp, ///< centre + s (sigmoid(t) - 1/2) stride, size exp(t) anchor: YOLOv3, v4
  OffsetExp,  ///< centre + t stride, size exp(t) stride: YOLOX
  Distances,  ///< centre - t0, t1 and + t2, t3, times stride: YOLOv6, v8 to v11 (t through softmax where bins > 1)
  Prior,      ///< centre + v0 t prior size, size exp(v1 t) prior size: SSD
};
enum class BoxForm : uint8_t { CenterSize, Corners };
enum class ScoreForm : uint8_t { Raw, Sigmoid, Softmax };

/// One channel of one cut tensor.
struct HeadChannel {
  unsigned output, channel;
};

/// What describes one row per cell of one feature map.
struct HeadAnchor {
  int64_t firstRow = 0; ///< row of cell 0; cell c (= y * width + x) is `firstRow + c * cellStep`
  std::vector<HeadChannel> box, classes;
  std::optional<HeadChannel> objectness;
  double width = 0, height = 0; ///< anchor or prior, in pixels of the input
};

struct HeadScale {
  int64_t height = 0, width = 0, cellStep = 1;
  double strideX = 0, strideY = 0; ///< pixels of the input per cell
  double offsetX = 0, offsetY = 0; ///< box centre at t = 0 is (x + offsetX) * strideX
  std::vector<HeadAnchor> anchors;
};

/// A tensor the stripped model returns.
struct HeadOutput {
  std::string name, node;
  Type type;        ///< NCHW
  int scale = -1;   ///< index in DetectHead::scales
  std::string role; ///< "box", "objectness", "classes", joined by '+'; "" if not known
};

/// An output of the original model, seen as rows x columns; `described` if the rest tells how to compute it.
struct HeadResult {
  std::string name;
  Type type;
  bool described = false;
  int64_t firstRow = 0, rows = 0, firstColumn = 0, columns = 0;
  bool columnsFirst = false; ///< 1 x columns x rows
};

struct DetectHead {
  std::string kind; ///< "yolov5", "yolov3", "yolox", "yolov8", "distances", "ssd", "decoupled", "custom"
  std::string why;  ///< of "custom": what did not fit
  std::vector<HeadOutput> outputs;
  std::vector<HeadScale> scales;
  std::vector<HeadResult> results;
  std::string input; ///< name of the image
  Type inputType;
  BoxDecode decode = BoxDecode::Raw;
  BoxForm form = BoxForm::CenterSize;
  double xyScale = 1;                    ///< s of the sigmoid forms
  std::array<double, 2> variances{1, 1}; ///< v0, v1
  double unitX = 1, unitY = 1;           ///< result units per pixel: 1, or 1 / size where normalized
  int64_t bins = 1, boxColumn = 0, objectnessColumn = -1, classColumn = -1, classes = 0; ///< columns: -1 for none
  bool constantObjectness = false;                                                       ///< that column is always 1
  bool multiplied = false; ///< class scores are multiplied by the objectness
  ScoreForm objectness = ScoreForm::Sigmoid, scores = ScoreForm::Sigmoid;
  unsigned cutOps = 0;
  std::string cutBefore; ///< op type before which the description ends (NonMaxSuppression, TopK); "" if it does not
  /// Largest difference between the description's decoder and the cut part on random input, and the range of the
  /// latter.
  std::optional<std::array<double, 2>> proof;

  bool known() const { return kind != "custom"; }
};

/// The values at which to cut: results of the last layers. Empty: nothing but classifier ends behind them, or none.
std::vector<Value *> findHeadCut(Graph &g);
/// The graph from `cut` (by name) to the outputs of `g` that depend on it; the cut values are its inputs.
std::unique_ptr<Graph> headGraph(const Graph &g, llvm::ArrayRef<std::string> cut);
/// Finds out what the head behind `cut` does. Never fails: a head that fits nothing is "custom".
DetectHead describeHead(const Graph &g, llvm::ArrayRef<std::string> cut);
/// Decodes cut tensors (order of `outputs`) as the description says: rows x columns, f32.
Tensor decodeHead(const DetectHead &head, llvm::ArrayRef<Tensor> cut);
/// Makes the cut values the outputs and removes what is behind them, inputs that only the head read too; outputs that
/// do not depend on them stay.
void stripHead(Graph &g, llvm::ArrayRef<std::string> cut);
/// The description as JSON, keys in a fixed order (docs/heads.md).
std::string headJson(const DetectHead &head);
/// Lines for people: kind, maps, anchors, proof.
std::vector<std::string> headSummary(const DetectHead &head);

} // namespace dpuopt
#endif
