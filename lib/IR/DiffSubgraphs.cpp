//===- DiffSubgraphs.cpp - two subgraph trees ----------------------------------===//
//
// Children are paired by name, then by their members, then by position. Members are
// compared through the partners of ops, so renamed ops are the same members.
//
//===----------------------------------------------------------------------===//
#include "DiffParts.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::diff;

static constexpr unsigned MaxDepth = 64;

static const Attr *entry(const Attr &dict, llvm::StringRef key, AttrKind kind) {
  if (!dict.is(AttrKind::Dict))
    return nullptr;
  auto it = dict.asMap().find(key);
  return it != dict.asMap().end() && it->second.is(kind) ? &it->second : nullptr;
}

static std::string nameOf(const Attr &s) {
  const Attr *name = entry(s, "name", AttrKind::String);
  return name ? name->asString() : "";
}

static llvm::ArrayRef<Attr> listOf(const Attr &s, llvm::StringRef key) {
  const Attr *list = entry(s, key, AttrKind::List);
  return list ? list->asList() : llvm::ArrayRef<Attr>();
}

static const AttrMap &attrsOf(const Attr &s) {
  static const AttrMap none;
  const Attr *attrs = entry(s, "attrs", AttrKind::Dict);
  return attrs ? attrs->asMap() : none;
}

static std::string deviceOf(const Attr &s) {
  auto it = attrsOf(s).find("device");
  return it != attrsOf(s).end() && it->second.is(AttrKind::String) ? it->second.asString() : "none";
}

namespace {
class TreeDiff {
public:
  TreeDiff(const Graph &a, const Pairs &pairs, Sink &sink) : sink(sink) {
    for (const Op &op : a.ops())
      if (const Op *other = pairs.partner(&op))
        inB[diffName(op)] = diffName(*other);
  }

  void compareLists(llvm::ArrayRef<Attr> left, llvm::ArrayRef<Attr> right, const std::string &parent, unsigned depth) {
    if (depth > MaxDepth)
      return;
    std::vector<size_t> partner = pairChildren(left, right), positions;
    std::vector<bool> taken(right.size());
    for (size_t i = 0; i < left.size(); ++i) {
      if (partner[i] == SIZE_MAX) {
        only(left[i], /*inA=*/true);
        continue;
      }
      taken[partner[i]] = true;
      positions.push_back(partner[i]);
      compare(left[i], right[partner[i]], parent, depth);
    }
    for (size_t i = 0; i < right.size(); ++i)
      if (!taken[i])
        only(right[i], /*inA=*/false);
    if (size_t moved = movedOf(positions).size())
      sink.add(DiffKind::Order, parent, fmt::format("{} of {} subgraphs come at another place", moved, left.size()));
  }

private:
  void only(const Attr &s, bool inA) {
    std::string what = fmt::format("{} subgraph of {} ops", deviceOf(s), listOf(s, "ops").size());
    sink.add(DiffKind::Subgraphs, nameOf(s), fmt::format("only in {}", inA ? "A" : "B"), inA ? what : "",
             inA ? "" : what);
  }

  /// For each of `left` its partner's number, or SIZE_MAX.
  std::vector<size_t> pairChildren(llvm::ArrayRef<Attr> left, llvm::ArrayRef<Attr> right) const {
    std::vector<size_t> out(left.size(), SIZE_MAX);
    std::vector<bool> taken(right.size());
    auto pairByKey = [&](auto keyOfLeft, auto keyOfRight) {
      llvm::StringMap<size_t> keys;
      for (size_t j = 0; j < right.size(); ++j)
        if (!taken[j])
          keys.try_emplace(keyOfRight(right[j]), j);
      for (size_t i = 0; i < left.size(); ++i)
        if (auto it = keys.find(out[i] == SIZE_MAX ? keyOfLeft(left[i]) : ""); it != keys.end() && !taken[it->second])
          out[i] = it->second, taken[it->second] = true;
    };
    if (!sink.options.ignoreNames)
      pairByKey(nameOf, nameOf);
    pairByKey([&](const Attr &s) { return memberKey(s, true); }, [&](const Attr &s) { return memberKey(s, false); });
    if (left.size() == right.size())
      for (size_t i = 0; i < left.size(); ++i)
        if (out[i] == SIZE_MAX && !taken[i])
          out[i] = i, taken[i] = true;
    return out;
  }

  /// Members as they are called in B, sorted; ops without a partner keep a mark.
  std::vector<std::string> members(const Attr &s, bool translate) const {
    std::vector<std::string> out;
    for (const Attr &op : listOf(s, "ops"))
      if (op.is(AttrKind::String)) {
        auto it = translate ? inB.find(op.asString()) : inB.end();
        out.push_back(it != inB.end() ? it->second : (translate ? "A:" : "") + op.asString());
      }
    llvm::sort(out);
    return out;
  }
  std::string memberKey(const Attr &s, bool translate) const {
    std::string key = "m";
    for (const std::string &m : members(s, translate))
      key += m + '\n';
    return key;
  }

  void compare(const Attr &x, const Attr &y, const std::string &parent, unsigned depth) {
    // A leaf is often called like its parent.
    std::string where = depth ? parent + " > " + nameOf(x) : nameOf(x);
    if (nameOf(x) != nameOf(y))
      sink.add(DiffKind::Names, where, "subgraph name", nameOf(x), nameOf(y));
    if (deviceOf(x) != deviceOf(y))
      sink.add(DiffKind::Subgraphs, where, "device", deviceOf(x), deviceOf(y));
    compareMembers(x, y, where);
    auto skip = [&](llvm::StringRef name) {
      return name == "device" || (name == "children_topological_sort" && sink.options.ignoreNames);
    };
    diffAttrs(attrsOf(x), attrsOf(y), skip, DiffKind::Subgraphs, where, "", sink);
    compareLists(listOf(x, "children"), listOf(y, "children"), where, depth + 1);
  }

  void compareMembers(const Attr &x, const Attr &y, const std::string &where) {
    std::vector<std::string> left = members(x, true), right = members(y, false), lost, gained;
    std::set_difference(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(lost));
    std::set_difference(right.begin(), right.end(), left.begin(), left.end(), std::back_inserter(gained));
    auto say = [](const std::vector<std::string> &all, const std::vector<std::string> &extra) {
      std::string out = fmt::format("{} ops", all.size());
      for (size_t i = 0; i < std::min<size_t>(extra.size(), 4); ++i)
        out += (i ? ", " : ", alone with ") + (extra[i].substr(0, 2) == "A:" ? extra[i].substr(2) : extra[i]);
      return out + (extra.size() > 4 ? ", ..." : "");
    };
    if (!lost.empty() || !gained.empty())
      sink.add(DiffKind::Subgraphs, where, "members", say(left, lost), say(right, gained));
  }

  Sink &sink;
  llvm::StringMap<std::string> inB; ///< op of A -> its partner, by name
};
} // namespace

void diff::diffSubgraphs(const Graph &a, const Graph &b, const Pairs &pairs, Sink &sink) {
  static const Attr none = Attr::list(AttrKind::Dict, {});
  auto tree = [](const Graph &g) -> const Attr & {
    const Attr *t = g.attr("subgraphs");
    return t && t->is(AttrKind::List) ? *t : none;
  };
  if (sink.options.ignored.count(DiffKind::Subgraphs))
    return;
  TreeDiff(a, pairs, sink).compareLists(tree(a).asList(), tree(b).asList(), "graph", 0);
}
