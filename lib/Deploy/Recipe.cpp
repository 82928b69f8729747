//===- Recipe.cpp - pixels to stored integers, in integers ---------------------------===//
#include "dpuopt/Deploy/Contract.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

namespace {

/// Numbers of a pixel that make no sense are refused here, so that nothing below overflows.
constexpr double LargestFactor = 1 << 24;
constexpr double LargestMultiplier = double(int64_t(1) << 40);
constexpr unsigned LargestShift = 32;

double perChannel(const std::vector<double> &values, size_t c, double none) {
  return values.empty() ? none : values[std::min(c, values.size() - 1)];
}

/// The line through `table` with this multiplier and shift: any offset from lowest to highest gives it.
std::optional<int64_t> offsetFor(const std::array<int8_t, 256> &table, int64_t multiplier, unsigned shift) {
  int64_t lowest = INT64_MIN, highest = INT64_MAX;
  for (int64_t p = 0; p < 256; ++p) {
    const int64_t t = table[p], product = p * multiplier;
    if (t > -128)
      lowest = std::max(lowest, t * (int64_t(1) << shift) - product);
    if (t < 127)
      highest = std::min(highest, (t + 1) * (int64_t(1) << shift) - product - 1);
  }
  if (lowest > highest)
    return std::nullopt;
  if (lowest == INT64_MIN)
    return highest;
  return highest == INT64_MAX ? lowest : lowest + (highest - lowest) / 2;
}

struct Line {
  int64_t multiplier, offset;
};

/// The multiplier next to `slope` that has an offset.
std::optional<Line> lineThrough(const std::array<int8_t, 256> &table, double slope, unsigned shift) {
  if (std::ldexp(std::abs(slope), static_cast<int>(shift)) > LargestMultiplier)
    return std::nullopt;
  const int64_t near = std::llround(std::ldexp(slope, static_cast<int>(shift)));
  for (int64_t multiplier : {near, near + 1, near - 1})
    if (auto offset = offsetFor(table, multiplier, shift))
      return Line{multiplier, *offset};
  return std::nullopt;
}

} // namespace

std::array<int8_t, 256> dpuopt::pixelTable(const PixelFormat &format, size_t c, int fixPoint) {
  const double mean = perChannel(format.mean, c, 0), scale = perChannel(format.scale, c, 1);
  std::array<int8_t, 256> table{};
  for (int p = 0; p < 256; ++p) {
    // A model takes floats: rounding to one comes first.
    double x = std::ldexp(static_cast<double>(static_cast<float>((p - mean) * scale)), fixPoint);
    table[p] = static_cast<int8_t>(std::clamp(std::floor(x + 0.5), -128.0, 127.0));
  }
  return table;
}

Result<PixelRecipe> dpuopt::pixelRecipe(const PixelFormat &format, int64_t channels, int fixPoint, DiagEngine &diags) {
  auto error = [&](std::string what) { return std::move(diags.error(std::move(what)).rule("deploy.pixels")); };
  auto fits = [&](const std::vector<double> &v) { return v.size() <= 1 || static_cast<int64_t>(v.size()) == channels; };
  if (!fits(format.mean) || !fits(format.scale))
    return error(fmt::format("the image has {} channels: mean and scale have as many numbers, or one for all; found {} "
                             "and {}",
                             channels, format.mean.size(), format.scale.size()));
  PixelRecipe recipe;
  recipe.format = format;
  recipe.format.mean.clear(), recipe.format.scale.clear();
  std::vector<std::array<int8_t, 256>> tables;
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    recipe.format.mean.push_back(perChannel(format.mean, c, 0));
    recipe.format.scale.push_back(perChannel(format.scale, c, 1));
    double slope = std::ldexp(recipe.format.scale.back(), fixPoint);
    if (!(std::abs(slope) <= LargestFactor) || !std::isfinite(recipe.format.mean.back() * slope))
      return error(fmt::format("a pixel is multiplied by {} before it is stored in 8 bits", slope));
    tables.push_back(pixelTable(format, c, fixPoint));
  }
  for (unsigned shift = 0; shift <= LargestShift; ++shift) {
    recipe.shift = shift;
    recipe.multiplier.clear(), recipe.offset.clear();
    for (size_t c = 0; c < tables.size(); ++c)
      if (auto line = lineThrough(tables[c], std::ldexp(recipe.format.scale[c], fixPoint), shift)) {
        recipe.multiplier.push_back(line->multiplier);
        recipe.offset.push_back(line->offset);
      }
    if (recipe.multiplier.size() == tables.size())
      return recipe;
  }
  return error("mean and scale cannot be put into integers");
}
