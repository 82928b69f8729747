//===- Create.cpp - tensors from few numbers, and Dropout --------------------------------===//
//
// ConstantOfShape, Constant, Range, EyeLike, OneHot. A ConstantOfShape is a splat,
// however large.
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"
#include "PriorBox.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

static Result<Tensors> constantOfShape(const Call &call) {
  auto shape = call.ints(0);
  if (!shape)
    return failure();
  const Tensor *value = call.op.getTensor("value");
  Tensor element = value ? runtimeForm(value->expanded()) : Tensor::splatFloat({1}, 0);
  Type type(element.elemType(), *shape);
  if (element.numElements() != 1 || type.numElements() < 0)
    return call.error(fmt::format("{} is not a shape, or its value not one number", shapeStr(*shape)));
  return one(Tensor::splat(type, element.storage()));
}

static Result<Tensors> constant(const Call &call) {
  const Op &op = call.op;
  if (const Tensor *t = op.getTensor("value"); t && t->elemType().byteSize())
    return one(runtimeForm(*t));
  if (op.hasAttr("value_float"))
    return one(Tensor::fromFloats({}, {float(op.getFloat("value_float"))}));
  if (op.hasAttr("value_int"))
    return one(Tensor::fromInts({}, {op.getInt("value_int")}));
  if (op.hasAttr("value_floats"))
    return one(Tensor::fromFloats({int64_t(op.getFloats("value_floats").size())}, op.getFloats("value_floats")));
  if (op.hasAttr("value_ints"))
    return one(Tensor::fromInts({int64_t(op.getInts("value_ints").size())}, op.getInts("value_ints")));
  return call.error("has no numbers");
}

static Result<Tensors> range(const Call &call) {
  for (unsigned i : {0u, 1u, 2u})
    if (call.in(i).numElements() != 1 || call.in(i).elemType() != call.in().elemType())
      return call.error("needs three scalars of one type");
  return dispatch(call.in().elemType().kind, [&](auto zero) -> Result<Tensors> {
    using T = decltype(zero);
    double start = call.in(0).at(0), delta = call.in(2).at(0), n = std::ceil((call.in(1).at(0) - start) / delta);
    if (delta == 0 || !(n <= double(MaxResultElements)))
      return call.error("its step is 0 or its result too long");
    auto y = call.allocate(call.in().elemType(), {int64_t(std::max(n, 0.0))});
    if (!y)
      return failure();
    T *out = mutData<T>(*y);
    for (int64_t i = 0; i < y->numElements(); ++i)
      out[i] = static_cast<T>(start + double(i) * delta);
    return one(std::move(*y));
  });
}

static Result<Tensors> eyeLike(const Call &call) {
  llvm::ArrayRef<int64_t> shape = call.in().shape();
  if (shape.size() != 2)
    return call.error("needs a matrix, has " + call.in().type().str());
  ElemType declared = call.op.result()->type().elemType();
  ElemType elem = declared.isInteger()                                         ? declared
                  : call.op.hasAttr("dtype") || call.in().elemType().isFloat() ? ElemType(ElemKind::F32)
                                                                               : call.in().elemType();
  auto y = call.allocate(elem, shape);
  if (!y)
    return failure();
  int64_t k = std::clamp<int64_t>(call.op.getInt("k"), -shape[0], shape[1]);
  dispatch(elem.kind, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < shape[0]; ++i)
      if (i + k >= 0 && i + k < shape[1])
        mutData<T>(*y)[i * shape[1] + i + k] = T(1);
  });
  return one(std::move(*y));
}

static Result<Tensors> oneHot(const Call &call) {
  const Tensor &index = call.in(0), &values = call.in(2);
  int64_t depth = call.in(1).numElements() == 1 ? call.in(1).intAt(0) : -1;
  auto axis = call.axis(-1, index.shape().size() + 1);
  if (!axis)
    return failure();
  if (depth < 0 || values.numElements() != 2)
    return call.error("needs a depth and two values");
  Shape shape(index.shape().begin(), index.shape().end());
  shape.insert(shape.begin() + *axis, depth);
  auto y = call.allocate(values.elemType(), shape);
  if (!y)
    return failure();
  Tensor pair = values.expanded();
  int64_t inner = product(shape, *axis + 1);
  dispatchSize(values.elemType().byteSize(), [&](auto word) {
    using W = decltype(word);
    W *out = mutData<W>(*y);
    std::fill_n(out, y->numElements(), data<W>(pair)[0]);
    for (int64_t i = 0; i < index.numElements(); ++i) {
      int64_t at = index.intAt(i);
      if (at += at < 0 ? depth : 0; at >= 0 && at < depth)
        out[(i / inner * depth + at) * inner + i % inner] = data<W>(pair)[1];
    }
  });
  return one(std::move(*y));
}

/// Inference form: x, and a mask of ones.
static Result<Tensors> dropout(const Call &call) {
  bool training = call.operand(2) && call.in(2).numElements() == 1 && call.in(2).intAt(0) != 0;
  double ratio = call.operand(1) && call.in(1).numElements() == 1 ? call.in(1).at(0) : call.op.getFloat("ratio", 0.5);
  if (training && ratio != 0)
    return call.error("computes the inference form only");
  Tensors results = one(call.in());
  if (call.op.numResults() > 1)
    results.push_back(Tensor::splat(Type(ElemKind::Bool, call.in().shape()), Blob::adopt(std::vector<uint8_t>{1})));
  return results;
}

llvm::ArrayRef<KernelEntry> exec::createKernels() {
  static const KernelEntry table[] = {
      {"onnx.Constant", constant, 0}, {"onnx.ConstantOfShape", constantOfShape},
      {"onnx.Dropout", dropout},      {"onnx.EyeLike", eyeLike},
      {"onnx.OneHot", oneHot, 3},     {"onnx.Range", range, 3},
      {"xir.priorbox", priorBox, 2},
  };
  return table;
}
