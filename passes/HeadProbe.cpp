//===- HeadProbe.cpp - what a head's outputs do when its inputs move -------------===//
#include "HeadProbe.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// A head is small beside its network; what is larger is no head.
constexpr int64_t MaxCells = int64_t(1) << 26;

/// Ops that pick rows: what they read is the decoded matrix.
bool picksRows(const Op &op) {
  return op.isOneOf("onnx.NonMaxSuppression", "onnx.TopK", "onnx.NonZero", "onnx.ArgMax", "onnx.ReduceMax") ||
         !canExecute(op);
}

/// Makes what row-picking ops read the outputs; returns the first such op's type.
std::string stopAtPicks(Graph &g) {
  llvm::DenseSet<const Op *> behind;
  std::vector<Value *> outputs;
  std::string first;
  for (Op &op : g.ops()) {
    bool after = llvm::any_of(op.operands(), [&](Value *v) { return v && v->def() && behind.count(v->def()); });
    if (!after && !picksRows(op))
      continue;
    if (!after && first.empty())
      first = op.name().str();
    behind.insert(&op);
    for (Value *v : op.operands())
      if (v && v->def() && !v->def()->isConst() && !behind.count(v->def()) && !llvm::is_contained(outputs, v))
        outputs.push_back(v);
  }
  if (first.empty())
    return first;
  for (Value *v : g.outputs())
    if (v->def() && !behind.count(v->def()) && !llvm::is_contained(outputs, v))
      outputs.push_back(v);
  g.setOutputs(outputs);
  for (Op &op : llvm::make_early_inc_range(llvm::reverse(g.ops())))
    if (op.unused())
      g.erase(&op);
  return first;
}

/// `type` as rows x columns, if it has at most two dimensions (or a matrix per anchor and cell) that are not 1.
std::optional<HeadResult> asMatrix(const Value *v) {
  HeadResult r;
  r.name = v->name(), r.type = v->type();
  if (!r.type.isStatic() || !r.type.hasRank() || r.type.rank() < 2)
    return std::nullopt;
  Shape dims;
  for (int64_t d : r.type.shape())
    if (d != 1)
      dims.push_back(d);
  if (r.type.rank() == 5) { // 1 x anchors x height x width x columns: not decoded yet
    r.columns = r.type.shape().back();
    r.rows = r.columns ? r.type.numElements() / r.columns : 0;
    return r;
  }
  if (dims.empty() || dims.size() > 2)
    return std::nullopt;
  r.rows = *std::max_element(dims.begin(), dims.end());
  r.columns = dims.size() == 2 ? std::min(dims[0], dims[1]) : 1;
  r.columnsFirst = dims.size() == 2 && dims[0] < dims[1];
  return r;
}

Tensor ones(const Type &type) {
  return type.elemType().isFloat() || type.isFix() ? Tensor::splatFloat(type.shape(), 1) : randomTensor(type, 1);
}

} // namespace

/// Groups of outputs with as many rows stand side by side, groups below each other.
bool HeadProbe::arrange(std::string &why) {
  std::vector<int64_t> groups;
  for (HeadResult &r : seen)
    if (!llvm::is_contained(groups, r.rows))
      groups.push_back(r.rows);
  // Some exports return the maps too: as many rows as the decoded ones have together.
  int64_t all = 0, most = 0;
  for (int64_t rows : groups)
    all += rows, most = std::max(most, rows);
  if (groups.size() > 1 && all == 2 * most)
    groups = {most};
  for (int64_t rows : groups) {
    int64_t columns = 0;
    for (HeadResult &r : seen)
      if (r.rows == rows)
        r.described = true, r.firstRow = numRows, r.firstColumn = columns, columns += r.columns;
    if (numColumns && columns != numColumns)
      return why = "its outputs do not have as many numbers per box", false;
    numColumns = columns;
    numRows += rows;
  }
  return numRows * numColumns > 0 && numRows * numColumns <= MaxCells
             ? true
             : (why = "its outputs are no list of boxes", false);
}

std::unique_ptr<HeadProbe> HeadProbe::create(const Graph &g, llvm::ArrayRef<std::string> cut, std::string &why) {
  auto p = std::make_unique<HeadProbe>();
  p->graph = headGraph(g, cut);
  for (const Op &op : p->graph->ops())
    p->numOps += !op.isConst();
  p->before = stopAtPicks(*p->graph);
  for (const Value *v : p->graph->outputs())
    if (auto r = asMatrix(v))
      p->seen.push_back(*r);
    else
      p->seen.push_back(HeadResult{v->name(), v->type()});
  llvm::erase_if(p->seen, [](const HeadResult &r) { return !r.rows; });
  for (const std::string &name : cut)
    p->types.push_back(g.lookup(name)->type());
  int64_t cells = 0;
  for (const Type &type : p->types)
    cells += std::max<int64_t>(type.numElements(), 0);
  if (cells > MaxCells)
    return why = "its maps are too large to execute it many times", nullptr;
  DiagEngine silent;
  auto made = p->seen.empty() ? failure() : Executor::create(*p->graph, {}, silent);
  if (!made) {
    why = p->seen.empty() ? "its outputs are no list of boxes" : silent.all().back().message;
    return nullptr;
  }
  p->executor = std::move(*made);
  for (const Value *v : graphFeeds(*p->graph)) {
    auto it = llvm::find(cut, v->name());
    p->feedOf.push_back(it == cut.end() ? -1 : static_cast<int>(it - cut.begin()));
  }
  if (!p->arrange(why))
    return nullptr;
  return p;
}

std::optional<HeadMatrix> HeadProbe::run(llvm::ArrayRef<Tensor> cut) {
  std::vector<Tensor> feeds;
  auto values = graphFeeds(*graph);
  for (size_t i = 0; i < values.size(); ++i)
    feeds.push_back(feedOf[i] < 0 ? ones(values[i]->type()) : cut[feedOf[i]]);
  auto out = executor->run(feeds);
  if (!out)
    return std::nullopt;
  HeadMatrix m{numRows, numColumns, std::vector<float>(numRows * numColumns)};
  auto outputs = graph->outputs();
  for (size_t i = 0; i < outputs.size(); ++i) {
    auto it = llvm::find_if(seen, [&](const HeadResult &r) { return r.name == outputs[i]->name(); });
    if (it == seen.end() || !it->described)
      continue;
    Tensor t = (*out)[i].toFloat().expanded();
    auto in = t.as<float>();
    for (int64_t row = 0; row < it->rows; ++row)
      for (int64_t k = 0; k < it->columns; ++k)
        m.values[(it->firstRow + row) * numColumns + it->firstColumn + k] =
            in[it->columnsFirst ? k * it->rows + row : row * it->columns + k];
  }
  return m;
}

HeadChanges HeadProbe::changes(const HeadMatrix &a, const HeadMatrix &b) const {
  HeadChanges out;
  for (size_t i = 0; i < a.values.size(); ++i)
    if (std::fabs(a.values[i] - b.values[i]) > 1e-6f * (1 + std::fabs(a.values[i])))
      out.emplace_back(i / numColumns, i % numColumns);
  return out;
}

} // namespace dpuopt
