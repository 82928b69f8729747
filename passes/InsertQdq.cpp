//===- InsertQdq.cpp - fix points as QuantizeLinear/DequantizeLinear nodes ----------===//
//
// Before: an onnx.* graph with fix points in its types. After: none; behind each value
//   that had one are QuantizeLinear and DequantizeLinear, each constant is integers
//   behind a DequantizeLinear. Scale 2^-p, zero point 0, i8 or u8; i16 with the nodes of
//   domain com.microsoft, which every opset may use.
// Conditions: widths of at most 16 bits (unsigned: 8 or 16).
// Formula: clip(round(x * 2^p)) * 2^-p, with halves to even where the DPU rounds up.
// Names are ONNX Runtime's: X_QuantizeLinear_Output, X_DequantizeLinear_Output, X_scale,
// X_zero_point, W_quantized; an output keeps its own.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Pass/Pass.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// The integers that hold a fix point.
ElemKind storageOf(ElemType e) {
  if (e.bits <= 8)
    return e.isSigned ? ElemKind::I8 : ElemKind::U8;
  return e.isSigned ? ElemKind::I16 : ElemKind::U16;
}

class Inserter {
public:
  explicit Inserter(Graph &g) : g(g) {}
  void run();

private:
  void insertBehind(Value *v, Op *before);
  void replaceConstant(Op &op, Op *before);
  Value *scaleOf(Value *v, ElemType e, Op *before);
  Value *zeroOf(Value *v, ElemType e, Op *before);
  Value *node(const char *type, ElemType e, std::vector<Value *> operands, const std::string &name, Type t, Op *before);
  Value *clipped(Value *v, ElemType e, Op *before);

  Graph &g;
  bool usesMicrosoft = false;
};

Value *Inserter::scaleOf(Value *v, ElemType e, Op *before) {
  return g.createConst(v->name() + "_scale", Tensor::splatFloat({}, std::ldexp(1.0f, -e.fixPoint)).expanded(), before);
}

Value *Inserter::zeroOf(Value *v, ElemType e, Op *before) {
  return g.createConst(v->name() + "_zero_point", Tensor::zeros(Type(storageOf(e), Shape())), before);
}

/// The node and its result are named after `name`, as ONNX Runtime's quantizer does.
Value *Inserter::node(const char *type, ElemType e, std::vector<Value *> operands, const std::string &name, Type t,
                      Op *before) {
  const bool wide = e.bits > 8;
  usesMicrosoft |= wide;
  const std::string full = name + "_" + type;
  OpSpec spec{(wide ? "com.microsoft." : "onnx.") + std::string(type),
              std::move(operands),
              {{full + "_Output", std::move(t)}},
              {},
              Location{full, 0}};
  return g.create(std::move(spec), before)->result();
}

/// Integers of 8 or 16 bits saturate later than a narrower fix point does.
Value *Inserter::clipped(Value *v, ElemType e, Op *before) {
  if (e.bits == 8 || e.bits == 16)
    return v;
  const float step = std::ldexp(1.0f, -e.fixPoint), top = std::ldexp(1.0f, e.bits - (e.isSigned ? 1 : 0));
  Value *low =
      g.createConst(v->name() + "_low", Tensor::splatFloat({}, e.isSigned ? -top * step : 0).expanded(), before);
  Value *high = g.createConst(v->name() + "_high", Tensor::splatFloat({}, (top - 1) * step).expanded(), before);
  OpSpec spec{"onnx.Clip", {v, low, high}, {{v->name() + "_clipped", v->type()}}, {}, {}};
  return g.create(std::move(spec), before)->result();
}

void Inserter::insertBehind(Value *v, Op *before) {
  const ElemType e = v->type().elemType();
  const Type real = v->type().withElem(ElemKind::F32);
  const bool isOutput = v->isGraphOutput();
  const std::string name = v->name();
  v->setType(real);
  std::vector<Use> uses = v->uses().vec();
  Value *scale = scaleOf(v, e, before), *zero = zeroOf(v, e, before);
  Value *q = node("QuantizeLinear", e, {clipped(v, e, before), scale, zero}, name, real.withElem(storageOf(e)), before);
  Value *dq = node("DequantizeLinear", e, {q, scale, zero}, name, real, before);
  for (const Use &use : uses)
    use.user->setOperand(use.index, dq);
  if (isOutput && v->def()) { // the name is the model's interface
    dq->takeName(v);
    v->setName(g.uniqueName(name + "_QuantizeLinear_Input"));
  }
}

void Inserter::replaceConstant(Op &op, Op *before) {
  Value *v = op.result();
  const ElemType e = v->type().elemType();
  const Type real = v->type().withElem(ElemKind::F32);
  std::vector<Use> uses = v->uses().vec();
  Tensor ints = op.getTensor("value")->bitcast(storageOf(e));
  op.setAttr("value", Attr::tensor(ints));
  v->setType(ints.type());
  const std::string name = v->name();
  Value *dq = node("DequantizeLinear", e, {v, scaleOf(v, e, before), zeroOf(v, e, before)}, name, real, before);
  for (const Use &use : uses)
    use.user->setOperand(use.index, dq);
  v->setName(g.uniqueName(name + "_quantized"));
}

void Inserter::run() {
  std::vector<Op *> ops;
  for (Op &op : g.ops())
    ops.push_back(&op);
  for (Value *input : g.inputs())
    if (input->type().isFix())
      insertBehind(input, ops.empty() ? nullptr : ops.front());
  for (size_t i = 0; i < ops.size(); ++i) {
    Op *before = i + 1 < ops.size() ? ops[i + 1] : nullptr;
    for (Value *r : ops[i]->results())
      if (r->type().isFix())
        ops[i]->isConst() ? replaceConstant(*ops[i], before) : insertBehind(r, before);
  }
  if (!usesMicrosoft)
    return;
  AttrMap domains;
  if (const Attr *known = g.attr("domains"); known && known->is(AttrKind::Dict))
    domains = known->asMap();
  domains.try_emplace("com.microsoft", Attr::i64(1));
  g.attrs()["domains"] = Attr::dict(std::move(domains));
}

/// Names the first value whose fix point has no integers; true if there is one.
bool refuse(const Graph &g, DiagEngine &diags) {
  auto bad = [&](const Value *v) {
    const ElemType e = v->type().elemType();
    if (!e.isFix() || (e.bits <= 16 && std::abs(e.fixPoint) <= 126))
      return false;
    diags
        .error(v->def() ? v->def()->loc() : Location{},
               fmt::format("'{}' is {}: QuantizeLinear has integers of 8 and 16 bits", v->name(), v->type().str()))
        .rule("qdq.bits");
    return true;
  };
  if (llvm::any_of(g.inputs(), bad))
    return true;
  for (const Op &op : g.ops()) {
    if (op.isXir())
      return diags
                 .error(op.loc(), fmt::format("'{}' is an xir op ({}): raise-to-onnx first", op.result()->name(),
                                              op.name().str()))
                 .rule("qdq.xir"),
             true;
    if (llvm::any_of(op.results(), bad))
      return true;
  }
  return false;
}

bool hasFixPoints(const Graph &g) {
  auto isFix = [](const Value *v) { return v->type().isFix(); };
  return llvm::any_of(g.inputs(), isFix) ||
         llvm::any_of(g.ops(), [&](const Op &op) { return llvm::any_of(op.results(), isFix); });
}

PassResult run(Graph &g, PassContext &ctx) {
  if (!hasFixPoints(g)) {
    if (!ctx.flag("required"))
      return PassResult::Unchanged;
    return ctx.diags.error("no value has a fix point: there is nothing to write as QuantizeLinear")
               .rule("qdq.float")
               .note("quantize first: calibrate, apply-quant-info or import-qdq"),
           PassResult::Failure;
  }
  if (refuse(g, ctx.diags))
    return PassResult::Failure;
  Inserter(g).run();
  return PassResult::Changed;
}

} // namespace

extern const PassInfo InsertQdqPass;
const PassInfo InsertQdqPass = {
    "insert-qdq",
    "Write fix points as QuantizeLinear/DequantizeLinear nodes",
    "**Before:** an `onnx.*` graph with fix points in its types. **After:** none; behind each value that had one are a "
    "QuantizeLinear and a DequantizeLinear (scale 2^-p, zero point 0), and constants are integers behind a "
    "DequantizeLinear, biases too. 8 bits and less are i8 or u8 (with a Clip where less), 16 and less i16 or u16 with "
    "the nodes of domain com.microsoft. Names are those ONNX Runtime's quantizer gives. **Conditions:** at most 16 "
    "bits. **Formula:** ONNX rounds halves to even, the DPU up: see docs/qdq.md. `import-qdq` is the way back.",
    Preserves::Meaning,
    {{"required", nullptr, "A graph without fix points is an error"}},
    run,
};

} // namespace dpuopt
