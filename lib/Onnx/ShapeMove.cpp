//===- ShapeMove.cpp - result types of ops that move or reshape data ----------===//
#include "ShapeContext.h"
#include "ShapeFunctions.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

//===-- Reshaping ------------------------------------------------------------------===//

/// Fills the one -1 of `out` from the number of elements, and checks the count.
static Status fillReshape(const ShapeContext &c, Shape &out, int64_t inferred) {
  int64_t total = productOf(c.shape(0));
  if (total < 0)
    return success();
  Shape rest = out;
  if (inferred >= 0)
    rest.erase(rest.begin() + inferred);
  int64_t known = productOf(rest);
  if (known < 0)
    return success();
  bool fits = inferred < 0 ? known == total : known > 0 && total % known == 0;
  if (!fits && !(inferred >= 0 && total == 0))
    return c.fail(
        fmt::format("{} elements of {} cannot be reshaped to {}", total, shapeStr(c.shape(0)), shapeStr(out)));
  if (inferred >= 0)
    out[inferred] = known > 0 ? total / known : 0;
  return success();
}

Status shape::reshape(ShapeContext &c) {
  auto wanted = c.ints(1);
  if (!wanted) {
    bool lengthKnown = c.ranked(1) && c.rank(1) == 1 && c.shape(1)[0] >= 0 && c.shape(1)[0] <= 64;
    if (lengthKnown)
      c.set(0, c.elem(0), Shape(c.shape(1)[0], -1));
    else
      c.setUnranked(0, c.elem(0));
    return success();
  }
  Shape out;
  int64_t inferred = -1;
  for (size_t i = 0; i < wanted->size(); ++i) {
    int64_t d = (*wanted)[i];
    if (d == 0 && !c.op.getInt("allowzero")) {
      if (c.ranked(0) && static_cast<int64_t>(i) >= c.rank(0))
        return c.fail(fmt::format("shape {} copies dimension {}, the input has {}", shapeStr(*wanted), i, c.rank(0)));
      d = c.ranked(0) ? c.shape(0)[i] : -1;
    } else if (d == -1) {
      if (inferred >= 0)
        return c.fail(fmt::format("shape {} has more than one -1", shapeStr(*wanted)));
      inferred = static_cast<int64_t>(i);
    } else if (d < -1) {
      return c.fail(fmt::format("shape must not be negative, found {}", d));
    }
    out.push_back(d);
  }
  if (c.ranked(0) && failed(fillReshape(c, out, inferred)))
    return failure();
  c.set(0, c.elem(0), out);
  return success();
}

Status shape::flatten(ShapeContext &c) {
  if (!c.ranked(0)) {
    c.set(0, c.elem(0), Shape{-1, -1});
    return success();
  }
  int64_t given = c.op.getInt("axis", 1), axis = given < 0 ? given + c.rank(0) : given;
  if (axis < 0 || axis > c.rank(0))
    return c.fail(fmt::format("axis must be within [{0}, {1}], is {2}", -c.rank(0), c.rank(0), given));
  c.set(0, c.elem(0), Shape{productOf(c.shape(0).take_front(axis)), productOf(c.shape(0).drop_front(axis))});
  return success();
}

Status shape::squeeze(ShapeContext &c) {
  auto given = axesOf(c.op);
  if (!c.ranked(0) || !given) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  auto axes = c.axes(*given, c.rank(0));
  if (!axes)
    return failure();
  Shape out;
  for (int64_t i = 0; i < c.rank(0); ++i) {
    int64_t d = c.shape(0)[i];
    bool gone = axes->empty() ? d == 1 : llvm::is_contained(*axes, i);
    if (gone && d >= 0 && d != 1)
      return c.fail(fmt::format("squeezed dimension {} must be 1, is {}", i, d));
    if (axes->empty() && d < 0) { // may or may not be 1
      c.setUnranked(0, c.elem(0));
      return success();
    }
    if (!gone)
      out.push_back(d);
  }
  c.set(0, c.elem(0), out);
  return success();
}

Status shape::unsqueeze(ShapeContext &c) {
  auto given = axesOf(c.op);
  if (!c.ranked(0) || !given) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  int64_t rank = c.rank(0) + static_cast<int64_t>(given->size());
  auto axes = c.axes(*given, rank);
  if (!axes)
    return failure();
  Shape out;
  const int64_t *next = c.shape(0).begin();
  for (int64_t i = 0; i < rank; ++i)
    out.push_back(llvm::is_contained(*axes, i) ? 1 : *next++);
  c.set(0, c.elem(0), out);
  return success();
}

Status shape::transpose(ShapeContext &c) {
  if (!c.ranked(0)) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  std::vector<int64_t> perm = c.op.getInts("perm");
  if (!c.op.hasAttr("perm"))
    for (int64_t i = c.rank(0); i-- > 0;)
      perm.push_back(i);
  if (static_cast<int64_t>(perm.size()) != c.rank(0))
    return c.fail(fmt::format("perm must name {} axes, names {}", c.rank(0), perm.size()));
  auto axes = c.axes(perm, c.rank(0));
  if (!axes)
    return failure();
  Shape out;
  for (int64_t a : *axes)
    out.push_back(c.shape(0)[a]);
  c.set(0, c.elem(0), out);
  return success();
}

//===-- Shapes as data -----------------------------------------------------------===//

Status shape::shapeOf(ShapeContext &c) {
  if (!c.ranked(0)) {
    c.set(0, ElemKind::I64, Shape{-1});
    return success();
  }
  auto clamped = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + c.rank(0) : i, 0, c.rank(0)); };
  int64_t start = clamped(c.op.getInt("start", 0)), end = clamped(c.op.getInt("end", c.rank(0)));
  c.set(0, ElemKind::I64, Shape{std::max<int64_t>(end - start, 0)});
  return success();
}

Status shape::sizeOf(ShapeContext &c) {
  c.set(0, ElemKind::I64, Shape());
  return success();
}

Status shape::constantOfShape(ShapeContext &c) {
  const Tensor *value = c.op.getTensor("value");
  ElemType elem = value ? value->elemType() : ElemType(ElemKind::F32);
  auto wanted = c.ints(0);
  if (wanted) {
    for (int64_t d : *wanted)
      if (d < 0)
        return c.fail(fmt::format("the shape must not be negative, found {}", d));
    c.set(0, elem, *wanted);
  } else if (c.ranked(0) && c.rank(0) == 1 && c.shape(0)[0] >= 0 && c.shape(0)[0] <= 64) {
    c.set(0, elem, Shape(c.shape(0)[0], -1));
  } else {
    c.setUnranked(0, elem);
  }
  return success();
}

Status shape::range(ShapeContext &c) {
  const Tensor *start = constantOf(c.op.operand(0)), *limit = constantOf(c.op.operand(1)),
               *delta = constantOf(c.op.operand(2));
  int64_t n = -1;
  if (start && limit && delta && start->numElements() == 1 && limit->numElements() == 1 && delta->numElements() == 1) {
    double step = delta->at(0);
    if (step == 0)
      return c.fail("delta must not be zero");
    double count = std::ceil((limit->at(0) - start->at(0)) / step);
    n = !(count > 0) ? 0 : static_cast<int64_t>(std::min(count, double(MaxElements) + 1));
  }
  c.set(0, c.elem(0), Shape{n});
  return success();
}

Status shape::randomShape(ShapeContext &c) {
  ElemType elem = c.op.hasAttr("dtype") ? elemTypeFromOnnx(c.op.getInt("dtype")) : ElemType(ElemKind::F32);
  c.set(0, elem, c.op.getInts("shape"));
  return success();
}

//===-- Joining and repeating --------------------------------------------------------===//

Status shape::concat(ShapeContext &c) {
  Shape out;
  int64_t axis = -1;
  for (unsigned i = 0; i < c.op.numOperands(); ++i) {
    if (!c.ranked(i)) {
      c.setUnranked(0, c.elem(0));
      return success();
    }
    if (i == 0) {
      auto a = c.axisAttr("axis", 0, c.rank(0));
      if (!a)
        return failure();
      axis = *a;
      out.assign(c.shape(0).begin(), c.shape(0).end());
      continue;
    }
    if (c.rank(i) != c.rank(0))
      return c.fail("operands must have one rank: " + typesOf(c.op.operands()));
    for (int64_t k = 0; k < c.rank(0); ++k) {
      int64_t d = c.shape(i)[k];
      if (k == axis)
        out[k] = out[k] < 0 || d < 0 ? -1 : std::min(out[k] + d, MaxElements + 1);
      else if (out[k] < 0)
        out[k] = d;
      else if (d >= 0 && d != out[k])
        return c.fail(fmt::format("operands may differ in axis {} only: {}", axis, typesOf(c.op.operands())));
    }
  }
  c.set(0, c.elem(0), out);
  return success();
}

Status shape::tile(ShapeContext &c) {
  auto repeats = c.ints(1);
  if (!c.ranked(0))
    return success();
  if (repeats && static_cast<int64_t>(repeats->size()) != c.rank(0))
    return c.fail(fmt::format("repeats needs {} elements, has {}", c.rank(0), repeats->size()));
  Shape out;
  for (int64_t i = 0; i < c.rank(0); ++i) {
    if (repeats && (*repeats)[i] < 0)
      return c.fail(fmt::format("repeats must not be negative, found {}", (*repeats)[i]));
    out.push_back(repeats ? mulDims(c.shape(0)[i], (*repeats)[i]) : -1);
  }
  c.set(0, c.elem(0), out);
  return success();
}

Status shape::pad(ShapeContext &c) {
  if (!c.ranked(0)) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  std::optional<std::vector<int64_t>> pads = c.op.hasAttr("pads") ? std::optional(c.op.getInts("pads")) : c.ints(1);
  auto given = axesOf(c.op, 3);
  if (!pads || !given) {
    c.set(0, c.elem(0), Shape(c.rank(0), -1));
    return success();
  }
  auto axes = c.axes(*given, c.rank(0));
  if (!axes)
    return failure();
  if (axes->empty())
    for (int64_t i = 0; i < c.rank(0); ++i)
      axes->push_back(i);
  if (pads->size() != 2 * axes->size())
    return c.fail(fmt::format("pads needs {} elements, has {}", 2 * axes->size(), pads->size()));
  Shape out(c.shape(0).begin(), c.shape(0).end());
  for (size_t i = 0; i < axes->size(); ++i) {
    int64_t &d = out[(*axes)[i]], begin = (*pads)[i], end = (*pads)[i + axes->size()];
    if (d < 0)
      continue;
    if (std::max(begin, end) > MaxElements || std::min(begin, end) < -MaxElements || d + begin + end < 0)
      return c.fail(fmt::format("dimension {} of {} cannot be padded by {} and {}", (*axes)[i], d, begin, end));
    d += begin + end;
  }
  c.set(0, c.elem(0), out);
  return success();
}
