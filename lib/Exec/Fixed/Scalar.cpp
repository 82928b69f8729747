//===- Scalar.cpp - functions of one element -----------------------------------------------===//
#include "Activations.h"
#include "Geometry.h"

using namespace dpuopt;
using namespace dpuopt::exec;
using namespace dpuopt::kernels;

namespace {
class TableKernel final : public FixKernel {
public:
  TableKernel(unsigned operand, size_t elements, const ByteTable &table)
      : operand(operand), elements(elements), table(table) {}
  bool reads(unsigned i) const override { return i == operand; }
  void run(const FixRun &run) const override {
    constexpr size_t Chunk = 65536;
    run.team.run((elements + Chunk - 1) / Chunk, [&](size_t unit, unsigned) {
      size_t at = unit * Chunk;
      mapBytes(run.in[operand] + at, run.out + at, std::min(Chunk, elements - at), table);
    });
  }

private:
  unsigned operand;
  size_t elements;
  ByteTable table;
};
} // namespace

static FixResult tableKernel(const FixRequest &r, unsigned operand, const ByteTable &table) {
  if (r.operands[operand].type.shape() != r.result.shape())
    return refuse(r, r.operands[operand].type.str() + " does not become " + r.result.str() + " element by element");
  return std::unique_ptr<FixKernel>(std::make_unique<TableKernel>(operand, size_t(r.result.numElements()), table));
}

FixResult exec::makeFloatTable(const FixRequest &r, unsigned operand) {
  auto bytes = throughFloats(r, allReals(r.fixPoint(operand)), {&r.op, r.activation}, operand);
  if (!bytes)
    return refuse(r, "an operand is neither a tensor of fix type nor the same constant for all elements");
  ByteTable table;
  llvm::copy(*bytes, table.begin());
  return tableKernel(r, operand, table);
}

//===- Compiled ops ---------------------------------------------------------------------===//

/// t = x * 2^(fp_o - fp_i), the activation, one rounding.
static FixResult requantized(const FixRequest &r, Requant q) {
  q.guard = 0, q.cut = std::clamp(r.fixPoint(0) - r.resultFixPoint(), -62, 62);
  ByteTable table;
  for (int x = -128; x < 128; ++x)
    table[size_t(x + 128)] = q.apply(x, 0);
  return tableKernel(r, 0, table);
}

static FixResult makeRelu(const FixRequest &r) {
  Requant q;
  q.activation = Requant::Activation::Relu;
  return r.compiled ? requantized(r, q) : makeFloatTable(r);
}

static FixResult makeRelu6(const FixRequest &r) {
  Requant q;
  q.activation = Requant::Activation::Clip;
  q.cap = roundShift(6, std::clamp(-r.resultFixPoint(), -62, 62));
  return r.compiled ? requantized(r, q) : makeFloatTable(r);
}

static FixResult makeLeakyRelu(const FixRequest &r) {
  if (!r.compiled)
    return makeFloatTable(r);
  auto alpha = asDyadic(double(float(r.op.getFloat("alpha", 26.0 / 256))), 15);
  if (!alpha)
    return refuse(r, "its alpha is not a multiple of a power of two that 15 bits can hold");
  Requant q;
  q.activation = Requant::Activation::Leaky;
  q.slope = alpha->numerator, q.slopeShift = alpha->shift;
  return requantized(r, q);
}

static FixResult makeHardSigmoid(const FixRequest &r) {
  if (!r.compiled)
    return makeFloatTable(r);
  auto in = intAttr(r, "hsigmoid_in", -24, 24);
  auto shift = in ? intAttr(r, "shift_hsigmoid", -62, 62) : failure();
  if (!shift)
    return failure();
  ByteTable table;
  for (int x = -128; x < 128; ++x)
    table[size_t(x + 128)] = hardSigmoid(x, *in, *shift);
  return tableKernel(r, 0, table);
}

static FixResult makeFunction(const FixRequest &r) { return makeFloatTable(r); }

llvm::ArrayRef<FixEntry> exec::scalarFixEntries() {
  static const FixEntry table[] = {
      {"relu", makeRelu},      {"relu6", makeRelu6},        {"leaky-relu", makeLeakyRelu},
      {"prelu", makeFunction}, {"sigmoid", makeFunction},   {"hard-sigmoid", makeHardSigmoid},
      {"tanh", makeFunction},  {"hard-tanh", makeFunction}, {"hard-swish", makeFunction},
      {"swish", makeFunction}, {"gelu", makeFunction},      {"mish", makeFunction},
      {"elu", makeFunction},   {"celu", makeFunction},      {"selu", makeFunction},
      {"exp", makeFunction},   {"neg", makeFunction},       {"sqrt", makeFunction},
  };
  return table;
}
