//===- HeadReader.cpp - head.json, read ------------------------------------------===//
//
// The file that `dpuc fix` and the pass strip-detect-head write (docs/heads.md). People
// may have changed it: every number is checked before it is used.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Deploy/Contract.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::json;

namespace {

constexpr int64_t MostCells = int64_t(1) << 24, MostChannels = int64_t(1) << 20;
constexpr size_t MostMaps = 64, MostAnchors = 256, MostTensors = 1024;

/// Takes values out of the file; the first one that is not as it must be is remembered.
class Reader {
public:
  std::string why;

  bool fail(std::string what) {
    if (why.empty())
      why = std::move(what);
    return false;
  }
  const Json *member(const Json &j, const char *key) {
    auto it = j.is_object() ? j.find(key) : j.end();
    return it == j.end() ? nullptr : &*it;
  }
  std::string text(const Json &j, const char *key, std::string otherwise = "") {
    const Json *m = member(j, key);
    return m && m->is_string() ? m->get<std::string>() : otherwise;
  }
  bool integer(const Json &j, const char *key, int64_t low, int64_t high, int64_t &out) {
    const Json *m = member(j, key);
    if (!m || !inRange(*m, low, high))
      return fail(fmt::format("'{}' must be a whole number from {} to {}", key, low, high));
    out = m->get<int64_t>();
    return true;
  }
  bool inRange(const Json &j, int64_t low, int64_t high) {
    if (!j.is_number_integer() || (j.is_number_unsigned() && j.get<uint64_t>() > uint64_t(INT64_MAX)))
      return false;
    return j.get<int64_t>() >= low && j.get<int64_t>() <= high;
  }
  bool pair(const Json *j, const char *what, double &a, double &b) {
    if (!j || !j->is_array() || j->size() != 2 || !(*j)[0].is_number() || !(*j)[1].is_number())
      return fail(fmt::format("'{}' must be two numbers", what));
    a = (*j)[0].get<double>(), b = (*j)[1].get<double>();
    if (!(std::abs(a) < 1e9 && std::abs(b) < 1e9))
      return fail(fmt::format("'{}' is out of range", what));
    return true;
  }
};

class HeadReader : Reader {
public:
  Result<HeadFile> run(llvm::StringRef name, llvm::StringRef text, DiagEngine &diags) {
    Json j = Json::parse(text.begin(), text.end(), nullptr, false);
    if (j.is_discarded() || !j.is_object() || this->text(j, "format") != "dpuopt-detect-head")
      fail("it is no description of a head (format dpuopt-detect-head)");
    else if (int64_t version = 0; integer(j, "version", 1, 1, version))
      read(j);
    if (!why.empty())
      return std::move(diags.error("the head cannot be read: " + why)
                           .file(name.str())
                           .rule("deploy.head")
                           .note("dpuc fix MODEL --fix head -o FILE.onnx writes FILE.head.json"));
    return std::move(file);
  }

private:
  bool read(const Json &j) {
    head.kind = text(j, "kind");
    return (head.kind == "custom" || readFormulas(j)) && readMaps(j) && readTensors(j) &&
           (head.kind == "custom" || complete());
  }

  bool oneOf(const std::string &value, const char *what, std::initializer_list<const char *> known) {
    for (const char *k : known)
      if (value == k)
        return true;
    return fail(fmt::format("'{}' is '{}', which is unknown", what, value.substr(0, 40)));
  }

  bool readFormulas(const Json &j) {
    const Json *box = member(j, "box"), *scores = member(j, "scores");
    if (!box || !scores || !integer(j, "classes", 1, MostChannels, head.classes))
      return fail("'box', 'scores' or 'classes' is missing");
    if (member(j, "dfl_bins") && !integer(j, "dfl_bins", 2, 1024, head.bins))
      return false;
    head.decode = text(*box, "decode");
    head.scores = text(*scores, "function");
    if (!oneOf(head.decode, "box.decode",
               {"sigmoid-square", "sigmoid-exp", "offset-exp", "distances", "prior", "none"}) ||
        !oneOf(head.scores, "scores.function", {"sigmoid", "softmax", "none"}))
      return false;
    if (const Json *o = member(*scores, "objectness"); o && !member(*o, "constant")) {
      head.objectness = text(*o, "function");
      if (!oneOf(head.objectness, "scores.objectness.function", {"sigmoid", "none"}))
        return false;
    }
    if (head.scores == "softmax" && head.classes > 1)
      head.background = 0;
    if (const Json *b = member(*scores, "background"); b && b->is_null())
      head.background = -1;
    else if (b && (head.classes < 2 || !integer(*scores, "background", 0, head.classes - 1, head.background)))
      return fail("'background' must be null or the number of a class");
    if (const Json *s = member(*box, "xy_scale"))
      head.xyScale = s->is_number() ? s->get<double>() : NAN;
    if (!(std::abs(head.xyScale) < 1e9))
      return fail("'box.xy_scale' must be a number");
    return !member(*box, "variances") ||
           pair(member(*box, "variances"), "variances", head.variances[0], head.variances[1]);
  }

  bool readMaps(const Json &j) {
    const Json *scales = member(j, "scales");
    if (!scales || !scales->is_array() || scales->size() > MostMaps || (scales->empty() && head.kind != "custom"))
      return fail("'scales' must be a list of maps");
    for (const Json &s : *scales)
      if (!readMap(s))
        return false;
    return true;
  }

  bool readMap(const Json &s) {
    HeadMap &m = head.maps.emplace_back();
    if (!integer(s, "height", 1, 1 << 20, m.height) || !integer(s, "width", 1, 1 << 20, m.width))
      return false;
    if (m.height * m.width > MostCells)
      return fail("a map is too large");
    if (head.kind == "custom")
      return true;
    const Json *rows = member(s, "first_row"), *anchors = member(s, "anchors");
    if (!rows || !rows->is_array() || rows->empty() || rows->size() > MostAnchors ||
        !integer(s, "row_step", 1, MostCells, m.rowStep) || !pair(member(s, "stride"), "stride", m.strideX, m.strideY))
      return fail("'first_row' must be a list of row numbers");
    if (member(s, "offset") && !pair(member(s, "offset"), "offset", m.offsetX, m.offsetY))
      return false;
    if (anchors && (!anchors->is_array() || anchors->size() != rows->size()))
      return fail("'anchors' must be as many as 'first_row'");
    for (size_t a = 0; a < rows->size(); ++a) {
      HeadAnchorBox &anchor = m.anchors.emplace_back();
      if (!inRange((*rows)[a], 0, MostCells))
        return fail("'first_row' must be a list of row numbers");
      anchor.firstRow = (*rows)[a].get<int64_t>();
      if (anchors && !pair(&(*anchors)[a], "anchors", anchor.width, anchor.height))
        return false;
      head.rows = std::max(head.rows, anchor.firstRow + (m.height * m.width - 1) * m.rowStep + 1);
    }
    return head.rows <= MostCells * 4 || fail("there are too many rows");
  }

  bool readTensors(const Json &j) {
    const Json *outputs = member(j, "outputs");
    if (!outputs || !outputs->is_array() || outputs->empty() || outputs->size() > MostTensors)
      return fail("'outputs' must be a list of tensors");
    for (const Json &o : *outputs)
      if (!readTensor(o))
        return false;
    return true;
  }

  bool readTensor(const Json &o) {
    HeadTensor &t = file.tensors.emplace_back();
    t.name = text(o, "name");
    const Json *shape = member(o, member(o, "shape_nhwc") ? "shape_nhwc" : "shape_nchw");
    if (!shape || !shape->is_array() || shape->size() > 8)
      return fail("an output has no shape");
    for (const Json &d : *shape)
      if (!inRange(d, 0, MostCells))
        return fail("an output has no shape");
      else
        t.shape.push_back(d.get<int64_t>());
    if (!member(o, "scale") || head.kind == "custom")
      return true;
    int64_t map = 0;
    if (!integer(o, "scale", 0, static_cast<int64_t>(head.maps.size()) - 1, map))
      return false;
    t.map = static_cast<int>(map);
    t.role = text(o, "role");
    const Json *channels = member(o, "channels");
    const HeadMap &m = head.maps[map];
    if (t.shape.size() != 4 || t.shape[1] != m.height || t.shape[2] != m.width)
      return fail("an output is not as large as its map");
    return !channels || (readRole(*channels, "box", &HeadAnchorBox::box) &&
                         readRole(*channels, "objectness", &HeadAnchorBox::objectness) &&
                         readRole(*channels, "classes", &HeadAnchorBox::classes));
  }

  /// The channels of one role of the last tensor, for every anchor of its map.
  bool readRole(const Json &channels, const char *name, HeadRole HeadAnchorBox::*role) {
    const Json *c = member(channels, name);
    const HeadTensor &t = file.tensors.back();
    if (!c)
      return true;
    std::vector<HeadAnchorBox> &anchors = head.maps[t.map].anchors;
    for (size_t a = 0; a < anchors.size(); ++a) {
      HeadRole r;
      if (!roleOf(*c, a, r))
        return false;
      if (r.count == 0)
        continue;
      if ((anchors[a].*role).output >= 0)
        return fail(fmt::format("the {} of one anchor are in two outputs", name));
      r.output = static_cast<int>(file.tensors.size()) - 1;
      int64_t last = r.first + (r.count - 1) * r.step;
      if (std::min(r.first, last) < 0 || std::max(r.first, last) >= t.shape[3])
        return fail(fmt::format("'{}' names a channel that its output does not have", name));
      anchors[a].*role = r;
    }
    return true;
  }

  bool roleOf(const Json &c, size_t anchor, HeadRole &r) {
    const Json *list = member(c, "list");
    if (!list) {
      int64_t step = 0;
      if (!integer(c, "first", 0, MostChannels, r.first) || !integer(c, "count", 0, MostChannels, r.count) ||
          !integer(c, "anchor_step", -MostChannels, MostChannels, step))
        return false;
      r.first += static_cast<int64_t>(anchor) * step;
      return true;
    }
    if (!list->is_array() || list->size() <= anchor || !(*list)[anchor].is_array())
      return fail("'list' must have a list of channels per anchor");
    const Json &mine = (*list)[anchor];
    r.count = static_cast<int64_t>(mine.size());
    for (size_t i = 0; i < mine.size(); ++i) {
      if (!inRange(mine[i], 0, MostChannels))
        return fail("'list' must have a list of channels per anchor");
      int64_t channel = mine[i].get<int64_t>();
      if (i == 0)
        r.first = channel;
      else if (i == 1)
        r.step = channel - r.first;
      if (channel != r.first + static_cast<int64_t>(i) * r.step)
        return fail("channels of one role are not evenly spaced");
    }
    return true;
  }

  /// Everything a decoder reads is there.
  bool complete() {
    for (const HeadMap &m : head.maps)
      for (const HeadAnchorBox &a : m.anchors)
        if (a.box.count != 4 * head.bins || a.classes.count != head.classes ||
            a.objectness.count != (head.objectness.empty() ? 0 : 1))
          return fail("an anchor has not the box, objectness and classes that are described");
    return true;
  }

  HeadFile file;
  ContractHead &head = file.head;
};

/// Names as an xmodel may have them: the tensor of a fix op, characters that are no letters or digits replaced.
std::string plain(llvm::StringRef name) {
  name.consume_back("_fix");
  std::string out;
  for (char c : name)
    out += llvm::isAlnum(c) ? c : '_';
  return out;
}

/// The output that is `t`: by name, else the only one of that shape.
int findTensor(const Contract &contract, const HeadTensor &t) {
  int found = -1;
  for (size_t i = 0; i < contract.outputs.size(); ++i) {
    const ContractOutput &o = contract.outputs[i];
    if (o.name == t.name || plain(o.name) == plain(t.name) || plain(o.tensor) == plain(t.name))
      return o.shape == t.shape ? static_cast<int>(i) : -1;
    if (o.shape == t.shape)
      found = found == -1 ? static_cast<int>(i) : -2;
  }
  return found;
}

} // namespace

Result<HeadFile> dpuopt::readHead(llvm::StringRef file, llvm::StringRef text, DiagEngine &diags) {
  return HeadReader().run(file, text, diags);
}

Status dpuopt::addHead(Contract &contract, const HeadFile &file, DiagEngine &diags) {
  std::vector<int> where;
  for (const HeadTensor &t : file.tensors) {
    int i = findTensor(contract, t);
    if (i < 0 || llvm::is_contained(where, i)) {
      std::string outputs;
      for (const ContractOutput &o : contract.outputs)
        outputs += fmt::format("{}'{}'", outputs.empty() ? "" : ", ", o.name);
      return diags
          .error(fmt::format("the head's output '{}' is not an output of the model, which has {}", t.name, outputs))
          .rule("deploy.head")
          .note("the description must be that of this model: dpuc fix writes both");
    }
    where.push_back(i);
  }
  for (size_t i = 0; i < where.size(); ++i) {
    ContractOutput &o = contract.outputs[where[i]];
    o.role = file.tensors[i].role;
    if (file.tensors[i].map >= 0)
      o.map = static_cast<unsigned>(file.tensors[i].map);
  }
  contract.head = file.head;
  for (HeadMap &m : contract.head->maps)
    for (HeadAnchorBox &a : m.anchors)
      for (HeadRole *r : {&a.box, &a.objectness, &a.classes})
        if (r->output >= 0)
          r->output = where[r->output];
  return success();
}
