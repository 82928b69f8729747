//===- Team.cpp - the threads that work on one kernel at a time -------------------------===//
//
// One atomic word, the gate, says which job is there, whether it may still be joined, and
// how many members are inside. A member that is late finds the gate closed and misses
// nothing: nobody waits for a thread that the operating system has not let run.
//
// Every member begins with its own share of the units, the same part of every job: what a
// member wrote in the last layer is in its core's cache when it reads the next one. Who is
// done helps the others, from the end of their shares.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Kernels/Team.h"
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

using namespace dpuopt::kernels;

namespace {
using Clock = std::chrono::steady_clock;

/// How long a member looks for the next job before it goes to sleep, and how long of that it keeps its core for itself.
constexpr auto Awake = std::chrono::microseconds(200), Alone = std::chrono::microseconds(20);

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Spins until `done`, politely; false if that took longer than `patience`.
template <typename Done> bool spin(const Done &done, Clock::duration patience) {
  for (Clock::time_point start = Clock::now();;) {
    for (int i = 0; i < 64; ++i, relax())
      if (done())
        return true;
    auto waited = Clock::now() - start;
    if (waited > patience)
      return false;
    if (waited > Alone)
      std::this_thread::yield();
  }
}
} // namespace

struct Team::State {
  explicit State(unsigned threads) : shares(threads) {
    for (unsigned i = 1; i < threads; ++i)
      members.emplace_back([this, i] { serve(i); });
  }
  ~State() {
    stop = true;
    open();
    for (std::thread &t : members)
      t.join();
  }

  // The gate: round << 17 | open << 16 | members inside.
  static constexpr uint64_t Open = uint64_t(1) << 16, Inside = Open - 1, Round = Open << 1;

  void open() {
    {
      std::lock_guard<std::mutex> lock(mutex);
      gate.store((gate.load(std::memory_order_relaxed) & ~(Round - 1)) + Round + Open);
    }
    if (asleep.load() > 0)
      wake.notify_all();
  }

  /// Nobody enters any more; returns when all have left.
  void close() {
    gate.fetch_and(~Open);
    while (!spin([this] { return !(gate.load(std::memory_order_acquire) & Inside); }, Awake))
      ;
  }

  /// False if the job that `seen` was read of is over.
  bool enter(uint64_t seen) {
    while (seen & Open)
      if (gate.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel))
        return true;
    return false;
  }

  /// Waits until the gate is in another round than `last`.
  uint64_t await(uint64_t last) {
    auto changed = [&] { return gate.load(std::memory_order_acquire) / Round != last; };
    if (!spin(changed, Awake)) {
      ++asleep;
      std::unique_lock<std::mutex> lock(mutex);
      wake.wait(lock, changed);
      --asleep;
    }
    return gate.load(std::memory_order_acquire);
  }

  void serve(unsigned member) {
    for (uint64_t last = 0;;) {
      uint64_t now = await(last);
      if (stop)
        return;
      last = now / Round;
      if (!enter(now))
        continue;
      last = gate.load(std::memory_order_relaxed) / Round; // cannot change while somebody is inside
      work(member);
      gate.fetch_sub(1, std::memory_order_release);
    }
  }

  /// The units nobody has taken of one member's share: [first, end) in one word, so that both ends may be taken from.
  struct alignas(64) Share {
    std::atomic<uint64_t> range{0};

    void set(size_t first, size_t end) { range.store(uint64_t(end) << 32 | first, std::memory_order_relaxed); }
    /// False if nothing is left.
    bool take(bool own, size_t &unit) {
      uint64_t seen = range.load(std::memory_order_relaxed);
      for (;;) {
        uint32_t first = uint32_t(seen), end = uint32_t(seen >> 32);
        if (first >= end)
          return false;
        unit = own ? first : end - 1;
        uint64_t rest = own ? seen + 1 : seen - (uint64_t(1) << 32);
        if (range.compare_exchange_weak(seen, rest, std::memory_order_relaxed))
          return true;
      }
    }
  };

  void divide(size_t units) {
    for (size_t i = 0; i < shares.size(); ++i)
      shares[i].set(units * i / shares.size(), units * (i + 1) / shares.size());
  }

  void work(unsigned member) {
    size_t unit;
    for (size_t i = 0; i < shares.size(); ++i)
      while (shares[(member + i) % shares.size()].take(i == 0, unit))
        (*job)(unit, member);
  }

  std::vector<Share> shares; ///< one per member, the caller's first
  std::vector<std::thread> members;
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<uint64_t> gate{0};
  std::atomic<unsigned> asleep{0};
  std::atomic<bool> stop{false};
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
  if (!state || units < 2 || units > UINT32_MAX) {
    for (size_t unit = 0; unit < units; ++unit)
      work(unit, 0);
    return;
  }
  state->job = &work;
  state->divide(units);
  state->open();
  state->work(0);
  state->close();
}
