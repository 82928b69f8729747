//===- xmodel_libxir - the peer: libxir builds and writes the same constants -------===//
//
//   xmodel_libxir IN.xmodel OUT.xmodel
// Maps IN with our reader (milliseconds; its time is part of the figure), adds every
// constant and its fix op to a graph through libxir's API, and serializes that.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Xir/Xir.h"
#include <xir/graph/graph.hpp>

using namespace dpuopt;

/// The attributes vai_q_pytorch gives a constant.
static std::unique_ptr<xir::Attrs> constAttrs(const Tensor &t) {
  auto attrs = xir::Attrs::create();
  auto bytes = t.storage().bytes();
  attrs->set_attr("shape", std::vector<int32_t>(t.shape().begin(), t.shape().end()));
  attrs->set_attr("data_type", std::string("float32"));
  attrs->set_attr("data", std::vector<char>(bytes.begin(), bytes.end()));
  return attrs;
}

static std::unique_ptr<xir::Attrs> fixAttrs(ElemType e) {
  auto attrs = xir::Attrs::create();
  attrs->set_attr("fix_point", int32_t(e.fixPoint));
  attrs->set_attr("bit_width", int32_t(e.bits));
  attrs->set_attr("if_signed", e.isSigned);
  attrs->set_attr("round_mode", std::string("DPU_ROUND"));
  return attrs;
}

int main(int argc, char **argv) {
  DiagEngine diags(&llvm::errs());
  if (argc != 3)
    return diags.error("usage: xmodel_libxir IN.xmodel OUT.xmodel"), 2;
  auto g = importXmodel(argv[1], diags);
  if (!g)
    return 2;
  auto graph = xir::Graph::create("constants");
  for (const Op &op : (*g)->ops()) {
    const Tensor *t = constantOf(op.result());
    if (!t)
      continue;
    xir::Op *made = graph->add_op(op.result()->name(), "const", constAttrs(*t), {});
    if (Op *user = op.result()->soleUser(); user && user->is("xir.fix"))
      graph->add_op(user->result()->name(), "fix", fixAttrs(user->result()->type().elemType()), {{"input", {made}}});
  }
  graph->serialize(argv[2]);
  return 0;
}
