//===- QuantHtml.cpp - how good a quantization is, as one self-contained page -----------===//
#include "QuantText.h"
#include "dpuopt/Report/Lines.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

static const char *const pageStart =
#include "QuantPageStart.inc"
    ;
static const char *const pageEnd =
#include "QuantPageEnd.inc"
    ;

/// Rows of the table of advice.
static constexpr size_t MostAdvice = 20;

static std::string fact(const char *name, const std::string &html) {
  return html.empty() ? "" : fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", name, html);
}

static std::string fidelityHtml(const QuantFidelity &f) {
  return fmt::format("{} dB, cosine {:.6f}", decibelText(f.decibels), f.cosine);
}

static std::string facts(const QuantReport &r) {
  std::string out = "<table id=\"facts\">\n" + fact("target", escapedXml(r.target)) +
                    fact("method", escapedXml(r.method) + fmt::format(", {} bits", r.bits)) +
                    fact("calibration", fmt::format("{} images", r.images) +
                                            (r.data.empty() ? "" : ", <code>" + escapedXml(r.data) + "</code>"));
  for (const QuantOutput &o : r.outputs)
    out += fact("output",
                fmt::format("<code>{}</code>: <b>{}</b>, largest difference {:.4g}{}", escapedXml(o.name),
                            fidelityHtml(o.fidelity), o.maxAbs,
                            o.vectors ? fmt::format(", same answer on {} of {}", o.sameLargest, o.vectors) : ""));
  if (r.accuracy)
    out +=
        fact("accuracy", fmt::format("<b>float {:.2f} %, fixed point {:.2f} %</b> ({}, {} images)", r.accuracy->floats,
                                     r.accuracy->fixed, escapedXml(r.accuracy->what), r.accuracy->images));
  out += fact("layers", fmt::format("{}, measured on {} image{} against the float network", r.layers.size(), r.measured,
                                    r.measured == 1 ? "" : "s"));
  if (!r.notes.empty()) {
    std::string list = fmt::format("<details><summary>{} change{} of weights and fix points</summary>", r.notes.size(),
                                   r.notes.size() == 1 ? "" : "s");
    for (const std::string &note : r.notes)
      list += escapedXml(note) + "<br>";
    out += fact("notes", list + "</details>");
  }
  return out + "</table>\n";
}

static std::string steps(const QuantReport &r) {
  if (r.steps.empty())
    return "";
  std::string out = "<h2>Steps</h2>\n<table><tr><th>step</th><th class=\"n\">outputs, dB</th><th class=\"n\">bought, "
                    "dB</th><th></th></tr>\n";
  for (size_t i = 0; i < r.steps.size(); ++i) {
    const QuantStep &s = r.steps[i];
    const std::optional<double> bought = boughtBy(r, i);
    out += fmt::format("<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n {}\">{}</td><td>{}</td></tr>\n",
                       escapedXml(s.name), s.decibels ? decibelText(*s.decibels) : "",
                       bought.value_or(0) < 0 ? "bad" : "good", bought ? fmt::format("{:+.1f}", *bought) : "",
                       escapedXml(stepText(r, s)));
  }
  return out + "</table>\n";
}

static std::string advice(const QuantReport &r) {
  const std::vector<QuantReport::Advice> all = r.advice();
  std::string out = "<h2>What would help</h2>\n";
  if (all.empty())
    return out + "<p>Nothing that is worth half a decibel at any layer.</p>\n";
  out += "<p class=\"key\">By the noise that would go, compared with the layer's signal. Decibels are what that layer "
         "would gain at most.</p>\n<table><tr><th>layer</th><th class=\"n\">dB</th><th>remedy</th></tr>\n";
  for (const QuantReport::Advice &a : llvm::makeArrayRef(all).take_front(MostAdvice)) {
    const QuantRemedy &remedy = r.layers[a.layer].remedies[a.remedy];
    out += fmt::format("<tr><td><a href=\"#layers\" class=\"go\" data-i=\"{}\">{}</a></td><td class=\"n\">+{:.1f}</td>"
                       "<td>{}</td></tr>\n",
                       a.layer, escapedXml(r.layers[a.layer].title()), remedy.gain, escapedXml(remedy.text));
  }
  out += "</table>\n";
  if (all.size() > MostAdvice)
    out += fmt::format("<p class=\"key\">and {} more, at their layers below</p>\n", all.size() - MostAdvice);
  return out;
}

//===-- The table of layers -------------------------------------------------------------===//

/// Lines of a name may end where its parts do.
static std::string breakable(const std::string &name) {
  std::string out;
  for (char c : escapedXml(name)) {
    out += c;
    if (c == '/' || c == '.' || c == '+')
      out += "<wbr>";
  }
  return out;
}

static std::string numberCell(const std::string &text, double sortBy) {
  const double v = std::isfinite(sortBy) ? sortBy : sortBy > 0 ? 1e9 : -1e9;
  return fmt::format("<td class=\"n\" data-v=\"{:.6g}\">{}</td>", v, text);
}

static std::string fixPointCell(const std::string &text) {
  return numberCell(text, text.empty() ? -1000 : std::strtod(text.c_str(), nullptr));
}

static std::string decibelCell(double v) { return numberCell(decibelText(v), v); }

static std::string aroundCell(const QuantPlace &p, size_t which) {
  if (!p.decibels)
    return numberCell("", -1000);
  const bool better = (*p.decibels)[which] > (*p.decibels)[1] + 0.5;
  std::string text = decibelText((*p.decibels)[which]);
  return numberCell(better ? "<b class=\"bad\">" + text + "</b>" : text, (*p.decibels)[which]);
}

static const QuantParam *weightsOf(const QuantLayer &l) {
  auto found = llvm::find_if(l.params, [](const QuantParam &p) { return p.role == "weights"; });
  return found == l.params.end() ? nullptr : &*found;
}

static std::string spreadCell(const QuantChannels *c) {
  return c && c->channels ? numberCell(fmt::format("{:.3g}", c->spread), c->spread) : numberCell("", 0);
}

static std::string row(const QuantLayer &l, size_t i) {
  const QuantParam *w = weightsOf(l);
  const unsigned zeros = l.channels.dead + l.channels.lost;
  return fmt::format("<tr class=\"layer\" data-i=\"{}\">", i) + numberCell(std::to_string(i + 1), double(i)) +
         fmt::format("<td class=\"name\">{}</td><td>{}</td>", breakable(l.title()), breakable(l.op)) +
         fixPointCell(fixPointText(l, "weights")) + fixPointCell(fixPointText(l, "bias")) +
         fixPointCell(inputsText(l)) + fixPointCell(std::to_string(l.place.fixPoint)) +
         numberCell(percentText(l.clipped), l.clipped) + decibelCell(l.single.decibels) +
         numberCell(fmt::format("{:.5f}", l.single.cosine), l.single.cosine) + decibelCell(l.entire.decibels) +
         numberCell(fmt::format("{:.5f}", l.entire.cosine), l.entire.cosine) + aroundCell(l.place, 0) +
         aroundCell(l.place, 1) + aroundCell(l.place, 2) + spreadCell(w ? &w->channels : nullptr) +
         spreadCell(&l.channels) + numberCell(zeros ? std::to_string(zeros) : "", zeros) +
         numberCell(remedyText(l), l.remedies.empty() ? 0 : l.remedies[0].gain) + "</tr>\n";
}

static std::string channelsText(const QuantChannels &c) {
  if (!c.channels)
    return "";
  return fmt::format("{} channels, ranges differ {:.3g}-fold{}{}", c.channels, c.spread,
                     c.dead ? fmt::format(", {} all zeros", c.dead) : "",
                     c.lost ? fmt::format(", {} rounded to nothing", c.lost) : "");
}

static std::string plot(const std::string &title, const QuantPlace &p, const std::string &text) {
  std::string clipped =
      p.clipped > 0 ? fmt::format(", <b class=\"out\">{} % beyond it</b>", percentText(p.clipped)) : "";
  return fmt::format("<div class=\"plot\"><h3>{}</h3>{}<div class=\"soft\">{} bits, fix point {}{}{}</div></div>\n",
                     escapedXml(title), histogramSvg(p.histogram), p.bits, p.fixPoint, clipped,
                     text.empty() ? "" : "<br>" + escapedXml(text));
}

/// Where the noise of a layer alone comes from.
static std::string originBar(const QuantLayer &l) {
  if (l.fromInputs + l.fromParams + l.fromOutput <= 0)
    return "";
  return fmt::format(
      "<div class=\"bar\"><i class=\"i\" style=\"width:{0:.1f}%\"></i><i class=\"p\" "
      "style=\"width:{1:.1f}%\"></i><i class=\"o\" style=\"width:{2:.1f}%\"></i></div>"
      "<div class=\"soft\">noise, alone: {0:.0f} % from rounding what it reads, {1:.0f} % its parameters, "
      "{2:.0f} % its result; {3:.0f} % is a constant per channel</div>\n",
      100 * l.fromInputs, 100 * l.fromParams, 100 * l.fromOutput, 100 * l.meanShift);
}

static std::string details(const QuantLayer &l) {
  std::string out =
      fmt::format("<div class=\"soft\">tensor <code>{}</code> {}</div>\n", escapedXml(l.name), escapedXml(l.shape));
  out += "<ul>";
  for (const QuantRemedy &r : l.remedies)
    out +=
        fmt::format("<li>{}{}</li>", r.gain > 0 ? fmt::format("<b>+{:.1f} dB</b> ", r.gain) : "", escapedXml(r.text));
  out += "</ul>\n" + originBar(l);
  if (!l.decisive.empty())
    out += fmt::format("<div class=\"soft\">largest magnitude {:.4g} on <code>{}</code>, {:.4g} on all other "
                       "images</div>\n",
                       l.largest, escapedXml(l.decisive), l.nextLargest);
  out += "<div class=\"plots\">\n" + plot("result, float network", l.place, channelsText(l.channels));
  for (const QuantParam &p : l.params)
    out += plot(p.role + " " + p.name, p.place,
                fidelityHtml(p.fidelity) + (p.channels.channels ? "; " + channelsText(p.channels) : ""));
  return out + "</div>\n";
}

static std::string layerTable(const QuantReport &r) {
  struct Column {
    const char *title, *hint;
    bool number, up;
  };
  static const Column columns[] = {{"#", "in graph order", true, true},
                                   {"layer", "", false, true},
                                   {"op", "", false, true},
                                   {"w", "fix point of the weights", true, true},
                                   {"b", "fix point of the bias", true, true},
                                   {"in", "fix points of what it reads", true, true},
                                   {"out", "fix point of its result", true, true},
                                   {"clip %", "numbers beyond the range, in the quantized network", true, false},
                                   {"alone dB", "this layer alone quantized", true, true},
                                   {"cosine", "this layer alone quantized", true, true},
                                   {"in net dB", "in the quantized network", true, true},
                                   {"cosine", "in the quantized network", true, true},
                                   {"-1 dB", "rounding the float values at fix point - 1", true, true},
                                   {"&plusmn;0 dB", "rounding the float values at the fix point", true, true},
                                   {"+1 dB", "rounding the float values at fix point + 1", true, true},
                                   {"w &times;", "largest over smallest range of the weights' channels", true, false},
                                   {"out &times;", "largest over smallest range of the result's channels", true, false},
                                   {"dead", "channels that are all zeros, or are rounded to that", true, false},
                                   {"help dB", "what would help most", true, false}};
  std::string out = "<div class=\"wide\"><table id=\"layers\"><thead><tr>";
  for (const Column &c : columns)
    out += fmt::format("<th{}{} title=\"{}\">{}</th>", c.number ? " class=\"n\"" : "",
                       c.up ? "" : " data-first=\"down\"", c.hint, c.title);
  out += "</tr></thead><tbody>\n";
  for (size_t i : r.worstFirst())
    out += row(r.layers[i], i) + fmt::format("<tr class=\"more\" hidden><td colspan=\"{}\">", std::size(columns)) +
           details(r.layers[i]) + "</td></tr>\n";
  return out + "</tbody></table></div>\n";
}

std::string dpuopt::quantReportHtml(const QuantReport &r) {
  std::string out = pageStart + fmt::format("<h1>{}</h1>\n", escapedXml(r.model)) + facts(r) + steps(r);
  out += "<h2>Error by depth</h2>\n<p class=\"key\">Signal over noise in decibels, higher is better: <b "
         "class=\"single\">each layer alone</b>, and <b class=\"entire\">in the quantized network</b>. A click opens "
         "the layer.</p>\n" +
         depthSvg(r) + advice(r);
  out += "<h2>Layers</h2>\n<p><input id=\"find\" type=\"search\" placeholder=\"find a layer, op or remedy\"> <span "
         "class=\"soft\">worst first; a click on a row shows its values, on a heading sorts</span></p>\n";
  return out + layerTable(r) + pageEnd;
}
