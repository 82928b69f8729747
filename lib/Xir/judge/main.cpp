//===- dpuopt-xir-judge - what libxir says of an xmodel -------------------------------===//
//
//   dpuopt-xir-judge FILE                loads FILE, prints JSON: graph, ops (name, type,
//                                        inferred shape and data type), subgraphs (name,
//                                        device, ops)
//   dpuopt-xir-judge FILE --plan PLAN    PLAN is JSON: `definitions` of operators that this
//                                        libxir is too old to know ({name, args: [{name,
//                                        occurrence}]}) are registered before loading,
//                                        `subgraphs` ({name, device, ops}) are built on the
//                                        graph through libxir's API after it
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
#include <xir/tensor/tensor.hpp>

using Json = nlohmann::ordered_json;

// Exported by libxir, in no header.
void register_built_in_ops(xir::OpDefFactory *factory);
namespace xir {
OpDefFactory *op_def_factory();
}

//===-- Plan --------------------------------------------------------------------===//

/// The output of an op that libxir cannot infer: as its attributes say, else as it is.
static void inferFromAttrs(xir::Op *op) {
  if (op->has_attr("shape") && op->has_attr("data_type"))
    op->replace_output_tensor(xir::Tensor::create(op->get_name(), op->get_attr<std::vector<std::int32_t>>("shape"),
                                                  xir::DataType(op->get_attr<std::string>("data_type"))));
  else if (!op->get_output_tensor())
    op->replace_output_tensor(xir::Tensor::create(op->get_name(), {1}, xir::DataType("FLOAT32")));
}

static void define(const Json &definition) {
  xir::OpDef def(definition["name"].get<std::string>());
  for (const Json &arg : definition["args"])
    def.add_input_arg({arg["name"].get<std::string>(),
                       static_cast<xir::OpArgDef::OccurenceType>(arg["occurrence"].get<int>()), xir::DataType::FLOAT,
                       ""});
  def.set_shape_infer(inferFromAttrs);
  xir::op_def_factory()->register_h(def);
}

/// Makes the children of the root that `plan` lists, one after the other. Empty, or why
/// it cannot (what libxir would crash on is found first).
static std::string applyPlan(xir::Graph &graph, const Json &plan) {
  xir::Subgraph *root = graph.get_root_subgraph();
  if (!root->is_leaf())
    return "the file has subgraphs already";
  root->create_children(); // one child per op
  for (const Json &wanted : plan) {
    std::set<xir::Subgraph *> parts;
    for (const Json &name : wanted["ops"]) {
      const xir::Op *op = graph.get_op(name.get<std::string>());
      if (!op)
        return "the plan names an op that the file does not have: " + name.get<std::string>();
      parts.insert(root->find_op(op));
    }
    if (parts.empty())
      return "the plan has a subgraph without ops: " + wanted["name"].get<std::string>();
    xir::Subgraph *made = parts.size() > 1 ? root->merge_children(parts) : *parts.begin();
    made->set_name(wanted["name"].get<std::string>());
    made->set_attr<std::string>("device", wanted["device"].get<std::string>());
  }
  return "";
}

//===-- Description ----------------------------------------------------------------===//

static Json describe(const xir::Op &op) {
  const xir::Tensor *tensor = op.get_output_tensor();
  return {{"name", op.get_name()},
          {"type", op.get_type()},
          {"shape", tensor->get_shape()},
          {"data_type", tensor->get_data_type().to_string()}};
}

static Json describe(xir::Graph &graph) {
  Json ops = Json::array(), subgraphs = Json::array();
  for (const xir::Op *op : graph.topological_sort())
    ops.push_back(describe(*op));
  for (xir::Subgraph *s : graph.get_root_subgraph()->children_topological_sort())
    subgraphs.push_back({{"name", s->get_name()},
                         {"device", s->has_attr("device") ? s->get_attr<std::string>("device") : std::string()},
                         {"ops", s->get_op_num()}});
  return {{"graph", graph.get_name()}, {"ops", ops}, {"subgraphs", subgraphs}};
}

//===-- Operator definitions --------------------------------------------------------===//

static std::string kindOf(std::type_index type) {
  static const std::map<std::type_index, std::string> names = {{typeid(bool), "bool"},
                                                               {typeid(std::int32_t), "i32"},
                                                               {typeid(std::uint32_t), "u32"},
                                                               {typeid(std::int64_t), "i64"},
                                                               {typeid(std::uint64_t), "u64"},
                                                               {typeid(float), "f32"},
                                                               {typeid(double), "f64"},
                                                               {typeid(std::string), "string"},
                                                               {typeid(std::vector<char>), "bytes"},
                                                               {typeid(std::vector<bool>), "list bool"},
                                                               {typeid(std::vector<std::int32_t>), "list i32"},
                                                               {typeid(std::vector<float>), "list f32"},
                                                               {typeid(std::vector<std::string>), "list string"}};
  auto it = names.find(type);
  return it == names.end() ? type.name() : it->second;
}

namespace {
/// Collects the operator definitions that libxir registers.
struct Collector : xir::OpDefFactory {
  Json defs = Json::object();

  void register_h(const xir::OpDef &def) override {
    Json args = Json::array(), attrs = Json::array();
    for (const xir::OpArgDef &a : def.input_args())
      args.push_back({{"name", a.name},
                      {"occurrence", static_cast<int>(a.occur_type)},
                      {"data_type", static_cast<int>(a.data_type)}});
    for (const xir::AttrDef &a : def.attrs())
      attrs.push_back({{"name", a.name},
                       {"required", a.occur_type == xir::AttrDef::REQUIRED},
                       {"kind", kindOf(a.data_type)},
                       {"length", a.list_length}});
    defs[def.name()] = {{"args", args}, {"attrs", attrs}};
  }
};
} // namespace

static Json opDefs() {
  Collector collector;
  register_built_in_ops(&collector);
  return collector.defs;
}

static int fail(const std::string &why) {
  std::cerr << why << "\n";
  return 1;
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
  Json plan = args.size() == 3 ? Json::parse(std::ifstream(args[2])) : Json::object();
  for (const Json &definition : plan.value("definitions", Json::array()))
    define(definition);
  auto graph = xir::Graph::deserialize(args[0]);
  if (!graph)
    return fail("libxir cannot read the file");
  if (plan.contains("subgraphs"))
    if (std::string bad = applyPlan(*graph, plan["subgraphs"]); !bad.empty())
      return fail(bad);
  graph->infer_shape(); // loading believes the file's shapes
  std::cout << describe(*graph).dump(1) << std::endl;
  return 0;
}
