//===- Latencies.h - how long jobs took, in little memory ----------------------------------===//
#ifndef DPUOPT_TOOLS_VART_LATENCIES_H
#define DPUOPT_TOOLS_VART_LATENCIES_H

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

/// Counts in steps of one percent, from a microsecond to more than a day: percentiles are that exact.
class Latencies {
public:
  void add(std::chrono::nanoseconds time) {
    const double us = static_cast<double>(time.count()) / 1e3;
    ++counts[static_cast<size_t>(std::clamp(std::log(us) / Step, 0.0, static_cast<double>(Steps - 1)))];
    ++jobs, sum += us, least = std::min(least, us), most = std::max(most, us);
  }
  void add(const Latencies &other) {
    for (size_t i = 0; i < Steps; ++i)
      counts[i] += other.counts[i];
    jobs += other.jobs, sum += other.sum, least = std::min(least, other.least), most = std::max(most, other.most);
  }
  nlohmann::json json() const {
    return {{"jobs", jobs},
            {"mean_ms", jobs ? sum / static_cast<double>(jobs) / 1e3 : 0},
            {"min_ms", jobs ? least / 1e3 : 0},
            {"p50_ms", percentile(0.5) / 1e3},
            {"p99_ms", percentile(0.99) / 1e3},
            {"max_ms", most / 1e3}};
  }

private:
  static constexpr size_t Steps = 2600;
  static constexpr double Step = 0.00995033085316808; ///< log(1.01)

  /// The middle of the step in which so large a share has ended.
  double percentile(double share) const {
    const double wanted = share * static_cast<double>(jobs);
    double seen = 0;
    for (size_t i = 0; i < Steps; ++i) {
      seen += static_cast<double>(counts[i]);
      if (counts[i] && seen >= wanted)
        return std::clamp(std::exp((static_cast<double>(i) + 0.5) * Step), least, most);
    }
    return 0;
  }

  std::array<uint64_t, Steps> counts{};
  uint64_t jobs = 0;
  double sum = 0, least = 1e300, most = 0;
};

#endif
