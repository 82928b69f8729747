//===- SampleRunner.cpp - graphs run on samples, several at once --------------------===//
//
// Workers take samples in order; finished runs wait until all before them are collected.
// No worker gets further ahead than twice their number, so that memory is bounded.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Calibrate/Samples.h"
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace dpuopt;

/// Executors of all graphs, on one thread.
struct SampleRunner::Worker {
  std::unique_ptr<SampleReader> reader;
  std::vector<const Graph *> graphs;
  std::vector<std::unique_ptr<Executor>> executors;
  SampleVisitor *visitor = nullptr; ///< of the sample being run
  DiagEngine own;                   ///< an engine is for one thread
  size_t said = 0;                  ///< of `own`, passed on

  Status prepare(llvm::ArrayRef<WatchedGraph> watched, const Samples &samples);
  void passOn(DiagEngine &to) {
    for (; said < own.all().size(); ++said)
      to.emit(own.all()[said]);
  }
  Status run(size_t sample, SampleVisitor &v);
};

Status SampleRunner::Worker::prepare(llvm::ArrayRef<WatchedGraph> watched, const Samples &samples) {
  auto opened = samples.reader(own);
  if (!opened)
    return failure();
  reader = std::move(*opened);
  for (const WatchedGraph &w : watched) {
    const auto k = static_cast<unsigned>(executors.size());
    ExecOptions options;
    if (w.watch != Watch::Outputs)
      options.observer = [this, k](const Value &v, Tensor &t) { visitor->observe(k, v, t); };
    options.observerTakesAnyOrder = w.watch == Watch::AnyOrder;
    auto executor = Executor::create(*w.graph, options, own);
    if (!executor)
      return failure();
    graphs.push_back(w.graph);
    executors.push_back(std::move(*executor));
  }
  return success();
}

Status SampleRunner::Worker::run(size_t sample, SampleVisitor &v) {
  visitor = &v;
  auto inputs = reader->load(sample, own);
  if (!inputs)
    return failure();
  for (unsigned k = 0; k < executors.size(); ++k) {
    std::vector<Tensor> fed = *inputs;
    auto values = graphs[k]->inputs();
    for (size_t i = 0; i < fed.size(); ++i)
      v.feed(k, *values[i], fed[i]);
    auto outputs = executors[k]->run(fed);
    if (!outputs)
      return failure();
    v.finish(k, *outputs);
  }
  return success();
}

//===-- Who does what when ---------------------------------------------------------===//

class SampleRunner::Schedule {
public:
  Schedule(SampleRunner &runner, llvm::ArrayRef<size_t> which, const SampleJob &job, const StageProgress &progress,
           llvm::StringRef stage)
      : runner(runner), which(which), job(job), progress(progress), stage(stage), runs(which.size()) {}
  Status run();

private:
  struct Run {
    std::unique_ptr<SampleVisitor> visitor; ///< set while the sample is run, and until it is collected
    std::string name;
    bool finished = false;
  };
  void work(Worker &w);
  void collectFinished(Worker &w);
  bool collect(Worker &w, size_t i);
  void fail(Worker &w);

  SampleRunner &runner;
  llvm::ArrayRef<size_t> which;
  const SampleJob &job;
  const StageProgress &progress;
  llvm::StringRef stage;
  std::vector<Run> runs;
  std::mutex mutex; ///< everything below, and all calls of the job
  std::condition_variable moved;
  size_t next = 0, collected = 0;
  bool stopped = false;
};

void SampleRunner::Schedule::fail(Worker &w) {
  if (!stopped)
    w.passOn(runner.diags);
  stopped = true;
}

/// Called with the lock held; false: the job is over.
bool SampleRunner::Schedule::collect(Worker &w, size_t i) {
  Collected verdict = job.collect(which[i], *runs[i].visitor, runs[i].name);
  if (verdict == Collected::Again) {
    runs[i].visitor = job.begin(which[i]);
    if (failed(w.run(which[i], *runs[i].visitor)))
      return fail(w), false;
    verdict = job.collect(which[i], *runs[i].visitor, runs[i].name);
  }
  runs[i].visitor.reset();
  stopped |= verdict == Collected::Stop;
  return !stopped;
}

void SampleRunner::Schedule::collectFinished(Worker &w) {
  while (!stopped && collected < runs.size() && runs[collected].finished && collect(w, collected)) {
    ++collected;
    if (progress)
      progress(stage, collected, runs.size());
  }
}

void SampleRunner::Schedule::work(Worker &w) {
  std::unique_lock lock(mutex);
  const size_t ahead = 2 * runner.workers.size();
  while (!stopped) {
    moved.wait(lock, [&] { return stopped || next == runs.size() || next < collected + ahead; });
    if (stopped || next == runs.size())
      break;
    Run &r = runs[next];
    const size_t i = next++;
    r.visitor = job.begin(which[i]);
    lock.unlock();
    Status done = w.run(which[i], *r.visitor);
    lock.lock();
    if (failed(done)) {
      fail(w);
      break;
    }
    r.name = w.reader->name();
    r.finished = true;
    collectFinished(w);
    moved.notify_all();
  }
  moved.notify_all();
}

Status SampleRunner::Schedule::run() {
  std::vector<std::thread> crew;
  for (size_t t = 1; t < runner.workers.size(); ++t)
    crew.emplace_back([&, t] { work(*runner.workers[t]); });
  work(*runner.workers[0]);
  for (std::thread &t : crew)
    t.join();
  return stopped ? failure() : success();
}

//===-- The runner ------------------------------------------------------------------===//

Result<std::unique_ptr<SampleRunner>> SampleRunner::create(llvm::ArrayRef<WatchedGraph> graphs, const Samples &samples,
                                                           unsigned threads, DiagEngine &diags) {
  std::unique_ptr<SampleRunner> runner(new SampleRunner(diags));
  threads = static_cast<unsigned>(std::clamp<size_t>(samples.size(), 1, std::max(1u, threads)));
  for (unsigned t = 0; t < threads; ++t) {
    auto worker = std::make_unique<Worker>();
    Status prepared = worker->prepare(graphs, samples);
    if (t == 0 || failed(prepared)) // the others would only say the same
      worker->passOn(diags);
    worker->said = worker->own.all().size();
    if (failed(prepared))
      return failure();
    runner->workers.push_back(std::move(worker));
  }
  return runner;
}

SampleRunner::SampleRunner(DiagEngine &diags) : diags(diags) {}
SampleRunner::~SampleRunner() = default;

Status SampleRunner::run(llvm::ArrayRef<size_t> which, const SampleJob &job, const StageProgress &progress,
                         llvm::StringRef stage) {
  return Schedule(*this, which, job, progress, stage).run();
}
