//===- Picture.cpp - the graph as SVG, coloured by device -------------------------------===//
//
// One picture for the page, a README or a terminal's viewer: the page brings its own
// colours for dark screens.
//
//===----------------------------------------------------------------------===//
#include "Edges.h"
#include "Layout.h"
#include "dpuopt/Report/Formats.h"
#include "dpuopt/Report/Lines.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

namespace {
constexpr double Width = 160, Height = 34, Dx = 190, Dy = 66, Frame = 8;
/// Half the width of a subgraph's neck along an edge that is not straight.
constexpr double Neck = 6;
/// Characters that fit into a node.
constexpr size_t TypeLength = 24, NameLength = 28;

struct Picture {
  std::vector<std::pair<unsigned, unsigned>> edges;
  Drawing drawing;
  /// The points of an edge, its ends at the borders of the nodes.
  std::vector<Place> route(size_t edge) const;
};

const char *const Style =
    ".outline{fill:none;stroke:#6fae83;stroke-width:3;stroke-linejoin:round}.area{fill:#e9f5ec}"
    ".edge{fill:none;stroke:#8a93a3}.node rect{stroke:#56606f;fill:#dfe3ea}.node.DPU rect{stroke:#4c8a5c;fill:#cfe8d5}"
    ".node.CPU rect{stroke:#b4533c;fill:#f6c9c0}.node text{text-anchor:middle;fill:#111}.node .name{font-size:9px}"
    ".label{font-size:9px;fill:#3d7a50}";
} // namespace

std::vector<Place> Picture::route(size_t edge) const {
  const Place &from = drawing.nodes[edges[edge].first], &to = drawing.nodes[edges[edge].second];
  std::vector<Place> points{{from.x, from.y + Height / 2}};
  llvm::append_range(points, drawing.bends[edge]);
  points.push_back({to.x, to.y - Height / 2});
  return points;
}

static Picture pictureOf(const ModelReport &r, const Graph &g) {
  Picture p;
  p.edges = edgesOf(r, g);
  p.drawing = layOut(r.ops.size(), p.edges, Dx, Dy);
  return p;
}

static std::string box(double x, double y, double width, double height) {
  return fmt::format("M{:.0f} {:.0f}h{:.0f}v{:.0f}h{:.0f}z", x, y, width, height, -width);
}

/// What a subgraph covers: frames around its ops, joined along the edges inside. All parts turn the same way, so that
/// filled together they are their union.
static std::vector<std::string> areas(const ModelReport &r, const Picture &p) {
  std::vector<std::string> out(r.subgraphs.size());
  auto of = [&](unsigned op) {
    bool dpu = r.ops[op].device == "DPU" && r.ops[op].subgraph >= 0;
    return dpu && size_t(r.ops[op].subgraph) < out.size() ? &out[r.ops[op].subgraph] : nullptr;
  };
  for (unsigned i = 0; i < r.ops.size(); ++i)
    if (std::string *area = of(i))
      *area += box(p.drawing.nodes[i].x - Width / 2 - Frame, p.drawing.nodes[i].y - Height / 2 - Frame,
                   Width + 2 * Frame, Height + 2 * Frame);
  for (size_t e = 0; e < p.edges.size(); ++e) {
    std::string *area = of(p.edges[e].first);
    if (!area || area != of(p.edges[e].second))
      continue;
    std::vector<Place> points = p.route(e);
    bool straight = points.size() == 2 && std::abs(points[0].x - points[1].x) < 1;
    double half = straight ? Width / 2 + Frame : Neck;
    for (size_t i = 0; i + 1 < points.size(); ++i)
      *area += fmt::format("M{:.0f} {:.0f}H{:.0f}L{:.0f} {:.0f}H{:.0f}z", points[i].x - half, points[i].y,
                           points[i].x + half, points[i + 1].x + half, points[i + 1].y, points[i + 1].x - half);
  }
  return out;
}

static void drawSubgraphs(const ModelReport &r, const Picture &p, std::string &out) {
  std::vector<std::string> area = areas(r, p);
  std::vector<bool> labelled(area.size());
  for (size_t i = 0; i < area.size(); ++i)
    if (!area[i].empty())
      out += fmt::format("<g class=\"subgraph\"><title>{0}</title><path class=\"outline\" d=\"{1}\"/><path "
                         "class=\"area\" d=\"{1}\"/></g>\n",
                         escapedXml(r.subgraphs[i].name), area[i]);
  for (size_t i = 0; i < r.ops.size(); ++i) { // over the frame of the first op, which is the topmost
    int s = r.ops[i].subgraph;
    if (s < 0 || size_t(s) >= area.size() || area[s].empty() || labelled[s] || r.ops[i].device != "DPU")
      continue;
    labelled[s] = true;
    out += fmt::format("<text class=\"label\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>\n",
                       p.drawing.nodes[i].x - Width / 2 - Frame, p.drawing.nodes[i].y - Height / 2 - Frame - 3,
                       escapedXml(shortened(r.subgraphs[s].name, NameLength)));
  }
}

/// Curves that leave and reach every point downwards.
static void drawEdges(const Picture &p, std::string &out) {
  for (size_t e = 0; e < p.edges.size(); ++e) {
    std::vector<Place> points = p.route(e);
    out += fmt::format("<path class=\"edge\" d=\"M{:.0f} {:.0f}", points[0].x, points[0].y);
    for (size_t i = 1; i < points.size(); ++i) {
      const Place &a = points[i - 1], &b = points[i];
      double middle = (a.y + b.y) / 2;
      out += fmt::format("C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}", a.x, middle, b.x, middle, b.x, b.y);
    }
    out += "\"/>\n";
  }
}

/// The end of a long name tells more than its beginning.
static std::string ending(llvm::StringRef name) {
  return name.size() <= NameLength ? name.str() : "..." + name.take_back(NameLength - 3).str();
}

static void drawNodes(const ModelReport &r, const Picture &p, std::string &out) {
  for (size_t i = 0; i < r.ops.size(); ++i) {
    const ReportedOp &op = r.ops[i];
    const std::string &name = op.node.empty() ? op.name : op.node;
    out += fmt::format("<g class=\"node {}\" data-i=\"{}\" transform=\"translate({:.0f} {:.0f})\"><rect x=\"{}\" "
                       "y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\"/><text y=\"-2\">{}</text><text class=\"name\" "
                       "y=\"11\">{}</text><title>{}</title></g>\n",
                       escapedXml(op.device), i, p.drawing.nodes[i].x, p.drawing.nodes[i].y, -Width / 2, -Height / 2,
                       Width, Height, escapedXml(shortened(op.type, TypeLength)), escapedXml(ending(name)),
                       escapedXml(name));
  }
}

std::string dpuopt::reportSvg(const ModelReport &r, const Graph &g) {
  Picture p = pictureOf(r, g);
  std::string out =
      fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"graph\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
                  "width=\"{0:.0f}\" height=\"{1:.0f}\" font-family=\"sans-serif\" "
                  "font-size=\"12\">\n<style>{2}</style>\n<g>\n",
                  p.drawing.width, p.drawing.height, Style);
  drawSubgraphs(r, p, out);
  drawEdges(p, out);
  drawNodes(r, p, out);
  return out + "</g>\n</svg>\n";
}
