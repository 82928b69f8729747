//===- QuantPicture.cpp - histograms and the error by depth, as SVG ---------------------===//
//
// Colours are classes that the page defines: they differ between light and dark.
//
//===----------------------------------------------------------------------===//
#include "QuantText.h"
#include "dpuopt/Report/Lines.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

//===-- Histograms ----------------------------------------------------------------------===//

namespace {
constexpr double PlotWidth = 384, PlotHeight = 110, LabelHeight = 30;

/// Where a number of the histogram is in the picture.
struct Across {
  double low, scale;
  explicit Across(const QuantHistogram &h) : low(h.low), scale(h.high > h.low ? PlotWidth / (h.high - h.low) : 0) {}
  double operator()(double v) const { return std::clamp((v - low) * scale, 0.0, PlotWidth); }
};
} // namespace

static std::string shortNumber(double v) { return fmt::format("{:.4g}", v == 0 ? 0.0 : v); }

/// Bars as one path: those whose middle is inside the range, or those outside.
static std::string bars(const QuantHistogram &h, bool inside) {
  const double most = *std::max_element(h.counts.begin(), h.counts.end());
  const double width = PlotWidth / static_cast<double>(h.counts.size());
  std::string path;
  for (size_t i = 0; i < h.counts.size(); ++i) {
    const double at = static_cast<double>(i) + 0.5, middle = h.low + (h.high - h.low) * at / double(h.counts.size());
    // What the parts at the ends hold is outside even if they only begin there.
    const bool isInside = middle >= h.rangeLow && middle <= h.rangeHigh;
    if (isInside != inside || !(h.counts[i] > 0))
      continue;
    const double height = std::max(1.5, PlotHeight * std::log1p(h.counts[i]) / std::log1p(most));
    path += fmt::format("M{:.1f} {:.1f}h{:.1f}V{:.1f}h-{:.1f}z", static_cast<double>(i) * width, PlotHeight,
                        width - 0.6, PlotHeight - height, width - 0.6);
  }
  return path.empty() ? "" : fmt::format("<path class=\"{}\" d=\"{}\"/>", inside ? "in" : "out", path);
}

static std::string label(double x, const char *anchor, double y, const std::string &text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>", x, y, anchor, escapedXml(text));
}

std::string dpuopt::histogramSvg(const QuantHistogram &h) {
  if (h.counts.empty() || !(h.high > h.low))
    return "";
  const Across x(h);
  std::string out =
      fmt::format("<svg class=\"histogram\" viewBox=\"0 0 {} {}\" role=\"img\">", PlotWidth, PlotHeight + LabelHeight);
  out += fmt::format("<rect class=\"range\" x=\"{:.1f}\" y=\"0\" width=\"{:.1f}\" height=\"{}\"/>", x(h.rangeLow),
                     x(h.rangeHigh) - x(h.rangeLow), PlotHeight);
  out += bars(h, true) + bars(h, false);
  out += fmt::format("<path class=\"axis\" d=\"M0 {0}H{1}M{2:.1f} {0}v4\"/>", PlotHeight, PlotWidth, x(0));
  out += label(0, "start", PlotHeight + 12, shortNumber(h.low)) + label(x(0), "middle", PlotHeight + 12, "0") +
         label(PlotWidth, "end", PlotHeight + 12, shortNumber(h.high));
  out += label(0, "start", PlotHeight + 26,
               fmt::format("values {} to {}; the fix point holds {} to {}", shortNumber(h.least), shortNumber(h.most),
                           shortNumber(h.rangeLow), shortNumber(h.rangeHigh)));
  return out + "</svg>";
}

//===-- Error by depth --------------------------------------------------------------------===//

namespace {
constexpr double DepthWidth = 1000, DepthHeight = 170, Left = 34, Bottom = 18;

/// Layers from left to right, decibels upwards; what is exact is at the top.
struct DepthPlot {
  const QuantReport &r;
  double top = 10;
  explicit DepthPlot(const QuantReport &r) : r(r) {
    for (const QuantLayer &l : r.layers)
      for (double v : {l.single.decibels, l.entire.decibels})
        if (std::isfinite(v))
          top = std::max(top, std::ceil(v / 10) * 10);
  }
  double x(size_t i) const {
    const double n = static_cast<double>(std::max<size_t>(1, r.layers.size()));
    return Left + (DepthWidth - Left) * (static_cast<double>(i) + 0.5) / n;
  }
  double y(double decibels) const {
    const double v = std::isnan(decibels) ? 0 : std::clamp(decibels, 0.0, top);
    return 6 + (DepthHeight - Bottom - 6) * (1 - v / top);
  }
};
} // namespace

static std::string curve(const DepthPlot &plot, const char *name, QuantFidelity QuantLayer::*which) {
  std::string path;
  for (size_t i = 0; i < plot.r.layers.size(); ++i)
    path += fmt::format("{}{:.1f} {:.1f}", i == 0 ? "M" : "L", plot.x(i), plot.y((plot.r.layers[i].*which).decibels));
  return fmt::format("<path class=\"{}\" d=\"{}\"/>\n", name, path);
}

std::string dpuopt::depthSvg(const QuantReport &r) {
  const DepthPlot plot(r);
  std::string out = fmt::format("<svg id=\"depth\" viewBox=\"0 0 {} {}\" role=\"img\">\n", DepthWidth, DepthHeight);
  for (double v = 0; v <= plot.top; v += plot.top > 60 ? 20 : 10)
    out += fmt::format("<path class=\"grid\" d=\"M{} {:.1f}H{}\"/>", Left, plot.y(v), DepthWidth) +
           label(Left - 5, "end", plot.y(v) + 3.5, fmt::format("{:.0f}", v));
  out += label(Left, "start", DepthHeight - 4, "input") + label(DepthWidth, "end", DepthHeight - 4, "output") + "\n";
  out += curve(plot, "entire", &QuantLayer::entire) + curve(plot, "single", &QuantLayer::single);
  for (size_t i = 0; i < r.layers.size(); ++i) {
    const QuantLayer &l = r.layers[i];
    out +=
        fmt::format("<g class=\"point\" data-i=\"{}\"><circle class=\"entire\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"/>"
                    "<circle class=\"single\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"/><title>{}: alone {} dB, in the "
                    "network {} dB</title></g>\n",
                    i, plot.x(i), plot.y(l.entire.decibels), plot.x(i), plot.y(l.single.decibels),
                    escapedXml(l.title()), decibelText(l.single.decibels), decibelText(l.entire.decibels));
  }
  return out + "</svg>\n";
}
