//===- Evaluation.cpp - accuracy of one or two classifiers on the same samples -------===//
#include "Evaluation.h"
#include "Progress.h"
#include "dpuopt/Compare/Matching.h"
#include <atomic>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <thread>

using namespace dpuopt;

double Evaluation::pValue() const {
  const double b = static_cast<double>(onlyReference), c = static_cast<double>(onlyModel);
  if (b + c == 0)
    return 1;
  const double chi = std::max(0.0, std::fabs(b - c) - 1) / std::sqrt(b + c);
  return std::erfc(chi / std::sqrt(2.0));
}

namespace {

/// What one model said of one sample.
struct Answer {
  int64_t first = 0; ///< the class with the largest score
  int64_t rank = 0;  ///< of the right class: 0 is first
  size_t classes = 0;
};

bool isVector(const Tensor &t) {
  return t.numElements() > 1 && llvm::count_if(t.shape(), [](int64_t d) { return d != 1; }) == 1;
}

/// The vector of scores among the outputs, or null.
const Tensor *scoresOf(llvm::ArrayRef<Tensor> outputs, std::optional<size_t> which) {
  if (which)
    return isVector(outputs[*which]) ? &outputs[*which] : nullptr;
  auto found = llvm::find_if(outputs, isVector);
  return found == outputs.end() ? nullptr : found;
}

/// One model on one thread.
class Worker {
public:
  explicit Worker(Contestant &contestant) : contestant(contestant) {}
  Status prepare(DiagEngine &diags) {
    auto opened = contestant.open(diags);
    if (!opened)
      return failure();
    data = std::move(*opened);
    auto made = createExecutor(contestant.model, contestant.backend, {}, diags);
    if (!made)
      return failure();
    executor = std::move(*made);
    return success();
  }
  Result<Answer> answer(size_t i, DiagEngine &diags);
  double seconds = 0;

private:
  Contestant &contestant;
  std::unique_ptr<DataSource> data;
  std::unique_ptr<Executor> executor;
};

Result<Answer> Worker::answer(size_t i, DiagEngine &diags) {
  auto sample = data->load(i, diags);
  if (!sample)
    return failure();
  const auto start = std::chrono::steady_clock::now();
  auto outputs = executor->run({sample->input});
  seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!outputs)
    return failure();
  const Tensor *scores = scoresOf(*outputs, contestant.output);
  if (!scores)
    return diags
        .error(fmt::format("{} output is {}one vector of scores: accuracy is for classifiers",
                           contestant.output ? "the" : "no", contestant.output ? "not " : ""))
        .rule("eval.scores");
  if (sample->label < 0)
    return diags.error(fmt::format("sample '{}' has no label", sample->name))
        .rule("data.label")
        .note("labelled are fashion-mnist:test, a folder with a subfolder per class, and a folder with "
              ":labels=FILE");
  if (sample->label >= scores->numElements())
    return diags
        .error(fmt::format("sample '{}' is of class {}, the model has {} classes", sample->name, sample->label,
                           scores->numElements()))
        .rule("data.label");
  Answer a;
  a.classes = static_cast<size_t>(scores->numElements());
  const double right = scores->at(sample->label);
  for (int64_t k = 0; k < scores->numElements(); ++k) {
    const double s = scores->at(k);
    a.first = s > scores->at(a.first) ? k : a.first;
    a.rank += s > right || (s == right && k < sample->label);
  }
  return a;
}

/// All samples, all threads.
class Contest {
public:
  Contest(Contestant &model, Contestant *reference, DiagEngine &diags)
      : model(model), reference(reference), diags(diags), progress("evaluating", model.samples),
        answers(model.samples) {}
  Status run(unsigned threads);
  Evaluation result() const;

private:
  struct Pair {
    Answer model, reference;
  };
  void work(Worker &mine, Worker *other, DiagEngine &own);

  Contestant &model, *reference;
  DiagEngine &diags;
  Progress progress;
  std::vector<Pair> answers;
  std::atomic<size_t> next{0};
  std::atomic<bool> stop{false};
  double modelSeconds = 0, referenceSeconds = 0;
};

void Contest::work(Worker &mine, Worker *other, DiagEngine &own) {
  for (size_t i = next++; i < answers.size() && !stop; i = next++) {
    auto a = mine.answer(i, own);
    auto b = a && other ? other->answer(i, own) : a;
    if (a && b && a->classes != b->classes)
      own.error(fmt::format("the model has {} classes, the float model {}", a->classes, b->classes))
          .rule("eval.classes");
    if (!a || !b || a->classes != b->classes) {
      stop = true;
      return;
    }
    answers[i] = {*a, *b};
    progress.step();
  }
}

Status Contest::run(unsigned threads) {
  std::vector<DiagEngine> own(threads); // an engine is for one thread
  std::vector<std::unique_ptr<Worker>> mine, others;
  for (unsigned t = 0; t < threads; ++t) {
    // What cannot run is said once.
    DiagEngine &to = t == 0 ? diags : own[t];
    mine.push_back(std::make_unique<Worker>(model));
    if (reference)
      others.push_back(std::make_unique<Worker>(*reference));
    if (succeeded(mine[t]->prepare(to)) && (!reference || succeeded(others[t]->prepare(to))))
      continue;
    for (const Diagnostic &d : own[t].all())
      diags.emit(d);
    return failure();
  }
  std::vector<std::thread> crew;
  for (unsigned t = 1; t < threads; ++t)
    crew.emplace_back([&, t] { work(*mine[t], reference ? others[t].get() : nullptr, own[t]); });
  work(*mine[0], reference ? others[0].get() : nullptr, own[0]);
  for (std::thread &t : crew)
    t.join();
  for (const auto &w : mine)
    modelSeconds += w->seconds / threads;
  for (const auto &w : others)
    referenceSeconds += w->seconds / threads;
  for (const DiagEngine &engine : own)
    for (const Diagnostic &d : engine.all())
      if (stop)
        return diags.emit(d), failure();
  return stop ? failure() : success();
}

Evaluation Contest::result() const {
  Evaluation e;
  e.samples = answers.size();
  e.hasReference = reference != nullptr;
  e.model.seconds = modelSeconds, e.reference.seconds = referenceSeconds;
  for (const Pair &p : answers) {
    const bool a = p.model.rank == 0, b = p.reference.rank == 0;
    e.classes = p.model.classes;
    e.model.top1 += a, e.model.top5 += p.model.rank < 5;
    e.reference.top1 += b, e.reference.top5 += p.reference.rank < 5;
    e.agree += p.model.first == p.reference.first;
    e.bothRight += a && b, e.onlyModel += a && !b, e.onlyReference += !a && b, e.bothWrong += !a && !b;
  }
  return e;
}

} // namespace

Result<size_t> dpuopt::findOutput(const RunModel &model, llvm::StringRef name, DiagEngine &diags) {
  const auto outputs = model.graph->outputs();
  std::string all;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i]->name() == name)
      return i;
    all += (i ? ", '" : "'") + outputs[i]->name() + "'";
  }
  auto found = llvm::find_if(outputs, [&](const Value *v) { return plainName(v->name()) == plainName(name); });
  if (found == outputs.end())
    return diags.error(fmt::format("has no output '{}', it has {}", name.str(), all))
        .file(model.path)
        .rule("eval.output");
  return static_cast<size_t>(found - outputs.begin());
}

Result<Evaluation> dpuopt::evaluateModels(Contestant &model, Contestant *reference, unsigned threads,
                                          DiagEngine &diags) {
  Contest contest(model, reference, diags);
  threads = static_cast<unsigned>(std::min<size_t>(threads, std::max<size_t>(1, model.samples)));
  if (failed(contest.run(threads)))
    return failure();
  return contest.result();
}

Result<Evaluation> dpuopt::evaluateGraphs(const Graph &model, const Graph &reference, llvm::StringRef spec,
                                          unsigned threads, DiagEngine &diags) {
  auto fixed = RunModel::of(model.clone(), "the quantized model", diags);
  auto exact = fixed ? RunModel::of(reference.clone(), "the float model", diags) : failure();
  if (!exact)
    return failure();
  std::vector<Contestant> both;
  for (RunModel *m : {&*fixed, &*exact}) {
    if (m->inputs.size() != 1)
      return diags
          .error(fmt::format("accuracy is measured of models with one input, this one has {}", m->inputs.size()))
          .rule("eval.inputs");
    auto open = [m, spec](DiagEngine &to) { return openInput({spec.str()}, m->inputs[0], {}, to); };
    auto source = open(diags);
    if (!source)
      return failure();
    both.push_back({*m, open, (*source)->size(), {}});
  }
  return evaluateModels(both[0], &both[1], threads, diags);
}
