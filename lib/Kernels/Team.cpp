//===- Team.cpp - the threads that work on one kernel at a time -------------------------===//
#include "dpuopt/Kernels/Team.h"
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

using namespace dpuopt::kernels;

namespace {
/// How often a member looks for the next job before it goes to sleep: some 50 microseconds.
constexpr unsigned Spins = 20000;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}
} // namespace

struct Team::State {
  explicit State(unsigned threads) {
    for (unsigned i = 1; i < threads; ++i)
      members.emplace_back([this, i] { serve(i); });
  }
  ~State() {
    stop = true;
    publish();
    for (std::thread &t : members)
      t.join();
  }

  void publish() {
    {
      std::lock_guard<std::mutex> lock(mutex);
      round.fetch_add(1, std::memory_order_release);
    }
    if (asleep.load() > 0)
      wake.notify_all();
  }

  /// Waits until `round` is no longer `seen`.
  void await(unsigned seen) {
    for (unsigned i = 0; i < Spins; ++i, relax())
      if (round.load(std::memory_order_acquire) != seen)
        return;
    ++asleep;
    std::unique_lock<std::mutex> lock(mutex);
    wake.wait(lock, [&] { return round.load() != seen; });
    --asleep;
  }

  void serve(unsigned member) {
    for (unsigned seen = 0; !stop; ++seen) {
      await(seen);
      if (stop)
        return;
      work(member);
      busy.fetch_sub(1, std::memory_order_release);
    }
  }

  void work(unsigned member) {
    for (size_t unit; (unit = next.fetch_add(1, std::memory_order_relaxed)) < units;)
      (*job)(unit, member);
  }

  std::vector<std::thread> members;
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<unsigned> round{0}, busy{0}, asleep{0};
  std::atomic<size_t> next{0};
  std::atomic<bool> stop{false};
  size_t units = 0;
  const llvm::function_ref<void(size_t, unsigned)> *job = nullptr;
};

Team::Team(unsigned threads) {
  threads = std::clamp(threads, 1u, 256u);
  if (threads > 1)
    state = std::make_unique<State>(threads);
}
Team::~Team() = default;

unsigned Team::size() const { return state ? unsigned(state->members.size()) + 1 : 1; }

void Team::run(size_t units, llvm::function_ref<void(size_t, unsigned)> work) {
  if (!state || units < 2) {
    for (size_t unit = 0; unit < units; ++unit)
      work(unit, 0);
    return;
  }
  state->job = &work, state->units = units;
  state->next.store(0, std::memory_order_relaxed);
  state->busy.store(unsigned(state->members.size()), std::memory_order_relaxed);
  state->publish();
  state->work(0);
  while (state->busy.load(std::memory_order_acquire))
    relax();
}
