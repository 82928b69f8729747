//===- PartFile.cpp - statistics of a part of the samples, in a file ---------------------===//
#include "dpuopt/Calibrate/Statistics.h"
#include "dpuopt/IR/Text.h"
#include "llvm/Support/xxhash.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

constexpr int Version = 1;

std::string dpuopt::identityOf(const Quantization &q, const Recipe &recipe, const StepContext &context) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printGraph(q.graph(), os);
  for (const Quantization::Param &p : q.params)
    os << fmt::format("{} {} {:x}\n", p.value->name(), p.pos.fixPoint, p.floats.hash());
  os << fmt::format("{} {} {} {} {} {}\n", context.samples.text(), context.samples.size(), recipe.bits,
                    searchMethodName(recipe.method).str(), recipe.searchRange, recipe.averageApproximation);
  return fmt::format("{:016x}", llvm::xxHash64(os.str()));
}

std::string dpuopt::printPart(const PartHeader &header, const Statistics &s) {
  Json j = {{"dpuopt_part", Version}, {"identity", header.identity}, {"index", header.index}, {"count", header.count}};
  Json &samples = j["samples"] = Json::array();
  for (const auto &[i, found] : s.positions)
    samples.push_back({{"sample", i},
                       {"name", found.name},
                       {"found", found.found},
                       {"used", found.used},
                       {"extreme", found.extreme}});
  Json &ranges = j["ranges"] = Json::array();
  for (const SampleRange &r : s.ranges)
    ranges.push_back({r.first, r.last});
  Json &histograms = j["histograms"] = Json::array();
  for (const ValueHistogram &h : s.histograms)
    histograms.push_back(h.toWords());
  Json &extremes = j["extremes"] = Json::array();
  for (const Extreme &e : s.extremes)
    extremes.push_back({e.magnitude, e.sample, e.name});
  return j.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

namespace {

/// Takes a part's JSON apart; what is not as it should be leaves `good` false.
class PartReader {
public:
  PartReader(const Json &j, size_t slots) : j(j), slots(slots) {}
  bool read(PartHeader &header, Statistics &s);

private:
  const Json &list(const Json &of, const char *key) const {
    static const Json none = Json::array();
    auto it = of.is_object() ? of.find(key) : of.end();
    return of.is_object() && it != of.end() && it->is_array() ? *it : none;
  }
  template <class T> bool number(const Json &from, T &to) const {
    if (!(std::is_floating_point_v<T> ? from.is_number() : from.is_number_integer()))
      return false;
    to = from.get<T>();
    return true;
  }
  template <class T> bool numbers(const Json &from, std::vector<T> &to) const {
    to.resize(from.size());
    for (size_t i = 0; i < from.size(); ++i)
      if (!number(from[i], to[i]))
        return false;
    return true;
  }
  bool positions(const Json &from, SamplePositions &to) const;
  bool range(const Json &from, SampleRange &to) const {
    return from.is_array() && from.size() == 2 && number(from[0], to.first) && number(from[1], to.last) &&
           to.first <= to.last;
  }
  bool extreme(const Json &from, Extreme &to) const {
    if (!from.is_array() || from.size() != 3 || !number(from[0], to.magnitude) || !number(from[1], to.sample) ||
        !from[2].is_string())
      return false;
    to.name = from[2].get<std::string>();
    return true;
  }

  const Json &j;
  size_t slots;
};

bool PartReader::positions(const Json &from, SamplePositions &to) const {
  return numbers(list(from, "found"), to.found) && numbers(list(from, "used"), to.used) &&
         numbers(list(from, "extreme"), to.extreme) && to.found.size() == slots && to.used.size() == slots &&
         to.extreme.size() == slots;
}

bool PartReader::read(PartHeader &header, Statistics &s) {
  if (!j.is_object() || j.value("dpuopt_part", Json()) != Version || !j.value("identity", Json()).is_string() ||
      !number(j.value("index", Json()), header.index) || !number(j.value("count", Json()), header.count))
    return false;
  header.identity = j["identity"].get<std::string>();
  for (const Json &sample : list(j, "samples")) {
    uint64_t i = 0;
    const Json name = sample.is_object() ? sample.value("name", Json()) : Json();
    if (!name.is_string() || !number(sample.value("sample", Json()), i) || !positions(sample, s.positions[i]))
      return false;
    s.positions[i].name = name.get<std::string>();
  }
  for (const Json &r : list(j, "ranges"))
    if (!range(r, s.ranges.emplace_back()))
      return false;
  for (const Json &words : list(j, "histograms")) {
    std::vector<uint64_t> plain;
    auto h = words.is_array() && numbers(words, plain) ? ValueHistogram::fromWords(plain) : std::nullopt;
    if (!h)
      return false;
    s.histograms.push_back(std::move(*h));
  }
  for (const Json &e : list(j, "extremes"))
    if (!extreme(e, s.extremes.emplace_back()))
      return false;
  return (s.histograms.empty() || s.histograms.size() == slots) && (s.extremes.empty() || s.extremes.size() == slots);
}

} // namespace

Result<std::pair<PartHeader, Statistics>> dpuopt::parsePart(llvm::StringRef text, size_t slots, llvm::StringRef file,
                                                            DiagEngine &diags) {
  Json j = Json::parse(text.begin(), text.end(), nullptr, false);
  std::pair<PartHeader, Statistics> part;
  if (!PartReader(j, slots).read(part.first, part.second))
    return diags.error("is no part of a calibration of this network")
        .file(file.str())
        .rule("calibrate.part")
        .note("parts are written by dpuc calibrate --shard I/N");
  return part;
}
