//===- Html.cpp - the graph and its causes as one self-contained page -------------------===//
#include "Layout.h"
#include "Lines.h"
#include "dpuopt/Report/Formats.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

namespace {
constexpr double Width = 150, Height = 26, Dx = 170, Dy = 52;

const char *const pageStart =
#include "PageStart.inc"
    ;
const char *const pageEnd =
#include "PageEnd.inc"
    ;

struct Picture {
  std::vector<std::pair<unsigned, unsigned>> edges;
  std::vector<Place> places;
  double width = 0, height = 0;
};
} // namespace

/// Edges between reported ops, through fixes and other ops that only carry.
static Picture pictureOf(const ModelReport &r, const Graph &g) {
  llvm::StringMap<unsigned> byName;
  for (unsigned i = 0; i < r.ops.size(); ++i)
    byName[r.ops[i].name] = i;
  llvm::DenseMap<const Op *, std::vector<unsigned>> reaches; ///< by op: the reported ops its result comes from
  Picture p;
  for (const Op &op : g.ops()) {
    std::vector<unsigned> from;
    for (const Value *v : op.operands())
      if (v && v->def())
        for (unsigned n : reaches.lookup(v->def()))
          if (!llvm::is_contained(from, n))
            from.push_back(n);
    auto it = byName.find(xirName(op));
    bool isNode = it != byName.end() && !op.is("xir.fix") && !op.isConst();
    if (!isNode) {
      reaches[&op] = std::move(from);
      continue;
    }
    for (unsigned n : from)
      if (n < it->second)
        p.edges.push_back({n, it->second});
    reaches[&op] = {it->second};
  }
  p.places = layOut(r.ops.size(), p.edges, Dx, Dy);
  for (const Place &at : p.places) {
    p.width = std::max(p.width, at.x + Dx / 2);
    p.height = std::max(p.height, at.y + Dy / 2);
  }
  return p;
}

static std::string colour(llvm::StringRef device) {
  return llvm::StringSwitch<const char *>(device).Case("DPU", "#cfe8d5").Case("CPU", "#f6c9c0").Default("#dfe3ea");
}

/// A subgraph as the union of frames around its ops and the edges inside.
static void drawSubgraphs(const ModelReport &r, const Picture &p, std::string &out) {
  for (auto [from, to] : p.edges) {
    const ReportedOp &a = r.ops[from], &b = r.ops[to];
    if (a.subgraph < 0 || a.subgraph != b.subgraph || a.device != "DPU")
      continue;
    out += fmt::format("<line class=\"hull\" x1=\"{:.0f}\" y1=\"{:.0f}\" x2=\"{:.0f}\" y2=\"{:.0f}\"/>\n",
                       p.places[from].x, p.places[from].y, p.places[to].x, p.places[to].y);
  }
  for (size_t i = 0; i < r.ops.size(); ++i)
    if (r.ops[i].device == "DPU")
      out += fmt::format("<rect class=\"hull\" x=\"{:.0f}\" y=\"{:.0f}\" width=\"{}\" height=\"{}\" rx=\"9\"/>\n",
                         p.places[i].x - Width / 2 - 7, p.places[i].y - Height / 2 - 7, Width + 14, Height + 14);
}

static void drawEdges(const Picture &p, std::string &out) {
  for (auto [from, to] : p.edges) {
    const Place &a = p.places[from], &b = p.places[to];
    double y1 = a.y + Height / 2, y2 = b.y - Height / 2, middle = (y1 + y2) / 2;
    out += fmt::format("<path class=\"edge\" d=\"M{:.0f} {:.0f}C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}\"/>\n", a.x,
                       y1, a.x, middle, b.x, middle, b.x, y2);
  }
}

static void drawNodes(const ModelReport &r, const Picture &p, std::string &out) {
  for (size_t i = 0; i < r.ops.size(); ++i) {
    const ReportedOp &op = r.ops[i];
    out += fmt::format("<g class=\"node\" data-i=\"{}\" transform=\"translate({:.0f} {:.0f})\"><rect x=\"{}\" y=\"{}\" "
                       "width=\"{}\" height=\"{}\" rx=\"4\" fill=\"{}\"/><text>{}</text><title>{}</title></g>\n",
                       i, p.places[i].x, p.places[i].y, -Width / 2, -Height / 2, Width, Height, colour(op.device),
                       escapedXml(op.type), escapedXml(op.node.empty() ? op.name : op.node));
  }
}

static std::string drawing(const ModelReport &r, const Graph &g) {
  Picture p = pictureOf(r, g);
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"graph\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" font-family=\"sans-serif\" font-size=\"11\">\n<style>.hull{{fill:#e9f5ec;stroke:#e9f5ec}}"
      "line.hull{{stroke-width:40}}.edge{{fill:none;stroke:#8a93a3}}.node rect{{stroke:#56606f}}"
      ".node text{{text-anchor:middle;dominant-baseline:central}}</style>\n<g id=\"all\">\n",
      p.width, p.height);
  drawSubgraphs(r, p, out);
  drawEdges(p, out);
  drawNodes(r, p, out);
  return out + "</g>\n</svg>\n";
}

std::string dpuopt::reportSvg(const ModelReport &r, const Graph &g) { return drawing(r, g); }

static std::string causeTable(const ModelReport &r) {
  std::string out = "<table><tr><th>#</th><th>cause</th><th>ops</th><th>follow</th><th>DPU subgraphs without</th>"
                    "<th>required, found, remedy</th></tr>\n";
  for (size_t i = 0; i < r.causes.size(); ++i) {
    const ReportedCause &c = r.causes[i];
    std::string text;
    for (const ReportedRule &rule : c.isHead ? llvm::ArrayRef<ReportedRule>() : llvm::makeArrayRef(c.rules))
      text += fmt::format("{}; {} <code>{}</code><br>", escapedXml(rule.required), escapedXml(rule.found),
                          escapedXml(rule.id));
    bool first = r.plan && llvm::is_contained(r.plan->first, i);
    out += fmt::format("<tr class=\"cause{}\" data-c=\"{}\"><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{} &rarr; "
                       "{}</td><td>{}{}</td></tr>\n",
                       first ? " first" : "", i, i + 1, escapedXml(c.title), c.nodes.size(), c.followers,
                       r.plan ? r.plan->dpu : 0, c.dpuIfFixed, text, escapedXml(c.remedy));
  }
  return out + "</table>\n";
}

/// What a click shows; '<' is escaped so that no name can end the script.
static std::string data(const ModelReport &r) {
  Json ops = Json::array();
  for (const ReportedOp &op : r.ops)
    ops.push_back({{"name", op.node.empty() ? op.name : op.node},
                   {"tensor", op.name},
                   {"type", op.type},
                   {"device", op.device},
                   {"shape", shapeStr(op.shape)},
                   {"macs", op.macs},
                   {"subgraph",
                    op.subgraph >= 0 && size_t(op.subgraph) < r.subgraphs.size() ? r.subgraphs[op.subgraph].name : ""},
                   {"cause", op.cause},
                   {"reasons", op.reasons}});
  std::string json = ops.dump(-1, ' ', false, Json::error_handler_t::replace), out;
  for (char c : json)
    out += c == '<' ? "\\u003c" : std::string(1, c);
  return out;
}

std::string dpuopt::reportHtml(const ModelReport &r, const Graph &g) {
  std::string head = fmt::format("<h1>{}</h1><p>{}</p><p><b>{} DPU subgraph{}</b>, {} CPU, {} USER; {} of {} on the "
                                 "DPU; {} ops on the CPU</p>\n",
                                 escapedXml(r.model), escapedXml(r.target), r.count("DPU"),
                                 r.count("DPU") == 1 ? "" : "s", r.count("CPU"), r.count("USER"),
                                 humanCount(r.macsOnDpu(), "MAC"), humanCount(r.macs(), "MAC"), r.cpuOps());
  if (!r.causes.empty())
    head += causeTable(r);
  std::string plan = r.causes.empty() || !r.plan ? "" : "<p>" + escapedXml(causeLines(r).back()) + "</p>\n";
  return pageStart + head + (r.plan && r.plan->dpu != r.plan->expected ? plan : "") +
         "<p><input id=\"find\" type=\"search\" placeholder=\"find a node, type or rule\"> drag to move, wheel to "
         "zoom, "
         "click for the reason; green runs on the DPU, red on the CPU</p>\n<div id=\"stage\">" +
         drawing(r, g) + "</div><aside id=\"info\"></aside>\n<script>const ops=" + data(r) + ";" + pageEnd;
}
