//===- Html.cpp - the graph and its causes as one self-contained page -------------------===//
#include "dpuopt/Report/Formats.h"
#include "dpuopt/Report/Lines.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

namespace {
const char *const pageStart =
#include "PageStart.inc"
    ;
const char *const pageTools =
#include "PageTools.inc"
    ;
const char *const pageEnd =
#include "PageEnd.inc"
    ;
} // namespace

/// Escaped, and an option such as --fix is not broken behind its first dash.
static std::string prose(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef, 32> words;
  text.split(words, ' ');
  std::string out;
  for (llvm::StringRef word : words) {
    std::string escaped = escapedXml(word);
    out += out.empty() ? "" : " ";
    out += word.startswith("-") ? "<span class=\"option\">" + escaped + "</span>" : escaped;
  }
  return out;
}

static std::string causeTable(const ModelReport &r) {
  std::string out = "<table><tr><th>#</th><th>cause</th><th>ops</th><th>follow</th><th>DPU subgraphs without</th>"
                    "<th>required, found, remedy</th></tr>\n";
  for (size_t i = 0; i < r.causes.size(); ++i) {
    const ReportedCause &c = r.causes[i];
    std::string text;
    for (const ReportedRule &rule : c.isHead ? llvm::ArrayRef<ReportedRule>() : llvm::makeArrayRef(c.rules))
      text += fmt::format("{}; {} <code>[{}]</code><br>", escapedXml(rule.required), escapedXml(rule.found),
                          escapedXml(rule.id));
    bool first = r.plan && llvm::is_contained(r.plan->first, i);
    out += fmt::format("<tr class=\"cause{}\" data-c=\"{}\"><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{} &rarr; "
                       "{}</td><td>{}{}</td></tr>\n",
                       first ? " first" : "", i, i + 1, escapedXml(c.title), c.nodes.size(), c.followers,
                       r.plan ? r.plan->dpu : 0, c.dpuIfFixed, text, prose(c.remedy));
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
  return std::string(pageStart) + "<title>" + escapedXml(llvm::sys::path::filename(r.model)) +
         " - dpuc check</title></head><body>\n" + head + (r.plan && r.plan->dpu != r.plan->expected ? plan : "") +
         pageTools + reportSvg(r, g) + "</div><aside id=\"info\"></aside></div>\n<script>const ops=" + data(r) + ";" +
         pageEnd;
}
