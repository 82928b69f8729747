//===- dpuopt-xir-judge - what libxir says of an xmodel -------------------------------===//
//
//   dpuopt-xir-judge FILE                loads FILE, prints JSON: graph, ops, subgraphs
//   dpuopt-xir-judge FILE --plan PLAN    also builds the subgraphs of PLAN (JSON list of
//                                        {name, device, ops}) through libxir's API first
//   dpuopt-xir-judge --opdefs            prints libxir's operator definitions
//
// A program of its own because libxir aborts the process when it does not like a file.
//
//===----------------------------------------------------------------------===//
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <xir/graph/graph.hpp>
#include <xir/op/op_def.hpp>

using Json = nlohmann::ordered_json;

/// Makes the children of the root that `plan` lists, one after the other.
static void applyPlan(xir::Graph &graph, const Json &plan) {
  xir::Subgraph *root = graph.get_root_subgraph();
  root->create_children(); // one child per op
  for (const Json &wanted : plan) {
    std::set<xir::Subgraph *> leaves;
    for (const Json &name : wanted["ops"])
      leaves.insert(root->find_op(name.get<std::string>()));
    xir::Subgraph *made = leaves.size() > 1 ? root->merge_children(leaves) : *leaves.begin();
    made->set_name(wanted["name"].get<std::string>());
    made->set_attr<std::string>("device", wanted["device"].get<std::string>());
  }
}

static Json describe(xir::Graph &graph) {
  Json ops = Json::array(), subgraphs = Json::array();
  for (xir::Op *op : graph.topological_sort())
    ops.push_back(op->get_name());
  for (xir::Subgraph *s : graph.get_root_subgraph()->children_topological_sort())
    subgraphs.push_back({{"name", s->get_name()},
                         {"device", s->has_attr("device") ? s->get_attr<std::string>("device") : std::string()},
                         {"ops", s->get_op_num()}});
  return {{"graph", graph.get_name()}, {"ops", ops}, {"subgraphs", subgraphs}};
}

void register_built_in_ops(xir::OpDefFactory *factory); // exported by libxir, in no header

namespace {
/// Collects the operator definitions that libxir registers.
struct Collector : xir::OpDefFactory {
  Json defs = Json::object();

  void register_h(const xir::OpDef &def) override {
    Json args = Json::array(), attrs = Json::array();
    for (const xir::OpArgDef &a : def.input_args())
      args.push_back({{"name", a.name}, {"occurrence", static_cast<int>(a.occur_type)}});
    for (const xir::AttrDef &a : def.attrs())
      attrs.push_back({{"name", a.name}, {"required", a.occur_type == xir::AttrDef::REQUIRED}, {"length", a.list_length}});
    defs[def.name()] = {{"args", args}, {"attrs", attrs}};
  }
};
} // namespace

static Json opDefs() {
  Collector collector;
  register_built_in_ops(&collector);
  return collector.defs;
}

int main(int argc, char **argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() == 1 && args[0] == "--opdefs") {
    std::cout << opDefs().dump(1) << std::endl;
    return 0;
  }
  if (args.size() != 1 && !(args.size() == 3 && args[1] == "--plan")) {
    std::cerr << "usage: dpuopt-xir-judge FILE [--plan PLAN.json] | --opdefs\n";
    return 2;
  }
  auto graph = xir::Graph::deserialize(args[0]);
  if (!graph) {
    std::cerr << "libxir cannot read the file\n";
    return 1;
  }
  if (args.size() == 3)
    applyPlan(*graph, Json::parse(std::ifstream(args[2])));
  std::cout << describe(*graph).dump(1) << std::endl;
  return 0;
}
