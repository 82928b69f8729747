//===- Progress.h - a bar on a terminal, nothing in a pipe ---------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_PROGRESS_H
#define DPUOPT_TOOLS_DPUC_PROGRESS_H

#include "llvm/ADT/StringRef.h"
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>

namespace dpuopt {

/// Counts steps on standard error, if that is a terminal; gone when it is destroyed. Steps may come from any thread.
class Progress {
public:
  Progress(llvm::StringRef what, size_t total);
  ~Progress();
  void step();

private:
  void draw(size_t done);

  std::string what;
  size_t total;
  bool shown;
  std::atomic<size_t> count{0};
  std::chrono::steady_clock::time_point start, last;
  std::mutex drawing;
};

/// What somebody else is doing and for how long, on a terminal; gone when it is destroyed.
class Activity {
public:
  explicit Activity(llvm::StringRef who);
  ~Activity();
  void now(llvm::StringRef what); ///< any text: only what a terminal can show of its first line is shown
  void tick();                    ///< to be called often

private:
  void draw();

  std::string who, what;
  bool shown;
  int64_t drawn = -1; ///< seconds
  std::chrono::steady_clock::time_point start;
};

} // namespace dpuopt
#endif
