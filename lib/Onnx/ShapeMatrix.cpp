//===- ShapeMatrix.cpp - result types of products and recurrent ops -----------===//
#include "ShapeContext.h"
#include "ShapeFunctions.h"
#include <fmt/format.h>
#include <map>

using namespace dpuopt;
using namespace dpuopt::onnx;

Status shape::gemm(ShapeContext &c) {
  if (!c.ranked(0) || !c.ranked(1)) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  if (c.rank(0) != 2 || c.rank(1) != 2)
    return c.fail("A and B must be matrices: " + typesOf(c.op.operands()));
  Gemm g(c.op);
  int64_t m = c.shape(0)[g.transA], ka = c.shape(0)[!g.transA];
  int64_t n = c.shape(1)[!g.transB], kb = c.shape(1)[g.transB];
  if (ka >= 0 && kb >= 0 && ka != kb)
    return c.fail(fmt::format("A' has {} columns but B' has {} rows", ka, kb));
  Shape out = {m, n};
  if (c.ranked(2)) {
    auto joined = broadcastShapes(out, c.shape(2));
    if (!joined || joined->size() != 2 || (m >= 0 && n >= 0 && *joined != out))
      return c.fail(fmt::format("C ({}) does not broadcast to {}", shapeStr(c.shape(2)), shapeStr(out)));
  }
  c.set(0, c.elem(0), out);
  return success();
}

/// numpy.matmul of operands `a` and `b`.
static Status matMulOf(ShapeContext &c, unsigned a, unsigned b, ElemType elem) {
  if (!c.ranked(a) || !c.ranked(b)) {
    c.setUnranked(0, elem);
    return success();
  }
  Shape l(c.shape(a).begin(), c.shape(a).end()), r(c.shape(b).begin(), c.shape(b).end());
  if (l.empty() || r.empty())
    return c.fail("operands must not be scalars: " + typesOf(c.op.operands()));
  bool vectorL = l.size() == 1, vectorR = r.size() == 1;
  if (vectorL)
    l.insert(l.begin(), 1);
  if (vectorR)
    r.push_back(1);
  int64_t kl = l.back(), kr = r[r.size() - 2];
  if (kl >= 0 && kr >= 0 && kl != kr)
    return c.fail(fmt::format("inner dimensions must be equal, are {} and {}: {}", kl, kr, typesOf(c.op.operands())));
  auto out = broadcastShapes(llvm::ArrayRef<int64_t>(l).drop_back(2), llvm::ArrayRef<int64_t>(r).drop_back(2));
  if (!out)
    return c.fail("leading dimensions do not broadcast: " + typesOf(c.op.operands()));
  if (!vectorL)
    out->push_back(l[l.size() - 2]);
  if (!vectorR)
    out->push_back(r.back());
  c.set(0, elem, *out);
  return success();
}

Status shape::matMul(ShapeContext &c) {
  return matMulOf(c, 0, 1, c.op.is("onnx.MatMulInteger") ? ElemType(ElemKind::I32) : c.elem(0));
}

Status shape::qlinearMatMul(ShapeContext &c) { return matMulOf(c, 0, 3, c.elem(7)); }

//===-- Einsum -------------------------------------------------------------------===//

/// Sizes of the letters of one term; false when they contradict.
static bool bindTerm(llvm::StringRef term, llvm::ArrayRef<int64_t> shape, std::map<char, int64_t> &sizes) {
  if (term.size() != shape.size())
    return false;
  for (size_t i = 0; i < term.size(); ++i) {
    auto [it, fresh] = sizes.try_emplace(term[i], shape[i]);
    int64_t &known = it->second;
    if (!fresh && known >= 0 && shape[i] >= 0 && known != shape[i] && known != 1 && shape[i] != 1)
      return false;
    if (known < 0 || known == 1)
      known = shape[i];
  }
  return true;
}

/// The explicit form without "..." ("bij,bjk->bik"); others stay unknown.
Status shape::einsum(ShapeContext &c) {
  std::string equation = c.op.getString("equation");
  equation.erase(std::remove(equation.begin(), equation.end(), ' '), equation.end());
  auto [left, right] = llvm::StringRef(equation).split("->");
  llvm::SmallVector<llvm::StringRef, 4> terms;
  left.split(terms, ',');
  bool plain = equation.find("->") != std::string::npos && equation.find('.') == std::string::npos;
  for (unsigned i = 0; i < c.op.numOperands(); ++i)
    plain &= c.ranked(i);
  if (!plain) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  std::map<char, int64_t> sizes;
  if (terms.size() != c.op.numOperands())
    return c.fail(
        fmt::format("equation '{}' has {} terms for {} operands", equation, terms.size(), c.op.numOperands()));
  for (unsigned i = 0; i < terms.size(); ++i)
    if (!bindTerm(terms[i], c.shape(i), sizes))
      return c.fail(fmt::format("equation '{}' does not fit the operands: {}", equation, typesOf(c.op.operands())));
  Shape out;
  for (char letter : right) {
    auto it = sizes.find(letter);
    if (it == sizes.end())
      return c.fail(fmt::format("equation '{}' has no '{}' on the left", equation, letter));
    out.push_back(it->second);
  }
  c.set(0, c.elem(0), out);
  return success();
}

//===-- Recurrent ops --------------------------------------------------------------===//

Status shape::recurrent(ShapeContext &c) {
  if (!c.ranked(0) || c.rank(0) != 3)
    return success();
  bool batchFirst = c.op.getInt("layout") == 1;
  int64_t seq = c.shape(0)[batchFirst ? 1 : 0], batch = c.shape(0)[batchFirst ? 0 : 1];
  int64_t dirs = c.op.getString("direction", "forward") == "bidirectional" ? 2 : 1;
  int64_t hidden = c.op.getInt("hidden_size", -1);
  if (hidden <= 0)
    hidden = c.ranked(2) && c.rank(2) == 3 ? c.shape(2)[2] : -1;
  c.set(0, c.elem(0), batchFirst ? Shape{batch, seq, dirs, hidden} : Shape{seq, dirs, batch, hidden});
  Shape last = batchFirst ? Shape{batch, dirs, hidden} : Shape{dirs, batch, hidden};
  c.set(1, c.elem(0), last);
  c.set(2, c.elem(0), last);
  return success();
}

Status shape::det(ShapeContext &c) {
  if (!c.ranked(0))
    return success();
  if (c.rank(0) < 2)
    return c.fail("the operand must be at least a matrix, is " + typesOf(c.op.operand(0)));
  c.set(0, c.elem(0), c.shape(0).drop_back(2));
  return success();
}
