//===- VartBench.cpp - how fast is the DPU of this board? -----------------------------------===//
#include "VartBench.h"
#include "VartSession.h"
#include "dpuopt/Compare/Meaning.h"
#include "dpuopt/Driver/Files.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

namespace {

/// Of what --input gives: they are all in memory, and one result of each is computed here.
constexpr size_t MostSamples = 16;

/// What goes in and what this program says comes out, shared with the child.
struct Sample {
  std::vector<SharedBytes> inputs, outputs;
  std::vector<Tensor> expected;
};

class VartBench {
public:
  VartBench(const VartLoad &load, llvm::raw_ostream &os, DiagEngine &diags)
      : load(load), os(os), diags(diags), session(load.model, load.timeoutSeconds, diags) {}
  Status open();
  Status prepareSamples(const InputFlags &flags);
  Result<VartSpeed> run();

private:
  Status addSample(Executor &until, llvm::ArrayRef<Tensor> inputs);
  Result<Json> listen(Json answer);
  Result<bool> compareWithSim();
  void printSpeed(const Json &found);
  bool complain(const Json &found);

  const VartLoad &load;
  llvm::raw_ostream &os;
  DiagEngine &diags;
  VartSession session;
  std::unique_ptr<Graph> graph;
  std::optional<FileSubgraphs> all;
  const FileSubgraph *subgraph = nullptr;
  size_t index = 0;
  std::vector<Sample> samples;
};

/// "0 (USER), 1 (DPU)".
std::string listed(llvm::ArrayRef<const FileSubgraph *> subgraphs) {
  std::string text;
  for (size_t i = 0; i < subgraphs.size(); ++i)
    text += fmt::format("{}{} ({})", i ? ", " : "", i, subgraphs[i]->device);
  return text;
}

Status VartBench::open() {
  auto loaded = loadGraph(load.model, {}, diags);
  if (!loaded)
    return failure();
  graph = std::move(*loaded);
  all.emplace(*graph);
  const std::vector<const FileSubgraph *> list = all->sorted();
  auto isDpu = [](const FileSubgraph *s) { return s->device == "DPU"; };
  auto first = llvm::find_if(list, isDpu);
  if (first == list.end() || !llvm::StringRef(load.model).endswith(".xmodel"))
    return diags.error("VART runs compiled xmodels; this file has no DPU subgraph")
        .file(load.model)
        .rule("run.backend");
  index = load.subgraph ? static_cast<size_t>(*load.subgraph) : static_cast<size_t>(first - list.begin());
  if (index >= list.size() || !isDpu(list[index]))
    return diags.error(fmt::format("subgraph {} is not one on the DPU; there are {}", *load.subgraph, listed(list)))
        .file(load.model)
        .rule("run.backend");
  subgraph = list[index];
  if (const auto others = llvm::count_if(list, isDpu); others > 1 && !load.subgraph)
    os << fmt::format("subgraph {} of {} on the DPU (-i N for another): {}\n", index, others, listed(list));
  return success();
}

Status VartBench::addSample(Executor &until, llvm::ArrayRef<Tensor> inputs) {
  auto values = until.run(inputs);
  if (!values)
    return failure();
  const std::vector<const Value *> from = all->inputs(*subgraph), to = all->outputs(*subgraph);
  Sample &sample = samples.emplace_back();
  sample.outputs.resize(to.size());
  for (size_t i = 0; i < from.size() + to.size(); ++i) {
    const Value *v = i < from.size() ? from[i] : to[i - from.size()];
    const Tensor stored = storedIntegers((*values)[i], v->type().elemType()).expanded();
    if (i >= from.size()) {
      sample.expected.push_back(stored);
      continue;
    }
    if (failed(sample.inputs.emplace_back().write(stored.storage().str(), diags)))
      return failure();
  }
  return success();
}

/// The subgraph's inputs are computed here, and so is what it should make of them.
Status VartBench::prepareSamples(const InputFlags &flags) {
  auto model = RunModel::of(graph->clone(), load.model, diags);
  auto feeds = model ? flags.open(model->inputs, diags) : failure();
  if (!feeds)
    return failure();
  std::vector<Value *> wanted;
  for (const auto &list : {all->inputs(*subgraph), all->outputs(*subgraph)})
    for (const Value *v : list)
      wanted.push_back(model->graph->lookup(v->name()));
  model->graph->setOutputs(wanted);
  auto until = Executor::create(*model->graph, {}, diags);
  if (!until)
    return failure();
  for (size_t i = 0; i < std::min(feeds->size(), MostSamples); ++i) {
    auto set = feeds->load(i, diags);
    if (!set || failed(addSample(**until, set->tensors)))
      return failure();
  }
  return success();
}

/// Says how far it is, until it is through.
Result<Json> VartBench::listen(Json answer) {
  constexpr double MostSeconds = 10 * 24 * 3600;
  const double next = load.runs ? 1.0 * load.timeoutSeconds * load.runs : load.seconds / 10;
  const auto step = static_cast<unsigned>(std::ceil(std::min(next, MostSeconds)));
  while (answer.contains("percent") && answer["percent"].is_number_integer()) {
    const int percent = answer["percent"].get<int>();
    if (percent == 0)
      os << "shuffle results for batch...\n";
    os << fmt::format("{}% ...\n", percent);
    if (percent == 100)
      os << "stop and waiting for all threads terminated....\n";
    os.flush();
    auto said = session.hear(step);
    if (!said)
      return failure();
    answer = std::move(*said);
  }
  return answer;
}

template <class T> T number(const Json &object, const char *key) {
  return object.is_object() && object.contains(key) && object[key].is_number() ? object[key].get<T>() : T();
}

size_t sum(const Json &threads, const char *key) {
  size_t all = 0;
  for (const Json &t : threads)
    all += number<size_t>(t, key);
  return all;
}

bool isSpeed(const Json &found) {
  auto isThread = [](const Json &t) { return t.is_object() && t.value("frames", Json()).is_number_unsigned(); };
  return number<double>(found, "seconds") > 0 && found.value("latency", Json()).is_object() &&
         found.value("threads", Json()).is_array() && llvm::all_of(found["threads"], isThread);
}

/// The lines of xdputil, and one of ours before the last.
void VartBench::printSpeed(const Json &found) {
  const size_t frames = sum(found["threads"], "frames");
  const double seconds = number<double>(found, "seconds");
  size_t i = 0;
  for (const Json &t : found["threads"])
    os << fmt::format("thread-{} processes {} frames\n", i++, number<size_t>(t, "frames"));
  os << fmt::format("it takes {} us for shutdown\n", number<int64_t>(found, "shutdown_us"));
  os << fmt::format("FPS= {:g} number_of_frames= {} time= {:g} seconds.\n", static_cast<double>(frames) / seconds,
                    frames, seconds);
  const Json &l = found["latency"];
  os << fmt::format("latency of a job of {}: p50= {:.3f} p99= {:.3f} min= {:.3f} max= {:.3f} ms\n",
                    number<size_t>(found, "slots"), number<double>(l, "p50_ms"), number<double>(l, "p99_ms"),
                    number<double>(l, "min_ms"), number<double>(l, "max_ms"));
  os << "BYEBYE\n";
}

/// True if what the DPU has said at first is what this program computes.
Result<bool> VartBench::compareWithSim() {
  const std::vector<const Value *> outputs = all->outputs(*subgraph);
  for (size_t k = 0; k < samples.size(); ++k)
    for (size_t i = 0; i < outputs.size(); ++i) {
      auto t = session.output(*outputs[i], samples[k].outputs[i]);
      if (!t)
        return failure();
      if (t->storage() == samples[k].expected[i].storage())
        continue;
      diags.error(fmt::format("sample {}: the DPU has other numbers for '{}' than this program", k, outputs[i]->name()))
          .file(load.model)
          .rule("bench.results")
          .note("dpuc compare --backend vart,sim says where and how far");
      return false;
    }
  return true;
}

/// True if every result was that of the first run.
bool VartBench::complain(const Json &found) {
  const size_t wrong = sum(found["threads"], "wrong"), frames = sum(found["threads"], "frames");
  if (wrong == 0)
    return true;
  const Json &first = found["first_wrong"];
  diags
      .error(fmt::format("{} of {} results are not what the DPU said of the same input before; the first: thread {}, "
                         "sample {}, byte {} of '{}' is {}, was {}",
                         wrong, frames, number<int>(first, "thread"), number<int>(first, "sample"),
                         number<size_t>(first, "byte"), first.value("tensor", ""), number<int>(first, "found"),
                         number<int>(first, "expected")))
      .file(load.model)
      .rule("bench.results")
      .note("a DPU that is clocked too fast, too hot or short of power does this");
  return false;
}

Result<VartSpeed> VartBench::run() {
  auto request = subgraphRequest(*all, *subgraph, diags);
  if (!request || failed(session.start()))
    return failure();
  Json given = Json::array(), results = Json::array();
  auto paths = [](llvm::ArrayRef<SharedBytes> files) {
    Json list = Json::array();
    for (const SharedBytes &f : files)
      list.push_back(f.path());
    return list;
  };
  for (const Sample &s : samples)
    given.push_back(paths(s.inputs)), results.push_back(paths(s.outputs));
  request->update({{"do", "bench"},
                   {"threads", load.threads},
                   {"seconds", load.seconds},
                   {"jobs", load.runs},
                   {"timeout", load.timeoutSeconds},
                   {"samples", given},
                   {"results", results}});
  auto answer = session.ask(*request, VartSession::LoadSeconds);
  auto found = answer ? listen(std::move(*answer)) : failure();
  if (!found)
    return failure();
  if (!isSpeed(*found))
    return diags.error("dpuopt-vart-runner said something that is no answer").file(load.model).rule("run.vart");
  printSpeed(*found);
  auto same = compareWithSim();
  if (!same)
    return failure();
  VartSpeed speed;
  speed.identical = complain(*found) && *same;
  os << (speed.identical ? "Test PASS.\n" : "Test Failed!!!\n");
  const size_t frames = sum((*found)["threads"], "frames");
  speed.json = {{"model", load.model},
                {"subgraph", {{"index", index}, {"name", subgraph->name}}},
                {"fps", static_cast<double>(frames) / number<double>(*found, "seconds")},
                {"frames", frames}};
  speed.json.update(*found);
  speed.json["compared_with_sim"] = samples.size();
  speed.json["pass"] = speed.identical;
  return speed;
}

} // namespace

Result<VartSpeed> dpuopt::benchOnVart(const VartLoad &load, const InputFlags &inputs, llvm::raw_ostream &os,
                                      DiagEngine &diags) {
  VartBench bench(load, os, diags);
  if (failed(bench.open()) || (!inputs.isDefault() && failed(bench.prepareSamples(inputs))))
    return failure();
  return bench.run();
}
