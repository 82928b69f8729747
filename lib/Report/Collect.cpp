//===- Collect.cpp - facts from a partitioned graph ------------------------------------===//
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Report/Report.h"
#include "llvm/ADT/StringSet.h"

using namespace dpuopt;

/// Ops that carry numbers to others and compute nothing a user would count.
static bool isCarrier(const Op &op) {
  return op.isConst() || op.isOneOf("xir.fix", "xir.const-fix", "xir.stack", "xir.upload", "xir.download",
                                    "xir.fix2float", "xir.float2fix");
}

OpCounts dpuopt::countOps(const Graph &g) {
  OpCounts counts;
  for (const Op &op : g.ops())
    if (!isCarrier(op))
      ++counts[op.name().str()];
  return counts;
}

/// Looks through the fix op of a constant.
static const Tensor *constantBehindFix(const Value *v) {
  while (v && v->def() && v->def()->is("xir.fix"))
    v = v->def()->operand(0);
  return constantOf(v);
}

static int64_t product(llvm::ArrayRef<int64_t> v) {
  int64_t n = 1;
  for (int64_t d : v)
    n *= d;
  return n;
}

int64_t dpuopt::macsOf(const Op &op) {
  if (op.numResults() != 1 || !op.result()->type().isStatic())
    return 0;
  llvm::StringRef type = op.name();
  int64_t outputs = op.result()->type().numElements();
  bool transposed = type.startswith("xir.transposed-");
  if (type.contains("conv")) {
    Value *weights = xirArg(op, "weights");
    std::vector<int64_t> kernel = op.getInts("kernel"), stride = op.getInts("stride", {1, 1});
    if (!weights || !weights->type().isStatic() || weights->type().rank() < 2)
      return 0;
    // OHWI weights: the last dimension is what one output sums over besides the window.
    int64_t depth = type.contains("depthwise") ? 1 : weights->type().shape().back();
    int64_t macs = outputs * product(kernel) * depth;
    return transposed ? macs / std::max<int64_t>(1, product(stride)) : macs;
  }
  if (op.isOneOf("xir.matmul", "xir.inner-product")) {
    Value *a = op.operand(0);
    bool transposeA = op.getBool("transpose_a");
    if (!a || !a->type().isStatic() || a->type().rank() < 2)
      return 0;
    return outputs * a->type().shape()[a->type().rank() - (transposeA ? 2 : 1)];
  }
  if (type.contains("pool"))
    return outputs * product(op.getInts("kernel"));
  return 0;
}

/// Elements of the constants an op reads as its parameters.
static int64_t paramsOf(const Op &op) {
  int64_t n = 0;
  if (op.is("xir.reshape")) // its shape operand is not a parameter
    return 0;
  for (Value *v : op.operands())
    if (const Tensor *t = constantBehindFix(v))
      n += t->numElements();
  return n;
}

static ReportedOp describe(const Op &op) {
  ReportedOp r;
  r.name = op.getString("op_name", op.numResults() ? op.result()->name() : "");
  r.node = op.loc().node;
  r.type = (op.isXir() ? op.name().drop_front(4) : op.name()).str();
  r.device = op.getString("device", op.is("xir.data") ? "USER" : "CPU");
  if (const Attr *a = op.attr("reason")) {
    if (a->is(AttrKind::String))
      r.reasons.push_back(a->asString());
    else if (a->isStringList())
      r.reasons = a->asStrings();
  }
  if (op.numResults())
    r.shape.assign(op.result()->type().shape().begin(), op.result()->type().shape().end());
  r.macs = macsOf(op);
  r.params = paramsOf(op);
  return r;
}

/// An input's or output's own type, or that of the fix op right behind an input.
static Type interfaceType(const Value &v) {
  if (v.type().isFix())
    return v.type();
  for (const Use &u : v.uses())
    if (u.user && u.user->is("xir.fix"))
      return u.user->result()->type();
  return v.type();
}

static void collectInterface(const Graph &g, ModelReport &r) {
  for (Value *in : g.inputs())
    r.interface.push_back({in->name(), true, interfaceType(*in)});
  for (const Op &op : g.ops())
    if (op.isOneOf("xir.data", "xir.data-fix"))
      r.interface.push_back({op.result()->name(), true, interfaceType(*op.result())});
  for (Value *out : g.outputs())
    r.interface.push_back({out->name(), false, out->type()});
}

static const Attr *member(const Attr &dict, llvm::StringRef key) {
  if (!dict.is(AttrKind::Dict))
    return nullptr;
  auto it = dict.asMap().find(std::string_view(key.data(), key.size()));
  return it == dict.asMap().end() ? nullptr : &it->second;
}

static void collectSubgraphs(const Graph &g, ModelReport &r) {
  const Attr *list = g.attr("subgraphs");
  if (!list || !list->is(AttrKind::List))
    return;
  std::map<std::string, const ReportedOp *> byName;
  for (const ReportedOp &op : r.ops)
    byName[op.name] = &op;
  for (const Attr &dict : list->asList()) {
    ReportedSubgraph s;
    if (const Attr *name = member(dict, "name"); name && name->is(AttrKind::String))
      s.name = name->asString();
    if (const Attr *attrs = member(dict, "attrs"))
      if (const Attr *device = member(*attrs, "device"); device && device->is(AttrKind::String))
        s.device = device->asString();
    if (const Attr *ops = member(dict, "ops"); ops && ops->isStringList())
      for (const std::string &name : ops->asStrings())
        if (auto it = byName.find(name); it != byName.end())
          ++s.ops, s.macs += it->second->macs;
    r.subgraphs.push_back(std::move(s));
  }
}

ModelReport dpuopt::collectReport(const Graph &lowered) {
  ModelReport r;
  r.graph = lowered.name();
  for (const Op &op : lowered.ops())
    if (!isCarrier(op))
      r.ops.push_back(describe(op));
  r.after = countOps(lowered);
  collectInterface(lowered, r);
  collectSubgraphs(lowered, r);
  return r;
}

unsigned ModelReport::count(llvm::StringRef device) const {
  return llvm::count_if(subgraphs, [&](const ReportedSubgraph &s) { return device == s.device; });
}

int64_t ModelReport::macs() const {
  int64_t n = 0;
  for (const ReportedOp &op : ops)
    n += op.macs;
  return n;
}
int64_t ModelReport::macsOnDpu() const {
  int64_t n = 0;
  for (const ReportedOp &op : ops)
    n += op.device == "DPU" ? op.macs : 0;
  return n;
}
int64_t ModelReport::params() const {
  int64_t n = 0;
  for (const ReportedOp &op : ops)
    n += op.params;
  return n;
}

unsigned ModelReport::cpuOps() const {
  return llvm::count_if(ops, [](const ReportedOp &op) { return op.device == "CPU"; });
}

const ReportedOp *ModelReport::largestCpuOp() const {
  const ReportedOp *largest = nullptr;
  auto size = [](const ReportedOp &op) { return std::make_pair(op.macs, product(op.shape)); };
  for (const ReportedOp &op : ops)
    if (op.device == "CPU" && (!largest || size(op) > size(*largest)))
      largest = &op;
  return largest;
}
