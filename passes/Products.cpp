//===- Products.cpp - scalar expressions as exporters decompose them --------===//
#include "Products.h"
#include <cmath>

namespace dpuopt {

/// Constants in files are floats, some written with few digits (0.797885).
static bool near(double a, double b) { return std::fabs(a - b) <= 2e-6 * std::fabs(b); }

bool Product::isNumber(double x) const { return near(number, x); }

/// Multiplies `v` into `p`. Only the root, or a value nobody else uses, is taken apart.
static void multiply(Product &p, Value *v, const Value *root, unsigned depth) {
  Op *op = v->def();
  bool apart = v == root || (v->hasOneUse() && !v->type().isFix());
  if (op && apart && depth < 8) {
    if (auto m = matchScalarOp(op, "onnx.Mul")) {
      p.number *= m->number;
      return multiply(p, m->x, root, depth + 1);
    }
    if (auto d = matchScalarOp(op, "onnx.Div"); d && !d->numberFirst && d->number != 0) {
      p.number /= d->number;
      return multiply(p, d->x, root, depth + 1);
    }
    if (op->is("onnx.Mul") && op->numOperands() == 2 && sameStaticType(op->operand(0), v) &&
        sameStaticType(op->operand(1), v)) {
      multiply(p, op->operand(0), root, depth + 1);
      return multiply(p, op->operand(1), root, depth + 1);
    }
  }
  p.factors.push_back(v);
}

Product productOf(Value *v) {
  Product p;
  multiply(p, v, v, 0);
  return p;
}

Value *plus(Value *v, double c) {
  auto add = matchScalarOp(soleProducer(v, "onnx.Add"), "onnx.Add");
  return add && near(add->number, c) ? add->x : nullptr;
}

bool isMultiple(Value *v, Value *x, double factor) {
  if (!v || !v->hasOneUse() || v->type().isFix())
    return false;
  Product p = productOf(v);
  return p.factors.size() == 1 && p.factors[0] == x && p.isNumber(factor);
}

Value *timesFunction(const Product &p, llvm::function_ref<bool(Value *, Value *)> other) {
  if (p.factors.size() != 2)
    return nullptr;
  for (unsigned i : {0u, 1u})
    if (other(p.factors[1 - i], p.factors[i]))
      return p.factors[i];
  return nullptr;
}

} // namespace dpuopt
