//===- Progress.cpp - a bar on a terminal, nothing in a pipe -------------------------===//
#include "Progress.h"
#include "dpuopt/Support/Printable.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include <fmt/format.h>

using namespace dpuopt;

Progress::Progress(llvm::StringRef what, size_t total)
    : what(what), total(total), shown(total > 1 && llvm::sys::Process::StandardErrIsDisplayed()),
      start(std::chrono::steady_clock::now()), last(start) {}

Progress::~Progress() {
  if (shown)
    llvm::errs() << "\r\033[K";
}

void Progress::step() {
  const size_t done = ++count;
  if (!shown)
    return;
  std::lock_guard<std::mutex> lock(drawing);
  const auto now = std::chrono::steady_clock::now();
  if (now - last < std::chrono::milliseconds(100))
    return;
  last = now;
  draw(done);
}

void Progress::draw(size_t done) {
  constexpr size_t Width = 30;
  const double seconds = std::chrono::duration<double>(last - start).count();
  const size_t filled = Width * done / total;
  const double left = seconds / static_cast<double>(done) * static_cast<double>(total - done);
  llvm::errs() << fmt::format("\r\033[K{} [{}{}] {}/{}, {:.0f} s left", what, std::string(filled, '#'),
                              std::string(Width - filled, ' '), done, total, left);
}

//===-- Somebody else's ----------------------------------------------------------------===//

Activity::Activity(llvm::StringRef who)
    : who(who), shown(llvm::sys::Process::StandardErrIsDisplayed()), start(std::chrono::steady_clock::now()) {}

Activity::~Activity() {
  if (drawn >= 0)
    llvm::errs() << "\r\033[K";
}

void Activity::now(llvm::StringRef text) {
  if (!shown)
    return;
  what = printable(text.split('\n').first.take_front(60));
  draw();
}

void Activity::tick() {
  using namespace std::chrono;
  if (shown && duration_cast<seconds>(steady_clock::now() - start).count() != drawn)
    draw();
}

void Activity::draw() {
  using namespace std::chrono;
  drawn = duration_cast<seconds>(steady_clock::now() - start).count();
  llvm::errs() << fmt::format("\r\033[K{}: {}{}{} s", who, what, what.empty() ? "" : ", ", drawn);
}
