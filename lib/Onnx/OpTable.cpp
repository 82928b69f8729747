//===- OpTable.cpp - what we know of each ONNX operator ----------------------===//
#include "OpTable.h"
#include "ShapeFunctions.h"
#include "dpuopt/IR/OnnxViews.h"
#include "dpuopt/Onnx/Onnx.h"
#include "llvm/ADT/StringExtras.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

namespace dpuopt::onnx::shape {
static constexpr ShapeFn opaque = nullptr;
}

static const OpInfo table[] = {
#define ONNX_OP(name, since, minIn, maxIn, minOut, maxOut, attrs, infer)                                               \
  {#name, since, minIn, maxIn, minOut, maxOut, attrs, shape::infer},
#include "OnnxOps.def"
#undef ONNX_OP
};

llvm::ArrayRef<OpInfo> onnx::allOps() { return table; }

const OpInfo *onnx::findOp(llvm::StringRef opType) {
  auto less = [](const OpInfo &info, llvm::StringRef name) { return llvm::StringRef(info.name) < name; };
  const OpInfo *it = std::lower_bound(std::begin(table), std::end(table), opType, less);
  return it != std::end(table) && opType == it->name ? it : nullptr;
}

int64_t OpInfo::formOf(int64_t opset) const {
  int64_t form = 0;
  for (llvm::StringRef word : llvm::split(since, ' ')) {
    int64_t version = 0;
    if (!word.getAsInteger(10, version) && version <= opset)
      form = version;
  }
  return form;
}

char OpInfo::attrKind(llvm::StringRef attr) const {
  for (llvm::StringRef word : llvm::split(attrs, ' ')) {
    auto [name, kind] = word.split(':');
    if (name == attr && !kind.empty())
      return kind[0];
  }
  return 0;
}

bool onnx::attrHasKind(const Attr &a, char kind) {
  switch (kind) {
  case 'f':
    return a.isFloat();
  case 'i':
    return a.isInt() || a.is(AttrKind::Bool);
  case 's':
    return a.is(AttrKind::String);
  case 't':
    return a.is(AttrKind::Tensor) || a.is(AttrKind::Bytes);
  case 'F':
    return a.isFloatList();
  case 'I':
    return a.isIntList();
  case 'S':
    return a.isStringList();
  default:
    return a.is(AttrKind::Bytes);
  }
}

const char *onnx::attrKindName(char kind) {
  switch (kind) {
  case 'f':
    return "a float";
  case 'i':
    return "an integer";
  case 's':
    return "a string";
  case 't':
    return "a tensor";
  case 'F':
    return "a list of floats";
  case 'I':
    return "a list of integers";
  case 'S':
    return "a list of strings";
  case 'g':
    return "a graph";
  case 'p':
    return "a sparse tensor";
  default:
    return "a type";
  }
}

/// Operands without those the importer appended for values a subgraph captures.
static unsigned numInputs(const Op &op) {
  const Attr *captures = op.attr("captures");
  unsigned extra = captures && captures->isStringList() ? captures->asList().size() : 0;
  return op.numOperands() >= extra ? op.numOperands() - extra : 0;
}

std::string onnx::whyOpaque(const Op &op) {
  if (!op.isOnnx())
    return "its domain is not known";
  const OpInfo *info = findOp(op.name().drop_front(5));
  if (!info)
    return "it is not in the table of operators";
  int64_t opset = opsetOf(op.graph());
  if (info->formOf(opset) == 0)
    return fmt::format("its form of opset {} is older than the table, which starts at {}", opset,
                       llvm::StringRef(info->since).split(' ').first.str());
  unsigned inputs = numInputs(op);
  if (inputs > info->maxInputs || inputs < info->minInputs)
    return fmt::format("it has {} inputs, known are {} to {}", inputs, info->minInputs, info->maxInputs);
  if (op.numResults() > info->maxOutputs || op.numResults() < info->minOutputs)
    return fmt::format("it has {} outputs, known are {} to {}", op.numResults(), info->minOutputs, info->maxOutputs);
  // Attributes we do not know in an opset we do not know are a newer form. In a
  // known opset they are an exporter's private notes, which do not change the op.
  if (opset > NewestOpset)
    for (auto &[name, value] : op.attrs())
      if (!info->attrKind(name) && name != "captures")
        return fmt::format("attribute '{}' of opset {} is newer than the table ({})", name, opset, NewestOpset);
  return "";
}

bool dpuopt::isKnownOnnxOp(const Op &op) { return whyOpaque(op).empty(); }

std::vector<std::string> dpuopt::knownOnnxOps() {
  std::vector<std::string> names;
  for (const OpInfo &info : table)
    names.push_back(info.name);
  return names;
}
