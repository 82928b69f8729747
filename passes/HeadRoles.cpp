//===- HeadRoles.cpp - which channel moves which number of which box -------------===//
//
// Channel c of a map is moved at cell c alone, all channels in one run: cells do not
// influence each other, so a run per map tells everything.
//
//===----------------------------------------------------------------------===//
#include "HeadFit.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <set>

namespace dpuopt {

std::vector<Tensor> randomCut(llvm::ArrayRef<Type> types, uint64_t seed) {
  std::vector<Tensor> out;
  for (const Type &type : types) {
    out.push_back(randomTensor(Type(ElemKind::F32, type.shape()), seed + out.size()));
    for (float &x : out.back().mut<float>())
      x *= 3;
  }
  return out;
}

namespace {

/// A model of more channels on a single cell takes more runs than this is worth.
constexpr int64_t MaxRuns = 600;
/// Numbers computed in all runs: some seconds.
constexpr int64_t MostNumbers = int64_t(1) << 31;

class Roles {
public:
  Roles(DetectHead &head, HeadProbe &probe, HeadScores &scores) : head(head), probe(probe), scores(scores) {}

  bool find(std::string &why) {
    base = randomCut(probe.cutTypes(), 1);
    auto m = probe.run(base);
    if (!m)
      return why = "it cannot be executed", false;
    atBase = std::move(*m);
    for (unsigned s = 0; s < head.scales.size(); ++s)
      if (!findRows(s))
        return why = "the boxes of a map are not spread evenly", false;
    chooseBoxColumn();
    for (unsigned o = 0; o < head.outputs.size(); ++o)
      if (head.outputs[o].scale >= 0 && !findChannels(o))
        return why = "a channel moves boxes of several cells or anchors, or both a box and its score", false;
    return checkBoxes(why) && judgeScores(why);
  }

private:
  int64_t cells(unsigned s) const { return head.scales[s].height * head.scales[s].width; }

  /// Rows that move with all channels of a cell; amounts differ, so that no softmax hides them.
  std::vector<int64_t> rowsOf(unsigned s, int64_t cell) {
    std::vector<Tensor> moved = base;
    for (unsigned o = 0; o < moved.size(); ++o) {
      if (head.outputs[o].scale != static_cast<int>(s))
        continue;
      auto t = moved[o].mut<float>();
      for (int64_t c = 0; c < head.outputs[o].type.dim(1); ++c)
        t[c * cells(s) + cell] += static_cast<float>(0.5 + 2 * std::fmod(double(c) * 0.618034, 1));
    }
    std::vector<int64_t> rows;
    if (auto m = probe.run(moved))
      for (auto [row, column] : probe.changes(atBase, *m))
        if (rows.empty() || rows.back() != row)
          rows.push_back(row);
    return rows;
  }

  bool findRows(unsigned s) {
    HeadScale &scale = head.scales[s];
    std::vector<int64_t> first = rowsOf(s, 0);
    if (first.empty() || first.size() > 64)
      return false;
    if (cells(s) > 1) {
      std::vector<int64_t> second = rowsOf(s, 1);
      if (second.size() != first.size())
        return false;
      scale.cellStep = second[0] - first[0];
    }
    for (int64_t row : first) {
      int64_t last = row + (cells(s) - 1) * scale.cellStep;
      if (scale.cellStep < 1 || last >= probe.rows())
        return false;
      scale.anchors.emplace_back();
      scale.anchors.back().firstRow = row;
    }
    return true;
  }

  /// An output of four columns is the boxes, else they come first.
  void chooseBoxColumn() {
    head.boxColumn = 0;
    for (const HeadResult &r : probe.results())
      if (r.described && r.columns == 4 && probe.columns() > 4)
        head.boxColumn = r.firstColumn;
  }

  bool isBoxColumn(int64_t c) const { return c >= head.boxColumn && c < head.boxColumn + 4; }

  bool findChannels(unsigned o) {
    unsigned s = head.outputs[o].scale;
    int64_t channels = head.outputs[o].type.dim(1), chunk = std::min(channels, cells(s));
    for (int64_t from = 0; from < channels; from += chunk) {
      if (++runs > MaxRuns || runs * probe.rows() * probe.columns() > MostNumbers ||
          !moveChannels(o, s, from, std::min(chunk, channels - from)))
        return false;
    }
    return true;
  }

  bool moveChannels(unsigned o, unsigned s, int64_t from, int64_t count) {
    std::vector<Tensor> moved = base;
    auto t = moved[o].mut<float>();
    for (int64_t i = 0; i < count; ++i)
      t[(from + i) * cells(s) + i] += 2;
    auto m = probe.run(moved);
    if (!m)
      return false;
    std::vector<std::set<std::pair<unsigned, int64_t>>> touched(count); // (anchor, column)
    for (auto [row, column] : probe.changes(atBase, *m)) {
      auto place = placeOf(head.scales[s], row);
      if (!place || place->second >= count)
        return false;
      touched[place->second].emplace(place->first, column);
    }
    for (int64_t i = 0; i < count; ++i)
      if (!touched[i].empty() && !record(o, from + i, head.scales[s], touched[i]))
        return false;
    return true;
  }

  /// Anchor and cell of a row.
  std::optional<std::pair<unsigned, int64_t>> placeOf(const HeadScale &scale, int64_t row) const {
    for (unsigned a = 0; a < scale.anchors.size(); ++a) {
      int64_t d = row - scale.anchors[a].firstRow;
      if (d >= 0 && d % scale.cellStep == 0 && d / scale.cellStep < scale.height * scale.width)
        return std::pair(a, d / scale.cellStep);
    }
    return std::nullopt;
  }

  bool record(unsigned o, int64_t channel, HeadScale &scale, const std::set<std::pair<unsigned, int64_t>> &touched) {
    unsigned a = touched.begin()->first;
    bool box = isBoxColumn(touched.begin()->second);
    for (auto [anchor, column] : touched)
      if (anchor != a || isBoxColumn(column) != box)
        return false;
    HeadChannel c{o, static_cast<unsigned>(channel)};
    HeadAnchor &anchor = scale.anchors[a];
    if (box) {
      anchor.box.push_back(c);
      return true;
    }
    std::vector<int64_t> columns;
    for (auto [_, column] : touched)
      columns.push_back(column);
    anchor.classes.push_back(c);
    movedBy[{o, channel}] = std::move(columns);
    return true;
  }

  bool checkBoxes(std::string &why) {
    size_t want = head.scales[0].anchors[0].box.size();
    for (HeadScale &s : head.scales)
      for (HeadAnchor &a : s.anchors)
        if (a.box.size() != want || want == 0 || want % 4)
          return why = "boxes are not made of four numbers or four distributions", false;
    head.bins = static_cast<int64_t>(want) / 4;
    return true;
  }

  bool judgeScores(std::string &why) {
    for (int64_t c = 0; c < probe.columns(); ++c)
      if (!isBoxColumn(c))
        scores.columns.push_back(c);
    const size_t all = scores.columns.size();
    for (size_t i = 1; i < all; ++i)
      if (scores.columns[i] != scores.columns[0] + static_cast<int64_t>(i))
        return why = "its scores are not in one place", false;
    const std::vector<HeadChannel> first = head.scales[0].anchors[0].classes;
    size_t broad = llvm::count_if(first, [&](HeadChannel c) { return columnsOf(c).size() == all; });
    scores.softmax = all > 1 && first.size() == all && broad == all;
    scores.multiplied = first.size() == all + 1 && (all == 1 ? broad == 2 : broad == 1);
    scores.constantObjectness =
        all > 1 && first.size() + 1 == all && columnsOf(first[0]) != llvm::makeArrayRef(scores.columns[0]);
    if (!scores.softmax && !scores.multiplied && !scores.constantObjectness && first.size() != all)
      return why = "its scores are functions of several channels", false;
    for (HeadScale &s : head.scales)
      for (HeadAnchor &a : s.anchors)
        if (!sortScores(a, first.size()))
          return why = "its scores are functions of several channels", false;
    return true;
  }

  llvm::ArrayRef<int64_t> columnsOf(HeadChannel c) const {
    return movedBy.find({c.output, static_cast<int64_t>(c.channel)})->second;
  }

  /// Objectness that is multiplied goes to its place; what is left must move one column each, in order.
  bool sortScores(HeadAnchor &a, size_t want) {
    if (a.classes.size() != want)
      return false;
    if (scores.softmax)
      return true;
    if (scores.multiplied) {
      auto it = llvm::find_if(a.classes, [&](HeadChannel c) { return columnsOf(c).size() == scores.columns.size(); });
      if (it == a.classes.end())
        return false;
      a.objectness = *it;
      a.classes.erase(it);
    }
    llvm::sort(a.classes, [&](HeadChannel x, HeadChannel y) { return columnsOf(x)[0] < columnsOf(y)[0]; });
    for (size_t i = 0; i < a.classes.size(); ++i)
      if (columnsOf(a.classes[i]).size() != 1 ||
          columnsOf(a.classes[i])[0] != scores.columns[i + scores.constantObjectness])
        return false;
    return true;
  }

  DetectHead &head;
  HeadProbe &probe;
  HeadScores &scores;
  std::vector<Tensor> base;
  HeadMatrix atBase;
  std::map<std::pair<unsigned, int64_t>, std::vector<int64_t>> movedBy;
  int64_t runs = 0;
};

} // namespace

bool findRoles(DetectHead &head, HeadProbe &probe, HeadScores &scores, std::string &why) {
  return Roles(head, probe, scores).find(why);
}

} // namespace dpuopt
