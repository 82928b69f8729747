//===- Activations.cpp - functions of one number, on integers ---------------------------===//
#include "Activations.h"
#include "Broadcast.h"
#include "Geometry.h"
#include "Rounding.h"
#include "dpuopt/Exec/Executor.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;
using namespace dpuopt::kernels;

Result<int> exec::intAttr(const FixRequest &request, llvm::StringRef name, int low, int high) {
  const Attr *a = request.op.attr(name);
  if (!a || !a->isInt() || a->asInt() < low || a->asInt() > high)
    return refuse(request, fmt::format("attribute {} is missing or not in {}..{}", name.str(), low, high));
  return int(a->asInt());
}

std::optional<Dyadic> exec::asDyadic(double x, unsigned bits) {
  if (!std::isfinite(x))
    return std::nullopt;
  Dyadic d;
  for (; x != std::floor(x) && d.shift < 62; ++d.shift)
    x *= 2;
  if (x != std::floor(x) || std::fabs(x) >= std::ldexp(1.0, int(bits)))
    return std::nullopt;
  d.numerator = int(x);
  return d;
}

int8_t exec::hardSigmoid(int x, int in, int shift) {
  int fraction = std::max(0, -in); // the 3 of a negative fix point is not an integer
  int64_t t = (int64_t(2731) * x * (int64_t(1) << fraction)) + (int64_t(3 * 2731) << (in + fraction));
  t = std::clamp<int64_t>(t, 0, int64_t(1) << (32 + fraction));
  return roundShift(t, std::clamp(shift + fraction, -62, 62));
}

//===- Compiled ops ---------------------------------------------------------------------===//

/// HSIGMOID and HSWISH: the sum is first rounded to the fix point hsigmoid_in, the rest is a table.
static Status setHard(const FixRequest &r, Requant &q, int sumFixPoint, bool swish) {
  auto in = intAttr(r, "hsigmoid_in", -24, 24);
  auto shift = in ? intAttr(r, "shift_hsigmoid", -62, 62) : failure();
  auto shiftSwish = shift && swish ? intAttr(r, "shift_hswish", -62, 62) : shift;
  if (!shiftSwish)
    return failure();
  q.cut = std::clamp(sumFixPoint - *in, -62, 62);
  std::array<int8_t, 256> table;
  for (int x = -128; x < 128; ++x) {
    int8_t h = hardSigmoid(x, *in, *shift);
    table[size_t(x + 128)] = swish ? roundShift(int64_t(x) * h, *shiftSwish) : h;
  }
  q.table = table;
  return success();
}

static Status setLeaky(const FixRequest &r, Requant &q, double alpha) {
  auto d = asDyadic(alpha, 15);
  if (!d)
    return refuse(r, fmt::format("its slope {} is not a multiple of a power of two that 15 bits can hold", alpha));
  q.activation = Requant::Activation::Leaky;
  q.slope = d->numerator, q.slopeShift = d->shift;
  return success();
}

static Status setCompiled(const FixRequest &r, Requant &q, int sumFixPoint) {
  auto which =
      choiceOf(r.op, "nonlinear", {"NONE", "RELU", "PRELU", "LEAKYRELU", "RELU6", "HSIGMOID", "HSWISH"}, "NONE");
  if (!which)
    return refuse(r, "its nonlinear is not one of NONE, RELU, PRELU, LEAKYRELU, RELU6, HSIGMOID, HSWISH");
  switch (*which) {
  case 1:
    q.activation = Requant::Activation::Relu;
    return success();
  case 2: {
    auto slope = intAttr(r, "prelu_in", -128, 255);
    auto shift = slope ? intAttr(r, "prelu_shift", 0, 30) : failure();
    if (!shift)
      return failure();
    q.activation = Requant::Activation::Leaky;
    q.slope = *slope, q.slopeShift = *shift;
    return success();
  }
  case 3:
    return setLeaky(r, q, r.op.getFloat("LEAKYRELU_alpha", 26.0 / 256));
  case 4: // The cap is the number 96 whatever the fix point: 6.0 at fix point 4 only.
    q.activation = Requant::Activation::Clip;
    q.cap = r.resultFixPoint() <= 4 ? 96 : 127;
    return success();
  case 5:
  case 6:
    return setHard(r, q, sumFixPoint, *which == 6);
  default:
    return success();
  }
}

//===- Quantized form -------------------------------------------------------------------===//

/// The slope is a float times a float sum. The product is exact, or as good as, in two cases: it has at most 24 bits,
/// or all products down to y = -128 have; a smaller one is -128 in any case, rounded or not.
static Status setFloatLeaky(const FixRequest &r, Requant &q, int64_t bound) {
  if (failed(setLeaky(r, q, double(float(r.activation->getFloat("alpha", 0.01))))))
    return failure();
  constexpr int64_t Exact = 1 << 24;
  bool shortProducts = bound <= Exact / std::max(1, std::abs(q.slope));
  bool shortUnlessSaturated = q.slopeShift + q.guard + q.cut <= 17;
  return shortProducts || shortUnlessSaturated ? success() : failure();
}

static Status setFloat(const FixRequest &r, Requant &q, int64_t bound) {
  const Op *act = r.activation;
  if (!act)
    return success();
  // max and min commute with a monotone rounding, so their order does not show.
  if (act->is("xir.relu")) {
    q.activation = Requant::Activation::Relu;
  } else if (act->is("xir.relu6")) {
    q.activation = Requant::Activation::Clip;
    q.cap = roundShift(6, std::clamp(-r.resultFixPoint(), -62, 62));
  } else if (act->is("xir.leaky-relu")) {
    return setFloatLeaky(r, q, bound);
  } else {
    return failure();
  }
  return success();
}

Status exec::setActivation(const FixRequest &request, Requant &requant, int sumFixPoint, int64_t bound) {
  return request.compiled ? setCompiled(request, requant, sumFixPoint) : setFloat(request, requant, bound);
}

/// The number that every element of `v` is in every run, also through a `fix` of its own; nullopt if there is none.
static std::optional<float> uniformConstant(const Value *v) {
  const Op *fix = v->def() && v->def()->is("xir.fix") ? v->def() : nullptr;
  const Tensor *t = constantOf(fix ? fix->operand(0) : v);
  if (!t || !t->elemType().byteSize() || !isUniform(*t))
    return std::nullopt;
  Tensor one = Tensor::splatFloat({1}, float(t->at(0)));
  if (fix && fix->result()->type().isFix())
    roundToFix(one, fix->result()->type().elemType(), roundModeOf(*fix));
  return float(one.at(0));
}

/// The operands of `op` with `x` as operand `at`.
static std::optional<std::vector<Tensor>> operandsAround(const Op &op, const Tensor &x, unsigned at) {
  std::vector<Tensor> operands(op.numOperands());
  for (unsigned i = 0; i < op.numOperands(); ++i) {
    if (i == at || !op.operand(i)) {
      operands[i] = x;
      continue;
    }
    auto number = uniformConstant(op.operand(i));
    if (!number)
      return std::nullopt;
    operands[i] = Tensor::splatFloat({1}, *number);
  }
  return operands;
}

Result<std::vector<int8_t>> exec::throughFloats(const FixRequest &request, std::vector<float> x,
                                                llvm::ArrayRef<const Op *> ops, unsigned operand) {
  int64_t n = int64_t(x.size());
  Tensor t = Tensor::fromFloats({n}, std::move(x));
  DiagEngine silent; // what is wrong with the op, its float kernel says
  for (const Op *op : ops) {
    if (!op)
      continue;
    auto operands = operandsAround(*op, t, operand);
    operand = 0;
    if (!operands)
      return failure();
    std::vector<const Tensor *> pointers;
    for (unsigned i = 0; i < operands->size(); ++i)
      pointers.push_back(op->operand(i) ? &(*operands)[i] : nullptr);
    auto results = evaluate(*op, pointers, silent);
    if (!results || results->size() != 1 || (*results)[0].numElements() != n)
      return failure();
    t = (*results)[0].expanded();
  }
  if (t.elemType().kind != ElemKind::F32)
    return failure();
  roundToFix(t, request.result.elemType(), RoundMode::HalfUp);
  std::vector<int8_t> bytes;
  for (float v : t.as<float>())
    bytes.push_back(int8_t(std::lround(std::ldexp(v, request.resultFixPoint()))));
  return bytes;
}

std::vector<float> exec::allReals(int fixPoint) {
  std::vector<float> x;
  for (int i = -128; i < 128; ++i)
    x.push_back(std::ldexp(float(i), -fixPoint));
  return x;
}

Result<ByteTable> exec::moveTable(const FixRequest &request, unsigned i) {
  if (!request.activation)
    return shiftTable(std::clamp(request.fixPoint(i) - request.resultFixPoint(), -62, 62));
  auto bytes = throughFloats(request, allReals(request.fixPoint(i)), {request.activation});
  if (!bytes)
    return failure();
  ByteTable table;
  llvm::copy(*bytes, table.begin());
  return table;
}
