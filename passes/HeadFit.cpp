//===- HeadFit.cpp - which known decoder a head is -------------------------------===//
//
// Values at t = 0 and t = 1 tell the numbers of each known form; the form whose
// numbers also give the values at random t is the one. So a description that names a
// form has been proven by execution.
//
//===----------------------------------------------------------------------===//
#include "HeadFit.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace dpuopt {
namespace {

/// Of the range of what is compared.
constexpr double Tolerance = 1e-4;

/// `x`, or the short number that it was before float arithmetic.
double nice(double x) {
  for (double unit : {1.0, 0.5, 0.125, 0.1, 0.001}) {
    double rounded = std::round(x / unit) * unit;
    if (std::fabs(rounded - x) <= 2e-6 * std::max(1.0, std::fabs(x)) * (unit < 0.125 ? 0.5 : 8))
      return rounded;
  }
  return x;
}

struct Form {
  BoxDecode decode;
  const char *kind;
  bool bins; ///< may distributions stand for the four numbers?
};
constexpr Form forms[] = {{BoxDecode::Raw, "decoupled", false},      {BoxDecode::SigmoidSq, "yolov5", false},
                          {BoxDecode::SigmoidExp, "yolov3", false},  {BoxDecode::OffsetExp, "yolox", false},
                          {BoxDecode::Distances, "distances", true}, {BoxDecode::Prior, "ssd", false}};

class Fit {
public:
  Fit(DetectHead &head, HeadProbe &probe) : head(head), probe(probe) {}

  bool fit(std::string &why) {
    HeadScores seen;
    if (!findRoles(head, probe, seen, why))
      return false;
    if (!measure())
      return why = "it cannot be executed", false;
    if (!fitBox())
      return why = "its boxes fit no known decoder", false;
    return fitScores(seen) || (why = "its scores fit no known function", false);
  }

private:
  std::vector<Tensor> constantCut(float x) const {
    std::vector<Tensor> out;
    for (const Type &t : probe.cutTypes())
      out.push_back(Tensor::splatFloat(t.shape(), x).expanded());
    return out;
  }

  bool measure() {
    random = randomCut(probe.cutTypes(), 77);
    auto a = probe.run(constantCut(0)), b = probe.run(constantCut(1)), c = probe.run(random);
    if (!a || !b || !c)
      return false;
    zero = std::move(*a), one = std::move(*b), atRandom = std::move(*c);
    return true;
  }

  /// Largest difference between decoder and head over some columns, and the head's range there.
  std::pair<double, double> compare(int64_t from, int64_t to) const {
    Tensor t = decodeHead(head, random);
    auto mine = t.as<float>();
    double worst = 0, low = 0, high = 0;
    for (int64_t r = 0; r < atRandom.rows; ++r)
      for (int64_t c = from; c < to; ++c) {
        double want = atRandom.at(r, c), apart = std::fabs(want - double(mine[r * atRandom.columns + c]));
        worst = std::max(worst, std::isnan(apart) ? INFINITY : apart);
        low = std::min(low, want), high = std::max(high, want);
      }
    return {worst, high - low};
  }
  bool matches(int64_t from, int64_t to) const {
    auto [worst, range] = compare(from, to);
    return worst <= Tolerance * std::max(range, 1e-6);
  }

  //===-- Boxes --------------------------------------------------------------===//
  bool fitBox() {
    for (const Form &form : forms)
      for (BoxForm f : {BoxForm::CenterSize, BoxForm::Corners}) {
        if (head.bins > 1 && !form.bins)
          continue;
        head.decode = form.decode, head.form = f;
        if (form.decode != BoxDecode::Raw && !numbers())
          continue;
        if (!matches(head.boxColumn, head.boxColumn + 4))
          continue;
        head.kind = head.bins > 1 ? "yolov8" : form.kind;
        return true;
      }
    return false;
  }

  /// Centre and size of a row, in the result's unit.
  std::array<double, 4> boxAt(const HeadMatrix &m, const HeadScale &s, const HeadAnchor &a, int64_t cell) const {
    std::array<double, 4> b;
    for (unsigned i = 0; i < 4; ++i)
      b[i] = m.at(a.firstRow + cell * s.cellStep, head.boxColumn + i);
    if (head.form == BoxForm::Corners)
      b = {(b[0] + b[2]) / 2, (b[1] + b[3]) / 2, b[2] - b[0], b[3] - b[1]};
    return b;
  }

  /// All numbers of the form chosen; false if they make no sense.
  bool numbers() {
    bool first = true;
    for (HeadScale &s : head.scales) {
      const HeadAnchor &a = s.anchors[0];
      auto origin = boxAt(zero, s, a, 0), right = boxAt(zero, s, a, s.width - 1),
           below = boxAt(zero, s, a, (s.height - 1) * s.width);
      double px = double(imageSide(3)) / double(s.width), py = double(imageSide(2)) / double(s.height);
      double sx = s.width > 1 ? (right[0] - origin[0]) / double(s.width - 1) : 0;
      double sy = s.height > 1 ? (below[1] - origin[1]) / double(s.height - 1) : 0;
      if (first && !chooseUnit(sx ? sx / px : 1, sy ? sy / py : 1))
        return false;
      first = false;
      s.strideX = sx ? nice(sx / head.unitX) : px, s.strideY = sy ? nice(sy / head.unitY) : py;
      s.offsetX = nice(origin[0] / head.unitX / s.strideX), s.offsetY = nice(origin[1] / head.unitY / s.strideY);
      for (HeadAnchor &anchor : s.anchors) {
        auto b = boxAt(zero, s, anchor, 0);
        anchor.width = nice(b[2] / head.unitX), anchor.height = nice(b[3] / head.unitY);
      }
    }
    return factors();
  }

  int64_t imageSide(unsigned axis) const {
    return head.inputType.hasRank() && head.inputType.rank() == 4 && head.inputType.dim(axis) > 0
               ? head.inputType.dim(axis)
               : 1;
  }

  /// Pixels, or parts of the image.
  bool chooseUnit(double ux, double uy) {
    auto near = [](double a, double b) { return std::fabs(a - b) < 0.25 * b; };
    double w = double(imageSide(3)), h = double(imageSide(2));
    if (near(ux, 1) && near(uy, 1))
      return head.unitX = head.unitY = 1, true;
    if (near(ux * w, 1) && near(uy * h, 1))
      return head.unitX = 1 / w, head.unitY = 1 / h, true;
    return false;
  }

  bool factors() {
    const HeadScale &s = head.scales[0];
    const HeadAnchor &a = s.anchors[0];
    auto at0 = boxAt(zero, s, a, 0), at1 = boxAt(one, s, a, 0);
    double step = (at1[0] - at0[0]) / head.unitX;
    if (head.decode == BoxDecode::SigmoidSq || head.decode == BoxDecode::SigmoidExp)
      head.xyScale = nice(step / s.strideX / (1 / (1 + std::exp(-1.0)) - 0.5));
    if (head.decode == BoxDecode::Prior) {
      if (!(a.width > 0) || !(at0[2] > 0) || !(at1[2] > 0))
        return false;
      head.variances = {nice(std::round(step / a.width * 1e5) / 1e5),
                        nice(std::round(std::log(at1[2] / at0[2]) * 1e5) / 1e5)};
    }
    return true;
  }

  //===-- Scores -------------------------------------------------------------===//
  bool fitScores(const HeadScores &seen) {
    const int64_t all = static_cast<int64_t>(seen.columns.size());
    head.classes = all;
    if (!all)
      return true;
    head.classColumn = seen.columns[0];
    head.multiplied = seen.multiplied, head.constantObjectness = seen.constantObjectness;
    if (!seen.multiplied && !seen.softmax && (seen.constantObjectness || hasObjectness()))
      splitObjectness(seen);
    for (ScoreForm scores : {ScoreForm::Sigmoid, ScoreForm::Raw})
      for (ScoreForm objectness : {ScoreForm::Sigmoid, ScoreForm::Raw}) {
        head.scores = seen.softmax ? ScoreForm::Softmax : scores;
        head.objectness = objectness;
        if (matches(seen.columns[0], seen.columns[0] + all))
          return true;
      }
    return false;
  }

  /// Heads with anchors or offsets have it in front of the classes; others if a tensor of its own gives it.
  bool hasObjectness() const {
    const HeadAnchor &a = head.scales[0].anchors[0];
    if (a.classes.size() < 2)
      return false;
    if (head.decode == BoxDecode::SigmoidSq || head.decode == BoxDecode::SigmoidExp ||
        head.decode == BoxDecode::OffsetExp)
      return true;
    unsigned o = a.classes[0].output;
    return head.outputs[o].type.dim(1) == static_cast<int64_t>(head.scales[0].anchors.size()) &&
           a.classes[1].output != o;
  }

  void splitObjectness(const HeadScores &seen) {
    head.objectnessColumn = head.classColumn++;
    --head.classes;
    if (seen.constantObjectness)
      return;
    for (HeadScale &s : head.scales)
      for (HeadAnchor &a : s.anchors) {
        a.objectness = a.classes.front();
        a.classes.erase(a.classes.begin());
      }
  }

public:
  void prove() {
    auto [worst, range] = compare(0, probe.columns());
    head.proof = {worst, range};
  }

private:
  DetectHead &head;
  HeadProbe &probe;
  std::vector<Tensor> random;
  HeadMatrix zero, one, atRandom;
};

void nameRoles(DetectHead &head) {
  auto add = [&](HeadChannel c, const char *role) {
    std::string &r = head.outputs[c.output].role;
    if (!llvm::StringRef(r).contains(role))
      r += (r.empty() ? "" : "+") + std::string(role);
  };
  for (const HeadScale &s : head.scales)
    for (const HeadAnchor &a : s.anchors) {
      for (HeadChannel c : a.box)
        add(c, "box");
      if (a.objectness)
        add(*a.objectness, "objectness");
      for (HeadChannel c : a.classes)
        add(c, "classes");
    }
}

/// Maps by size, largest first, each with the tensors of that size.
void listOutputs(const Graph &g, std::vector<std::string> &cut, const Graph &behind, DetectHead &head) {
  auto area = [&](const std::string &name) {
    const Type &t = g.lookup(name)->type();
    return t.rank() == 4 && t.isStatic() ? t.dim(2) * t.dim(3) : 0;
  };
  llvm::stable_sort(cut, [&](const std::string &a, const std::string &b) { return area(a) > area(b); });
  for (const std::string &name : cut) {
    const Value *v = g.lookup(name);
    HeadOutput o;
    o.name = name, o.node = v->def() ? v->def()->loc().node : "", o.type = v->type();
    bool read = llvm::any_of(behind.inputs(), [&](Value *in) { return in->name() == name; });
    if (read && area(name)) {
      if (head.scales.empty() || head.scales.back().height != o.type.dim(2) ||
          head.scales.back().width != o.type.dim(3)) {
        head.scales.emplace_back();
        head.scales.back().height = o.type.dim(2), head.scales.back().width = o.type.dim(3);
      }
      o.scale = static_cast<int>(head.scales.size()) - 1;
    }
    head.outputs.push_back(std::move(o));
  }
}

} // namespace

DetectHead describeHead(const Graph &g, llvm::ArrayRef<std::string> names) {
  DetectHead head;
  head.kind = "custom";
  std::vector<std::string> cut = names.vec();
  listOutputs(g, cut, *headGraph(g, cut), head);
  for (const Value *v : g.inputs())
    if (head.input.empty() || (head.inputType.rank() != 4 && v->type().rank() == 4))
      head.input = v->name(), head.inputType = v->type();
  bool readAll = llvm::all_of(head.outputs, [](const HeadOutput &o) { return o.scale >= 0; });
  if (head.scales.empty() || !readAll) {
    head.why = "what is cut is not only maps of channels x height x width that the head reads";
    return head;
  }
  auto probe = HeadProbe::create(g, cut, head.why);
  if (!probe)
    return head;
  head.results.assign(probe->results().begin(), probe->results().end());
  head.cutOps = probe->ops();
  head.cutBefore = probe->cutBefore().str();
  DetectHead custom = head;
  Fit fit(head, *probe);
  if (!fit.fit(custom.why)) {
    return custom;
  }
  fit.prove();
  nameRoles(head);
  return head;
}

} // namespace dpuopt
