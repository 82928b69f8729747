//===- Einsum.cpp - sums of products by index letters ------------------------------------===//
//
// The definition: one loop over all values of all letters. `...` stands for leading
// axes that broadcast; they become letters of their own.
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {
/// Letters of one term; axes of an ellipsis are numbered 256, 257, ... from the right.
using Letters = std::vector<int>;

struct Equation {
  std::vector<Letters> terms;
  Letters result;
};

bool readTerm(llvm::StringRef text, size_t rank, Letters &letters) {
  size_t named = llvm::count_if(text, [](char c) { return std::isalpha(static_cast<unsigned char>(c)); });
  for (size_t i = 0; i < text.size(); ++i) {
    if (std::isalpha(static_cast<unsigned char>(text[i]))) {
      letters.push_back(text[i]);
    } else if (text.substr(i).startswith("...")) {
      for (size_t k = rank > named ? rank - named : 0; k > 0; --k)
        letters.push_back(255 + int(k));
      i += 2;
    } else if (text[i] != ' ') {
      return false;
    }
  }
  return true;
}

bool readEquation(llvm::StringRef text, llvm::ArrayRef<const Tensor *> operands, Equation &e) {
  auto [left, right] = text.split("->");
  llvm::SmallVector<llvm::StringRef, 4> parts;
  left.split(parts, ',');
  size_t widest = 0;
  if (parts.size() != operands.size())
    return false;
  for (size_t i = 0; i < parts.size(); ++i) {
    e.terms.emplace_back();
    if (!operands[i] || !readTerm(parts[i], operands[i]->shape().size(), e.terms.back()) ||
        e.terms.back().size() != operands[i]->shape().size())
      return false;
    widest = std::max<size_t>(widest, llvm::count_if(e.terms.back(), [](int c) { return c > 255; }));
  }
  if (text.contains("->")) {
    size_t named = llvm::count_if(right, [](char c) { return std::isalpha(static_cast<unsigned char>(c)); });
    return readTerm(right, named + widest, e.result);
  }
  std::map<int, int> uses; // implicit: letters that occur once, sorted, after the ellipsis
  for (const Letters &t : e.terms)
    for (int c : t)
      ++uses[c];
  for (size_t k = widest; k > 0; --k)
    e.result.push_back(255 + int(k));
  for (auto [c, n] : uses)
    if (c < 256 && n == 1)
      e.result.push_back(c);
  return true;
}
} // namespace

static Result<Tensors> einsum(const Call &call) {
  Equation e;
  std::string text = call.op.getString("equation");
  if (!readEquation(text, call.operands, e))
    return call.error(fmt::format("equation '{}' does not fit its operands", text));
  // Result letters first, then the summed ones; each with its size.
  Letters order = e.result;
  std::map<int, int64_t> size;
  std::vector<Tensor> dense;
  for (size_t i = 0; i < e.terms.size(); ++i) {
    dense.push_back(call.operands[i]->expanded());
    for (size_t a = 0; a < e.terms[i].size(); ++a) {
      int64_t n = dense[i].shape()[a];
      int64_t &known = size.try_emplace(e.terms[i][a], 1).first->second;
      if (known != 1 && n != 1 && n != known)
        return call.error(fmt::format("equation '{}': sizes {} and {} of one index differ", text, known, n));
      known = known == 1 ? n : known;
      if (!llvm::is_contained(order, e.terms[i][a]))
        order.push_back(e.terms[i][a]);
    }
  }
  Shape shape;
  for (int c : e.result)
    shape.push_back(size.count(c) ? size[c] : 1);
  auto y = call.allocate(ElemKind::F32, shape);
  if (!y)
    return failure();
  int64_t steps = 1;
  for (int c : order)
    if (__builtin_mul_overflow(steps, size.count(c) ? size[c] : 1, &steps) || steps > int64_t(1) << 36)
      return call.error("takes too many steps");
  // How far each operand moves for each letter.
  std::vector<std::vector<int64_t>> stride(dense.size(), std::vector<int64_t>(order.size(), 0));
  for (size_t i = 0; i < dense.size(); ++i)
    for (size_t a = 0; a < e.terms[i].size(); ++a)
      if (dense[i].shape()[a] != 1)
        stride[i][llvm::find(order, e.terms[i][a]) - order.begin()] += product(dense[i].shape(), a + 1);
  float *out = mutData<float>(*y);
  int64_t summed = y->numElements() ? steps / y->numElements() : 0;
  std::vector<int64_t> index(order.size(), 0), at(dense.size(), 0);
  double sum = 0;
  for (int64_t s = 0; s < steps; ++s) {
    double term = 1;
    for (size_t i = 0; i < dense.size(); ++i)
      term *= data<float>(dense[i])[at[i]];
    sum += term;
    if ((s + 1) % summed == 0)
      out[s / summed] = float(sum), sum = 0;
    for (size_t k = order.size(); k-- > 0;) {
      int64_t n = size[order[k]];
      bool carry = ++index[k] == n;
      for (size_t i = 0; i < at.size(); ++i)
        at[i] += carry ? -stride[i][k] * (n - 1) : stride[i][k];
      if (!carry)
        break;
      index[k] = 0;
    }
  }
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::einsumKernels() {
  static const KernelEntry table[] = {{"onnx.Einsum", einsum, 1, 64}};
  return table;
}
