//===- Load.cpp - a DPU under load ---------------------------------------------------------===//
#include "Load.h"
#include "Latencies.h"
#include "Refusal.h"
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

namespace {

/// What goes in and what comes out, by sample and tensor.
using Samples = std::vector<std::vector<std::vector<char>>>;

/// So many different inputs take turns, so that a result that was left from the job before is seen.
constexpr size_t RandomSamples = 4;

struct Wrong {
  size_t sample, tensor, byte;
  int expected, found;
};

/// What all threads read.
struct Task {
  const Border &border;
  const Load &load;
  Samples inputs, outputs;
  std::atomic<bool> go = false, stop = false;
};

/// One thread with its runner.
struct Worker {
  explicit Worker(const Border &border) : dpu(border, Dpu::Memory::Runners) {}
  void work(const Task &task);
  void runJob(const Task &task, size_t step);
  void check(const Task &task, size_t sample, size_t slot);

  Dpu dpu;
  size_t frames = 0, wrong = 0;
  std::optional<Wrong> firstWrong;
  Latencies latencies;
};

void Worker::check(const Task &task, size_t sample, size_t slot) {
  ++frames;
  const auto &expected = task.outputs[sample];
  for (size_t i = 0; i < expected.size(); ++i) {
    const char *found = dpu.output(i, slot);
    if (std::memcmp(found, expected[i].data(), expected[i].size()) == 0)
      continue;
    ++wrong;
    if (firstWrong)
      return;
    const auto [a, b] = std::mismatch(expected[i].begin(), expected[i].end(), found);
    firstWrong = {sample, i, static_cast<size_t>(a - expected[i].begin()), static_cast<signed char>(*a),
                  static_cast<signed char>(*b)};
    return;
  }
}

/// Each core gets another sample, and another one in the next job.
void Worker::runJob(const Task &task, size_t step) {
  const size_t count = task.inputs.size();
  for (size_t slot = 0; slot < dpu.slots(); ++slot) {
    const auto &sample = task.inputs[(step + slot) % count];
    for (size_t i = 0; i < sample.size(); ++i)
      std::memcpy(dpu.input(i, slot), sample[i].data(), sample[i].size());
  }
  const auto start = Clock::now();
  dpu.run(task.load.timeoutMilliseconds);
  latencies.add(Clock::now() - start);
  for (size_t slot = 0; slot < dpu.slots(); ++slot)
    check(task, (step + slot) % count, slot);
}

void Worker::work(const Task &task) {
  task.go.wait(false);
  const size_t jobs = task.load.jobs;
  for (size_t step = 0; jobs ? step < jobs : step == 0 || !task.stop; ++step)
    runJob(task, step);
}

Samples readInputs(const Border &border, const Load &load) {
  Samples inputs(load.samples.size());
  for (size_t k = 0; k < inputs.size(); ++k)
    for (size_t i = 0; i < border.inputs.size(); ++i)
      inputs[k].push_back(readSample(load.samples[k].at(i), border.inputs[i].bytes));
  if (!inputs.empty())
    return inputs;
  std::mt19937 random(1);
  inputs.resize(RandomSamples);
  for (auto &sample : inputs)
    for (const BorderTensor &t : border.inputs) {
      sample.emplace_back(t.bytes);
      for (char &c : sample.back())
        c = static_cast<char>(random());
    }
  return inputs;
}

/// What the first core says of each sample when nothing else runs is what everybody has to say later.
Samples computeOutputs(const Task &task, Dpu &dpu) {
  Samples outputs;
  for (const auto &sample : task.inputs) {
    for (size_t slot = 0; slot < dpu.slots(); ++slot)
      for (size_t i = 0; i < sample.size(); ++i)
        std::memcpy(dpu.input(i, slot), sample[i].data(), sample[i].size());
    dpu.run(task.load.timeoutMilliseconds);
    outputs.emplace_back();
    for (size_t i = 0; i < task.border.outputs.size(); ++i)
      outputs.back().emplace_back(dpu.output(i, 0), dpu.output(i, 0) + task.border.outputs[i].bytes);
  }
  return outputs;
}

void writeResults(const Task &task) {
  for (size_t k = 0; k < task.load.results.size(); ++k)
    for (size_t i = 0; i < task.outputs.at(k).size(); ++i)
      writeSample(task.load.results[k].at(i), task.outputs[k][i].data(), task.outputs[k][i].size());
}

void waitFor(const Load &load) {
  load.progress(0);
  for (int i = 1; i <= 10; ++i) {
    if (!load.jobs)
      std::this_thread::sleep_for(std::chrono::duration<double>(load.seconds / 10));
    load.progress(10 * i);
  }
}

Json summary(const Task &task, const std::vector<std::unique_ptr<Worker>> &workers) {
  Json threads = Json::array(), firstWrong;
  Latencies all;
  for (size_t t = 0; t < workers.size(); ++t) {
    const Worker &w = *workers[t];
    threads.push_back({{"frames", w.frames}, {"wrong", w.wrong}});
    all.add(w.latencies);
    if (const auto &f = w.firstWrong; f && firstWrong.is_null())
      firstWrong = {{"thread", t},     {"sample", f->sample},     {"tensor", task.border.outputs[f->tensor].name},
                    {"byte", f->byte}, {"expected", f->expected}, {"found", f->found}};
  }
  return {
      {"threads", threads}, {"slots", workers[0]->dpu.slots()}, {"latency", all.json()}, {"first_wrong", firstWrong}};
}

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

} // namespace

Json applyLoad(const Border &border, const Load &load) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned t = 0; t < load.threads; ++t)
    workers.push_back(std::make_unique<Worker>(border));
  Task task = {border, load, readInputs(border, load), {}};
  task.outputs = computeOutputs(task, workers[0]->dpu);
  writeResults(task);
  std::vector<std::thread> crew;
  for (const auto &w : workers)
    crew.emplace_back([&task, &w] { w->work(task); });
  const auto start = Clock::now();
  task.go = true;
  task.go.notify_all();
  waitFor(load);
  const auto stopping = Clock::now();
  task.stop = true;
  for (std::thread &t : crew)
    t.join();
  Json found = summary(task, workers);
  found["seconds"] = since(start);
  found["shutdown_us"] = static_cast<int64_t>(1e6 * since(stopping));
  return found;
}

std::vector<char> readSample(const std::string &file, size_t bytes) {
  std::vector<char> data(bytes);
  std::ifstream in(file, std::ios::binary);
  if (!in.read(data.data(), static_cast<std::streamsize>(bytes)))
    refuse("cannot read " + file);
  return data;
}

void writeSample(const std::string &file, const char *data, size_t bytes) {
  std::ofstream out(file, std::ios::binary);
  if (!out.write(data, static_cast<std::streamsize>(bytes)).flush())
    refuse("cannot write " + file);
}
