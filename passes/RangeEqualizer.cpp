//===- RangeEqualizer.cpp - factors that give weights equal ranges ----------------===//
//
// Of one site (a tensor, or several that are added or joined): for factor f
//   a = largest of (range of f's rows in A) / (largest range in A), over the layers A that make the tensor
//   b = the same of its columns, over the layers B that read it
//   s = sqrt(a / b) * sqrt(geometric mean of the A's largest ranges / that of the B's)
// With one A and one B that is sqrt(range_A / range_B). Where some channels of the tensor cannot move freely
// (ReLU6, or others are no layer's), the second root is left out: the rest adapts to them. Sites depend on each other
// where a layer is between two (depthwise convolutions above all), so they are swept until nothing moves.
//
//===----------------------------------------------------------------------===//
#include "RangeEqualizer.h"
#include "llvm/ADT/DenseMap.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// Factors beyond are of no use, and their products must stay finite.
constexpr double MostFactor = 1 << 20;
/// A bias has a fix point of its own: its rounding counts, but less than that of weights met by many inputs.
constexpr double BiasShare = 0.5;
/// A sweep that moves no factor by more is the last.
constexpr double Settled = 1e-3;

/// The largest |w| between each output channel and each set of input channels with one factor.
class Links {
public:
  explicit Links(const FactorLayer &layer) : layer(layer), outs(layer.out.size()) {
    const size_t groups = static_cast<size_t>(layer.linear.groups());
    outsPerGroup = outs / groups, columns = layer.in.size() / groups;
    std::vector<unsigned> column(layer.in.size());
    for (size_t i = 0; i < column.size(); ++i)
      column[i] = static_cast<unsigned>(i % columns);
    if (groups == 1)
      mergeColumns(column);
    largest.assign(outs * columns, 0);
    layer.linear.forEachLink([&](int64_t out, int64_t in, float w) {
      float &link = largest[out * columns + column[in]];
      link = std::max(link, w);
    });
  }

  size_t groups() const { return outs / outsPerGroup; }
  /// Output channels of group `g`: [first, last).
  size_t first(size_t g) const { return g * outsPerGroup; }
  size_t last(size_t g) const { return (g + 1) * outsPerGroup; }
  /// The factors of the inputs that group `g` reads, and the largest weight between each of them and output `out` of
  /// it.
  llvm::ArrayRef<unsigned> factors(size_t g) const {
    return merged.empty() ? llvm::makeArrayRef(layer.in).slice(g * columns, columns) : llvm::makeArrayRef(merged);
  }
  llvm::ArrayRef<float> row(size_t out) const { return llvm::makeArrayRef(largest).slice(out * columns, columns); }

private:
  /// The H * W columns of a flattened channel are one.
  void mergeColumns(std::vector<unsigned> &column) {
    llvm::DenseMap<unsigned, unsigned> seen;
    for (size_t i = 0; i < column.size(); ++i) {
      auto [it, isNew] = seen.try_emplace(layer.in[i], merged.size());
      if (isNew)
        merged.push_back(layer.in[i]);
      column[i] = it->second;
    }
    columns = merged.size();
  }

  const FactorLayer &layer;
  size_t outs, outsPerGroup, columns;
  std::vector<unsigned> merged; ///< factor of each column, if the layer has no groups
  std::vector<float> largest;
};

/// The layers around one tensor.
struct Site {
  std::vector<unsigned> factors;
  std::vector<size_t> makers, readers; ///< numbers of layers
  bool anchored = false;               ///< not all of its channels may be scaled as one likes
};

class Solver {
public:
  Solver(const ChannelFactors &factors, const RangeSettings &settings)
      : factors(factors), settings(settings), s(factors.size(), 1.0), sites(factors.numSites) {
    for (const FactorLayer &layer : factors.layers)
      links.emplace_back(layer);
    for (unsigned f = 1; f < factors.size(); ++f)
      sites[factors.site[f]].factors.push_back(f);
    for (size_t k = 0; k < links.size(); ++k) {
      for (unsigned f : factors.layers[k].out)
        addOnce(sites[factors.site[f]].makers, k);
      for (unsigned f : factors.layers[k].in)
        addOnce(sites[factors.site[f]].readers, k);
      anchor(factors.layers[k].out), anchor(factors.layers[k].in);
    }
  }

  std::vector<double> solve() {
    for (int64_t i = 0; i < settings.iterations; ++i) {
      double moved = 0;
      for (size_t k = 1; k < sites.size(); ++k)
        moved = std::max(moved, balance(sites[k]));
      if (moved < Settled)
        break;
    }
    return s;
  }

private:
  static void addOnce(std::vector<size_t> &list, size_t k) {
    if (list.empty() || list.back() != k)
      list.push_back(k);
  }

  void anchor(llvm::ArrayRef<unsigned> tensor) {
    auto bound = [&](unsigned f) {
      return f == ChannelFactors::Fixed || (!settings.least.empty() && settings.least[f] > 0);
    };
    bool anchored = llvm::any_of(tensor, bound);
    for (unsigned f : tensor)
      sites[factors.site[f]].anchored |= anchored;
  }

  /// Range of every factor in some layers, relative to the largest range of its layer.
  struct Ranges {
    llvm::DenseMap<unsigned, double> of;
    double logs = 0; ///< of the layers' largest ranges
    unsigned layers = 0;
    void add(llvm::ArrayRef<std::pair<unsigned, double>> ranges) {
      double most = 0;
      for (auto [f, range] : ranges)
        most = std::max(most, range);
      if (most == 0)
        return;
      for (auto [f, range] : ranges)
        of[f] = std::max(of[f], range / most);
      logs += std::log(most), ++layers;
    }
  };

  std::vector<double> of(llvm::ArrayRef<unsigned> numbers) const {
    std::vector<double> values;
    for (unsigned f : numbers)
      values.push_back(s[f]);
    return values;
  }

  using NamedRange = std::pair<unsigned, double>; ///< a factor and a range that it scales

  std::vector<NamedRange> rows(size_t k) const {
    const FactorLayer &layer = factors.layers[k];
    llvm::ArrayRef<double> biases = layer.linear.biases();
    std::vector<NamedRange> ranges;
    for (size_t g = 0; g < links[k].groups(); ++g) {
      std::vector<double> in = of(links[k].factors(g));
      for (size_t o = links[k].first(g); o < links[k].last(g); ++o) {
        double range = biases.empty() ? 0 : std::fabs(biases[o]) * BiasShare;
        llvm::ArrayRef<float> row = links[k].row(o);
        for (size_t c = 0; c < row.size(); ++c)
          range = std::max(range, row[c] * in[c]);
        ranges.push_back({layer.out[o], range / s[layer.out[o]]});
      }
    }
    return ranges;
  }

  std::vector<NamedRange> columns(size_t k) const {
    std::vector<NamedRange> ranges;
    for (size_t g = 0; g < links[k].groups(); ++g) {
      llvm::ArrayRef<unsigned> in = links[k].factors(g);
      std::vector<double> best(in.size());
      for (size_t o = links[k].first(g); o < links[k].last(g); ++o) {
        llvm::ArrayRef<float> row = links[k].row(o);
        double inverse = 1 / s[factors.layers[k].out[o]];
        for (size_t c = 0; c < row.size(); ++c)
          best[c] = std::max(best[c], row[c] * inverse);
      }
      for (size_t c = 0; c < in.size(); ++c)
        ranges.push_back({in[c], best[c] * s[in[c]]});
    }
    return ranges;
  }

  /// How far the factor that moved most did, as a logarithm.
  double balance(const Site &site) {
    Ranges made, read;
    for (size_t k : site.makers)
      made.add(rows(k));
    for (size_t k : site.readers)
      read.add(columns(k));
    if (!made.layers || !read.layers)
      return 0;
    double common = site.anchored ? 0 : made.logs / made.layers - read.logs / read.layers, moved = 0;
    for (unsigned f : site.factors) {
      double a = made.of.lookup(f), b = read.of.lookup(f);
      if (a == 0 || b == 0) // a channel without weights says nothing
        continue;
      double least = std::max(1 / MostFactor, settings.least.empty() ? 0 : settings.least[f]);
      double most = std::min(MostFactor, settings.most.empty() ? MostFactor : settings.most[f]);
      double next = std::clamp(s[f] * std::exp((std::log(a / b) + common) / 2), least, std::max(least, most));
      moved = std::max(moved, std::fabs(std::log(next / s[f])));
      s[f] = next;
    }
    return moved;
  }

  const ChannelFactors &factors;
  const RangeSettings &settings;
  std::vector<double> s;
  std::vector<Site> sites;
  std::vector<Links> links;
};

std::string rangeText(llvm::ArrayRef<double> x) {
  auto [low, high] = std::minmax_element(x.begin(), x.end());
  return fmt::format("{:.4g}..{:.4g}", *low, *high);
}

std::vector<double> rangesOfRows(const LinearOp &layer) {
  std::vector<double> ranges(layer.outChannels());
  layer.forEachLink([&](int64_t out, int64_t, float w) { ranges[out] = std::max<double>(ranges[out], w); });
  return ranges;
}

std::vector<double> pick(llvm::ArrayRef<double> s, llvm::ArrayRef<unsigned> factors) {
  std::vector<double> picked;
  for (unsigned f : factors)
    picked.push_back(s[f]);
  return picked;
}

} // namespace

std::vector<double> equalizedFactors(const ChannelFactors &factors, const RangeSettings &settings) {
  return Solver(factors, settings).solve();
}

bool applyFactors(ChannelFactors &factors, llvm::ArrayRef<double> s, DiagEngine &diags) {
  auto notOne = [](double x) { return x != 1; };
  bool changed = false;
  for (FactorLayer &layer : factors.layers) {
    std::vector<double> out = pick(s, layer.out), in = pick(s, layer.in);
    auto scaledOut = llvm::count_if(out, notOne), scaledIn = llvm::count_if(in, notOne);
    if (!scaledOut && !scaledIn)
      continue;
    std::string before = rangeText(rangesOfRows(layer.linear));
    if (scaledOut)
      layer.linear.divideOutputs(out);
    if (scaledIn)
      layer.linear.scaleInputs(in, {});
    diags
        .remark(layer.linear.op().loc(),
                fmt::format("equalized: {} of {} outputs and {} of {} inputs scaled, ranges of the outputs' weights {} "
                            "become {}",
                            scaledOut, out.size(), scaledIn, in.size(), before, rangeText(rangesOfRows(layer.linear))))
        .rule("quant.equalize");
    changed = true;
  }
  return changed;
}

} // namespace dpuopt
