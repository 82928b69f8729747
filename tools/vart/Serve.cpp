//===- Serve.cpp - dpuopt-vart-runner's requests and answers -----------------------------===//
//
// One JSON object per line, each request answered by at least one line. Tensors are files of
// stored integers, NHWC, in the order of the load request.
//
//   {"do": "load", "subgraphs": [{"name": N, "inputs": [{"name", "bytes", "fix_point"}], "outputs": [...]}]}
//      -> {"slots": [4]}                                samples of one job, of each subgraph
//   {"do": "run", "subgraph": 0, "timeout": SECONDS, "inputs": [FILE], "outputs": [FILE]}
//      -> {}                                            the files of the outputs are written
//   {"do": "bench", ...}                                see Load.h
//      -> {"percent": 0} ... {"percent": 100} {what was measured}
//
// What cannot be done ends the program (Refusal.h). What libraries print on standard output goes
// to standard error (main.cpp).
//
//===----------------------------------------------------------------------===//
#include "Load.h"
#include "Refusal.h"
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <xir/graph/graph.hpp>

using Json = nlohmann::json;

namespace {

class Server {
public:
  Server(const char *model, int answers) : answers(fdopen(answers, "w")), graph(xir::Graph::deserialize(model)) {}
  void say(const Json &answer);
  Json answer(const Json &request);

private:
  Json load(const Json &request);
  Json run(const Json &request);
  Json bench(const Json &request);

  FILE *answers;
  std::unique_ptr<xir::Graph> graph;
  std::vector<Border> borders;
  std::vector<std::unique_ptr<Dpu>> dpus;
};

void Server::say(const Json &answer) {
  const std::string line = answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  std::fwrite(line.data(), 1, line.size(), answers);
  std::fflush(answers);
}

const xir::Subgraph *findSubgraph(const xir::Graph &graph, const std::string &name) {
  for (const xir::Subgraph *s : graph.get_root_subgraph()->get_children())
    if (s->get_name() == name)
      return s;
  refuse("the model has no subgraph '" + name + "'");
}

std::vector<BorderTensor> borderTensors(const Json &list) {
  std::vector<BorderTensor> tensors;
  for (const Json &t : list)
    tensors.push_back({t.at("name"), t.at("bytes"), t.at("fix_point").get<int>()});
  return tensors;
}

Json Server::load(const Json &request) {
  Json slots = Json::array();
  for (const Json &s : request.at("subgraphs")) {
    borders.push_back(
        {findSubgraph(*graph, s.at("name")), borderTensors(s.at("inputs")), borderTensors(s.at("outputs"))});
    dpus.push_back(std::make_unique<Dpu>(borders.back(), Dpu::Memory::Ours));
    slots.push_back(dpus.back()->slots());
  }
  return {{"slots", slots}};
}

/// Every core computes the same sample; they must agree.
Json Server::run(const Json &request) {
  const size_t which = request.at("subgraph");
  const Border &border = borders.at(which);
  Dpu &dpu = *dpus.at(which);
  for (size_t i = 0; i < border.inputs.size(); ++i) {
    const std::vector<char> sample = readSample(request.at("inputs").at(i), border.inputs[i].bytes);
    for (size_t slot = 0; slot < dpu.slots(); ++slot)
      std::memcpy(dpu.input(i, slot), sample.data(), sample.size());
  }
  dpu.run(request.at("timeout").get<int>() * 1000);
  for (size_t i = 0; i < border.outputs.size(); ++i) {
    for (size_t slot = 1; slot < dpu.slots(); ++slot)
      if (std::memcmp(dpu.output(i, slot), dpu.output(i, 0), border.outputs[i].bytes) != 0)
        refuse("the DPU's cores do not agree: core " + std::to_string(slot) + " has other numbers for '" +
               border.outputs[i].name + "' than core 0");
    writeSample(request.at("outputs").at(i), dpu.output(i, 0), border.outputs[i].bytes);
  }
  return Json::object();
}

Json Server::bench(const Json &request) {
  Load load;
  load.threads = request.at("threads");
  load.seconds = request.at("seconds");
  load.jobs = request.at("jobs");
  load.timeoutMilliseconds = request.at("timeout").get<int>() * 1000;
  load.samples = request.at("samples");
  load.results = request.at("results");
  load.progress = [this](int percent) { say({{"percent", percent}}); };
  const Border border = {findSubgraph(*graph, request.at("name")), borderTensors(request.at("inputs")),
                         borderTensors(request.at("outputs"))};
  return applyLoad(border, load);
}

Json Server::answer(const Json &request) {
  const std::string what = request.at("do");
  if (what == "load")
    return load(request);
  if (what == "run")
    return run(request);
  if (what == "bench")
    return bench(request);
  refuse("not a request: " + what);
}

} // namespace

/// Until standard input ends; `answers` is open for writing. Called by the program, across the border of the module.
extern "C" int dpuoptServe(const char *model, int answers) {
  Server server(model, answers);
  for (std::string line; std::getline(std::cin, line);)
    server.say(server.answer(Json::parse(line)));
  return 0;
}
