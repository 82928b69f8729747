//===- Activations.cpp - activations by name, as functions ----------------------===//
#include "Activations.h"
#include "dpuopt/Quant/LeakySlope.h"
#include "Patterns.h"
#include <cmath>

namespace dpuopt {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double hardSigmoid(double x) { return std::clamp(x / 6 + 0.5, 0.0, 1.0); }

struct Row {
  const char *kind, *title, *op;
  double (*at)(double x); ///< null: has parameters
};
constexpr Row table[] = {
    {"silu", "SiLU", "onnx.Swish", [](double x) { return x * sigmoid(x); }},
    {"hardswish", "HardSwish", "onnx.HardSwish", [](double x) { return x * hardSigmoid(x); }},
    {"hardsigmoid", "HardSigmoid", "onnx.HardSigmoid", hardSigmoid},
    {"sigmoid", "Sigmoid", "onnx.Sigmoid", sigmoid},
    {"gelu", "GELU", "onnx.Gelu", [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
    {"mish", "Mish", "onnx.Mish", [](double x) { return x * std::tanh(x > 30 ? x : std::log1p(std::exp(x))); }},
    {"relu", "ReLU", "onnx.Relu", [](double x) { return std::max(x, 0.0); }},
    {"relu6", "ReLU6", "onnx.Clip", [](double x) { return std::clamp(x, 0.0, 6.0); }},
    {"clip", "Clip", "onnx.Clip", nullptr},
    {"leaky-relu", "LeakyReLU", "onnx.LeakyRelu", [](double x) { return x < 0 ? x * DpuSlope : x; }},
    {"prelu", "PReLU", "onnx.PRelu", nullptr},
    {"elu", "ELU", "onnx.Elu", nullptr},
    {"selu", "SELU", "onnx.Selu", nullptr},
    {"celu", "CELU", "onnx.Celu", nullptr},
    {"tanh", "Tanh", "onnx.Tanh", [](double x) { return std::tanh(x); }},
    {"softplus", "Softplus", "onnx.Softplus", nullptr},
    {"softsign", "Softsign", "onnx.Softsign", nullptr},
};

const Row *find(llvm::StringRef kind) {
  for (const Row &row : table)
    if (kind == row.kind)
      return &row;
  return nullptr;
}

} // namespace

llvm::StringRef activationKind(const Op &op) {
  if (op.is("onnx.Clip")) {
    auto b = clipBounds(op);
    bool reals = op.result()->type().elemType().isFloat() || op.result()->type().isFix();
    return !b || !reals ? "" : b->low == 0 && b->high == 6 ? "relu6" : "clip";
  }
  for (const Row &row : table)
    if (op.is(row.op))
      return row.kind;
  return "";
}

const char *activationTitle(llvm::StringRef kind) {
  const Row *row = find(kind);
  return row ? row->title : "";
}

bool isPlainActivation(llvm::StringRef kind) {
  const Row *row = find(kind);
  return row && row->at;
}

double activationAt(llvm::StringRef kind, double x) { return find(kind)->at(x); }

double activationGap(llvm::function_ref<double(double)> a, llvm::function_ref<double(double)> b) {
  constexpr double Near = 32, Far = 4096, Step = 1.0 / 1024;
  double worst = 0;
  for (double x = -Near; x <= Near; x += Step)
    worst = std::max(worst, std::fabs(a(x) - b(x)));
  for (double x : {-Far, Far})
    if (std::fabs(a(x) - b(x)) > worst + 1e-9)
      return INFINITY;
  return worst;
}

} // namespace dpuopt
