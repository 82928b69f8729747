//===- StripDetectHead.cpp - pass `strip-detect-head` ----------------------------===//
//
// Before: an onnx.* graph of a detector after clean-up, head included.
// After: the graph up to its last layers, their results are the outputs (maps from large
//   to small); outputs that do not depend on them stay. The description and the part cut
//   off are written to files if asked for.
// Conditions: the head is of a known kind, that is, a decoder that follows the description
//   gives what the head gives on random input; or the option `outputs` says where to cut.
//   Else nothing changes, and a warning names tensors at which one can cut.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"
#include "SuggestCut.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Passes/DetectHead.h"
#include "dpuopt/Support/File.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// `outputs=a;b`: tensor names, or names of the nodes that give them.
Result<std::vector<std::string>> namedCut(Graph &g, llvm::StringRef text, DiagEngine &diags) {
  llvm::SmallVector<llvm::StringRef, 8> names;
  text.split(names, ';', -1, /*KeepEmpty=*/false);
  std::vector<std::string> out;
  for (llvm::StringRef name : names) {
    Value *v = g.lookup(name.trim());
    for (Op &op : g.ops())
      if (!v && op.isOnnx() && op.loc().node == name.trim())
        v = op.result();
    if (!v || !v->def() || v->def()->isConst())
      return diags
          .error(fmt::format("strip-detect-head: no op gives a tensor '{}' and no node has that name", name.trim()))
          .rule("head.outputs")
          .note("--print-after=clean-up shows the names; some change when nodes are folded");
    if (!llvm::is_contained(out, v->name()))
      out.push_back(v->name());
  }
  if (out.empty())
    return diags.error("strip-detect-head: 'outputs' names no tensor").rule("head.outputs");
  return out;
}

std::vector<std::string> foundCut(Graph &g) {
  std::vector<std::string> out;
  for (Value *v : findHeadCut(g))
    out.push_back(v->name());
  return out;
}

PassResult refuse(Graph &g, llvm::StringRef why, PassContext &ctx) {
  DiagBuilder d = ctx.diags.warning("no detection head removed: " + why.str());
  d.rule("head.unknown");
  std::vector<std::string> cuts = suggestCut(g, {ctx.option("target"), ""});
  if (!cuts.empty())
    d.note(
        fmt::format("outputs={} cuts behind the last ops whose whole input cone is on the DPU", fmt::join(cuts, ";")));
  return PassResult::Unchanged;
}

Status writeFiles(const Graph &g, const DetectHead &head, llvm::ArrayRef<std::string> cut, PassContext &ctx) {
  if (const std::string &path = ctx.option("head"); !path.empty())
    if (failed(exportOnnx(*headGraph(g, cut), path, {}, ctx.diags)))
      return failure();
  const std::string &path = ctx.option("description");
  if (path.empty())
    return success();
  return writeFileAtomically(path, ctx.diags,
                             [&](llvm::raw_pwrite_stream &os) { return os << headJson(head), success(); });
}

PassResult run(Graph &g, PassContext &ctx) {
  const bool named = !ctx.option("outputs").empty();
  auto cut = named ? namedCut(g, ctx.option("outputs"), ctx.diags) : foundCut(g);
  if (!cut)
    return PassResult::Failure;
  if (cut->empty())
    return refuse(g, "behind the last layers there is nothing that decodes boxes", ctx);
  DetectHead head = describeHead(g, *cut);
  if (!head.known() && !named)
    return refuse(g, head.why, ctx);
  for (size_t i = 0; i < cut->size(); ++i)
    (*cut)[i] = head.outputs[i].name; // in the order of the description
  if (failed(writeFiles(g, head, *cut, ctx)))
    return PassResult::Failure;
  stripHead(g, *cut);
  for (const std::string &line : headSummary(head))
    ctx.diags.remark(line).rule("head.removed");
  return PassResult::Changed;
}

} // namespace

extern const PassInfo StripDetectHeadPass;
const PassInfo StripDetectHeadPass = {
    "strip-detect-head",
    "Remove the part of a detector that decodes boxes, and describe it",
    "**Before:** a detector after `clean-up`. **After:** the results of its last layers are the outputs, maps from "
    "large to small; outputs that do not depend on them stay. A convolution behind a Softmax (the expectation of a "
    "distribution over box sides) is no last layer. **Conditions:** the head is of a known kind: YOLOv5 to v7, v3 and "
    "v4, YOLOX, v6, v8 to v11, SSD, or one that only joins maps; or `outputs` says where to cut. What each channel "
    "moves and the numbers of the head (strides, anchors, classes, bins) are found by executing it, and a decoder "
    "that follows the description must give what the head gives within 1e-4 of its range. Otherwise nothing "
    "changes and [head.unknown] names tensors to cut at: the results of the last ops whose whole input cone is on "
    "the DPU. The description is documented in docs/heads.md.",
    Preserves::Meaning,
    {{"outputs", "A;B", "cut at these tensors or nodes instead", ""},
     {"description", "FILE", "write the description as JSON", ""},
     {"head", "FILE", "write the part that is cut off as ONNX", ""},
     {"target", "NAME", "whose rules the suggested cuts follow", "kv260"}},
    run,
};

} // namespace dpuopt
