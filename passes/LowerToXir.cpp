//===- LowerToXir.cpp - onnx.* (NCHW) to xir.* (NHWC) ------------------------===//
//
// Before: only onnx.*, other-domain and const ops, static shapes, after clean-up.
//   A q type on an op result, a graph input or a constant is its fix point.
// After: only xir.* and const ops; every value that had a fix point goes through an
//   explicit xir.fix; parameters first, then xir.data, then ops in order.
// Conditions: every shape is known. Nothing else fails: an op without an exact XIR
//   form is kept as the custom op xir.<OpType> and named in a remark.
// Formula: each op computes the same numbers; where the graph has fix points, the
//   constants by which the DPU differs (average pools, hard-sigmoid) are explicit
//   `mul`s, as the vendor's exporter writes them (docs/lowering.md).
//
//===----------------------------------------------------------------------===//
#include "LowerToXir.h"
#include "dpuopt/Onnx/Onnx.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::lower;

//===-- The table of handlers ------------------------------------------------===//

Handler lower::findHandler(const Op &op) {
  static const llvm::StringMap<Handler> table = [] {
    llvm::StringMap<Handler> t;
    for (auto list : {convHandlers(), poolHandlers(), activationHandlers(), eltwiseHandlers(), matmulHandlers(),
                      movementHandlers(), resizeHandlers()})
      for (const HandlerEntry &e : list)
        t[e.op] = e.lower;
    return t;
  }();
  return op.isOnnx() ? table.lookup(op.name().drop_front(5)) : nullptr;
}

bool lower::isQuantized(const Op &op) {
  return (op.numResults() && op.result()->type().isFix()) || (op.operand(0) && op.operand(0)->type().isFix());
}

//===-- Custom ops -----------------------------------------------------------===//

const char *lower::dataTypeName(ElemType t) {
  switch (t.kind) {
  case ElemKind::I64:
    return "INT64";
  case ElemKind::I32:
    return "INT32";
  case ElemKind::I16:
    return "INT16";
  case ElemKind::I8:
    return "INT8";
  case ElemKind::U64:
    return "UINT64";
  case ElemKind::U32:
    return "UINT32";
  case ElemKind::U16:
    return "UINT16";
  case ElemKind::U8:
  case ElemKind::Bool:
    return "UINT8";
  default:
    return "FLOAT32";
  }
}

ElemType lower::carrierElem(const Type &t) { return isReal(t) ? ElemType(ElemKind::F32) : t.elemType(); }

/// onnx attributes in the kinds xmodels use: 32-bit integers where they fit.
static AttrMap xirAttrs(const Op &op) {
  auto fits = [](int64_t v) { return v == static_cast<int32_t>(v); };
  AttrMap out;
  for (const auto &[name, attr] : op.attrs()) {
    if (attr.isInt())
      out[name] = fits(attr.asInt()) ? Attr::i32(static_cast<int32_t>(attr.asInt())) : attr;
    else if (attr.isIntList() && llvm::all_of(attr.asInts(), fits))
      out[name] = Attr::i32s(attr.asInts());
    else if (!attr.is(AttrKind::Tensor) && !attr.is(AttrKind::Dict))
      out[name] = attr;
  }
  return out;
}

Lowering::Spec lower::customSpec(const Op &op, std::vector<Value *> operands, Shape shape, ElemType elem) {
  llvm::StringRef type = op.name().substr(op.name().rfind('.') + 1);
  Lowering::Spec spec{type.str(), {}, shape, xirAttrs(op), elem};
  spec.attrs["shape"] = Attr::i32s(shape);
  spec.attrs["data_type"] = Attr::string(dataTypeName(elem));
  std::vector<std::string> names;
  for (size_t i = 0; i < operands.size(); ++i)
    if (operands[i])
      names.push_back("input_" + std::to_string(i));
  // Only when one is missing in the middle does the position need a name.
  if (names.size() != operands.size() && !names.empty())
    spec.attrs["arg_names"] = Attr::strings(names);
  llvm::copy_if(operands, std::back_inserter(spec.operands), [](Value *v) { return v; });
  return spec;
}

void lower::sayCustom(Lowering &l, const Op &op, const std::string &reason, AttrMap &attrs) {
  std::string name = op.name().str();
  l.diagnostics().remark(op.loc(), fmt::format("{} is kept as a custom op: {}", name, reason)).rule("lower.custom-op");
  attrs["reason"] = Attr::strings({reason + " [lower.custom-op]"});
}

void Lowering::keepAsCustom(const Op &op, const std::string &reason) {
  std::vector<Value *> operands;
  for (Value *v : op.operands())
    operands.push_back(v ? in(v, Layout::identity(v->type().rank())) : nullptr);
  while (!operands.empty() && !operands.back())
    operands.pop_back();
  for (unsigned r = 0; r < op.numResults(); ++r) {
    const Type &type = op.result(r)->type();
    if (r && op.result(r)->unused())
      continue;
    Spec spec = customSpec(op, operands, toShape(type.shape()), carrierElem(type));
    if (op.numResults() > 1)
      spec.attrs["output_index"] = Attr::i32(r);
    AttrMap &attrs = spec.attrs;
    if (r == 0)
      sayCustom(*this, op, reason, attrs);
    emitResult(op, std::move(spec), Layout::identity(type.rank()), r);
  }
}

//===-- Whole graph ----------------------------------------------------------===//

void Lowering::lowerInputs() {
  for (Value *in : g.inputs()) {
    Layout layout = wantedLayout(in);
    Spec data{"data", {}, layout.physical(in->type().shape()), {}, carrierElem(in->type())};
    data.attrs["shape"] = Attr::i32s(data.shape);
    data.attrs["data_type"] = Attr::string(dataTypeName(data.elem));
    Value *real = emit(std::move(data), nameOf(in), {});
    record(in, {real, layout});
  }
  for (Value *in : g.inputs()) {
    Mapped m = get(in);
    record(in, {addFix(in, m.value, {}), m.layout});
  }
}

/// Outputs stay in the order their op has them if that is onnx's or channels-last.
static Layout outputLayout(const Mapped &m) {
  Layout real;
  llvm::copy_if(m.layout.order, std::back_inserter(real.order), [](int axis) { return axis >= 0; });
  size_t rank = real.order.size();
  if (m.layout.shuffled < 0 && (real == Layout::identity(rank) || real == Layout::channelsLast(rank)))
    return real;
  return rank == 4 ? Layout::channelsLast(4) : Layout::identity(rank);
}

void Lowering::lowerOutputs() {
  std::vector<Value *> outputs;
  for (Value *old : g.outputs())
    outputs.push_back(in(old, outputLayout(get(old))));
  g.setOutputs(outputs);
}

void Lowering::lowerOp(Op &op) {
  if (op.isConst() || (op.numResults() && mapped.count(op.result())))
    return; // a constant is made where it is used; a bias Add came with its MatMul
  Handler handler = findHandler(op);
  std::string reason = !handler              ? "XIR has no such op"
                       : doubtful.count(&op) ? "the opset has no such form of it"
                                             : handler(*this, op);
  if (!reason.empty())
    keepAsCustom(op, reason);
}

void Lowering::run() {
  claimNames();
  lowerInputs();
  for (Op *op : oldOps)
    lowerOp(*op);
  lowerOutputs();
  for (Op *op : llvm::reverse(oldOps))
    g.erase(op);
  auto inputs = g.inputs();
  for (Value *in : llvm::reverse(inputs))
    g.eraseInput(in);
  // What described the onnx model no longer applies.
  for (const char *name : {"opset", "ir_version", "producer", "producer_version", "domain", "domains", "model_version",
                           "metadata", "functions", "value_types"})
    g.attrs().erase(name);
}

//===-- The pass -------------------------------------------------------------===//

static bool isLowerable(const Value &v) {
  return v.type().isStatic() && v.type().elemType().byteSize() && v.type().numElements() >= 0 &&
         v.type().numElements() <= MaxElements;
}

/// Reports what nothing else explains: not what depends on a value that is reported itself.
static Status checkValue(const Value &v, const Location &loc, DiagEngine &diags) {
  if (isLowerable(v))
    return success();
  auto isExplained = [](const Value *in) { return in && !isLowerable(*in); };
  if (v.def() && llvm::any_of(v.def()->operands(), isExplained))
    return failure();
  if (!v.def() && v.type().hasRank() && !v.type().isStatic()) {
    std::string shape;
    for (int64_t d : v.type().shape())
      shape += (shape.empty() ? "" : "x") + (d < 0 ? "N" : std::to_string(d));
    return diags
        .error(loc, fmt::format("lowering needs the type and shape of every tensor, input '{}' is {}", v.name(),
                                v.type().str()))
        .rule("lower.static-shape")
        .note(fmt::format("give it with --input-shape {}={}, numbers for every N", v.name(), shape));
  }
  return diags
      .error(loc,
             fmt::format("lowering needs the type and shape of every tensor, '{}' is {}", v.name(), v.type().str()))
      .rule("lower.static-shape")
      .note("give the input shapes (--input-shape NAME=1x3x224x224) and run infer-shapes");
}

/// The handlers rely on result shapes that follow from the operands. Ops whose shape
/// nobody can tell (a form no opset has) go to `doubtful`.
static Status checkShapes(const Op &op, DoubtfulOps &doubtful, DiagEngine &diags) {
  if (!op.isOnnx())
    return success();
  auto inferred = inferTypes(op, diags);
  if (!inferred)
    return failure();
  bool told = *inferred && (*inferred)->size() >= op.numResults();
  for (unsigned r = 0; told && r < op.numResults(); ++r) {
    const Type &want = (**inferred)[r], &have = op.result(r)->type();
    told = want.isStatic();
    if (told && have.isStatic() && want.shape() != have.shape())
      return diags
          .error(op.loc(), fmt::format("{} of these operands gives {}, but '{}' is {}", op.name().str(),
                                       shapeStr(want.shape()), op.result(r)->name(), shapeStr(have.shape())))
          .rule("lower.result-shape");
  }
  bool sameShape = isUnaryElementwise(op) && op.operand(0)->type().shape() == op.result()->type().shape();
  if (!told && !sameShape && !op.is("onnx.Reshape")) // a Reshape may compute its shape; its result tells it
    doubtful.insert(&op);
  return success();
}

static Status check(const Graph &g, DoubtfulOps &doubtful, DiagEngine &diags) {
  bool good = true;
  for (Value *in : g.inputs())
    good &= succeeded(checkValue(*in, {}, diags));
  for (const Op &op : g.ops()) {
    if (op.isXir()) {
      diags.error(op.loc(),
                  fmt::format("lowering needs onnx ops only, '{}' is {}", op.result()->name(), op.name().str()));
      good = false;
    }
    for (Value *r : op.results())
      if (!r->unused() || r->index() == 0)
        good &= succeeded(checkValue(*r, op.loc(), diags));
  }
  for (const Op &op : g.ops())
    good = good && succeeded(checkShapes(op, doubtful, diags));
  return good ? success() : failure();
}

static bool isLowered(const Graph &g) {
  return g.inputs().empty() && g.size() &&
         llvm::all_of(g.ops(), [](const Op &op) { return op.isXir() || op.isConst(); });
}

static PassResult run(Graph &g, PassContext &ctx) {
  if (isLowered(g))
    return PassResult::Unchanged;
  DoubtfulOps doubtful;
  if (failed(check(g, doubtful, ctx.diags)))
    return PassResult::Failure;
  Lowering(g, std::move(doubtful), ctx.diags).run();
  return PassResult::Changed;
}

namespace dpuopt {
extern const PassInfo LowerToXirPass;
const PassInfo LowerToXirPass = {
    "lower-to-xir",
    "Lower onnx ops (NCHW) to XIR ops (NHWC) with explicit fix ops",
    R"(Before: `onnx.*`, other-domain and `const` ops with static shapes, cleaned up. A `q` type on a result, an
input or a constant is its fix point.

After: `xir.*` and `const` ops only. Activations are NHWC, weights OHWI, inputs are `xir.data` ops, every value that had
a fix point goes through an `xir.fix` named `<name>_fix`. Parameters come first.

Conditions: all shapes known. An op without an exact XIR form stays as the custom op `xir.<OpType>` with operands in
ONNX order, and a remark says why. A transpose is left only where an op needs an order that its input does not have.

On fixed values, average pools, `reduction_mean` and hard-sigmoid get the constant by which the DPU's arithmetic differs
from exact division as an explicit `mul`.)",
    Preserves::Closely,
    {},
    run,
};
} // namespace dpuopt
