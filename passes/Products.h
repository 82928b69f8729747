//===- Products.h - scalar expressions as exporters decompose them ----------===//
//
// Private to recognize-activations. Exporters write 0.5 * x * (1 + erf(x / sqrt 2))
// in many orders; a product seen as one number times a set of values is the same for
// all of them.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_PRODUCTS_H
#define DPUOPT_PASSES_PRODUCTS_H

#include "Patterns.h"

namespace dpuopt {

/// number * factors[0] * factors[1] ...
struct Product {
  double number = 1;
  llvm::SmallVector<Value *, 4> factors;
  bool isNumber(double x) const;
};

/// `v` as a product: looks through Mul, and Div by a number, that only `v` uses and that
/// keep its type. A value that is no product is 1 times itself.
Product productOf(Value *v);

/// `v` == x + c, in either order; else null.
Value *plus(Value *v, double c);
/// Is `v` == x * factor, in any form?
bool isMultiple(Value *v, Value *x, double factor);

/// Are the product's factors exactly x and `other(x)`? Returns x, else null.
Value *timesFunction(const Product &p, llvm::function_ref<bool(Value *f, Value *x)> other);

} // namespace dpuopt
#endif
