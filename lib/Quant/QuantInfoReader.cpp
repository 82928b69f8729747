//===- QuantInfoReader.cpp - every layout of quant_info.json ------------------===//
//
// Two steps: one pass over the text that finds errors with their position and keys
// that occur twice (a DOM keeps neither), then the DOM, section by section.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/QuantInfo.h"
#include "dpuopt/Support/File.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dpuopt {

bool QuantTable::add(llvm::StringRef name, QuantEntry entry) {
  if (!index.try_emplace(name, list.size()).second)
    return false;
  list.emplace_back(name.str(), std::move(entry));
  return true;
}

const QuantEntry *QuantTable::find(llvm::StringRef name) const {
  auto it = index.find(name);
  return it == index.end() ? nullptr : &list[it->second].second;
}

namespace {

using Json = nlohmann::ordered_json;

/// Deepest legal nesting is four (section, key, list, pair).
constexpr size_t MaxDepth = 16;
/// Of one object; the largest network seen has some hundreds, and the DOM's search for keys is linear.
constexpr size_t MaxKeys = 10'000;

/// Accepts or refuses the text; remembers why and where.
class Checker : public nlohmann::json_sax<Json> {
public:
  std::string problem;
  size_t offset = 0; ///< bytes read when the problem was met

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t &) override { return true; }
  bool string(string_t &) override { return true; }
  bool binary(binary_t &) override { return true; }
  bool start_object(size_t) override { return keys.emplace_back(), enter(); }
  bool end_object() override { return keys.pop_back(), --depth, true; }
  bool start_array(size_t) override { return enter(); }
  bool end_array() override { return --depth, true; }
  bool key(string_t &name) override {
    if (!keys.back().insert(name).second)
      return problem = fmt::format("key '{}' occurs twice", name), false;
    if (keys.back().size() > MaxKeys)
      return problem = fmt::format("an object has more than {} keys", MaxKeys), false;
    return true;
  }
  bool parse_error(size_t position, const std::string &token, const nlohmann::detail::exception &) override {
    offset = position;
    problem =
        token.empty() || position == 0 ? "malformed JSON" : fmt::format("malformed JSON near '{}'", shorten(token));
    return false;
  }

private:
  static std::string shorten(const std::string &token) {
    std::string text;
    for (char c : llvm::StringRef(token).take_back(24))
      text += c >= 32 && c < 127 ? c : ' ';
    return llvm::StringRef(text).trim().str();
  }
  bool enter() {
    if (++depth <= MaxDepth)
      return true;
    problem = fmt::format("nested more than {} deep", MaxDepth);
    return false;
  }
  std::vector<llvm::StringSet<>> keys;
  size_t depth = 0;
};

/// "line:column" of byte `offset` (1-based count of bytes read).
std::string lineColumn(llvm::StringRef text, size_t offset) {
  llvm::StringRef before = text.take_front(offset ? offset - 1 : 0);
  size_t lastBreak = before.rfind('\n');
  size_t column = lastBreak == llvm::StringRef::npos ? before.size() + 1 : before.size() - lastBreak;
  return fmt::format("line {} column {}", before.count('\n') + 1, column);
}

class Reader {
public:
  Reader(llvm::StringRef file, DiagEngine &diags) : file(file.str()), diags(diags) {}
  Result<QuantInfo> read(llvm::StringRef text);

private:
  DiagBuilder error(std::string message) {
    return std::move(diags.error(std::move(message)).file(file).rule("quant-info.format"));
  }
  Status section(const Json &root, std::initializer_list<const char *> names, QuantTable &table);
  Status entry(llvm::StringRef key, const Json &value, QuantEntry &entry);
  Status position(llvm::StringRef key, const Json &value, QuantEntry &entry);
  Status flag(const Json &root, const char *name, bool &value);
  Status text(const Json &root, const char *name, std::string &value);

  std::string file;
  DiagEngine &diags;
};

/// The text of a JSON value for a message, at most 40 characters.
std::string show(const Json &value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= 40 ? text : text.substr(0, 37) + "...";
}

/// Numbers beyond 2^63 are kept unsigned and would compare as negative ones.
bool isIntegerIn(const Json &value, int64_t least, int64_t most) {
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(most))
    return false;
  return value.is_number_integer() && value.get<int64_t>() >= least && value.get<int64_t>() <= most;
}

Status Reader::position(llvm::StringRef key, const Json &value, QuantEntry &entry) {
  if (value.is_null()) {
    entry.push_back(std::nullopt);
    return success();
  }
  if (!value.is_array() || value.size() != 2) {
    DiagBuilder bad = error(fmt::format("'{}': expected [bit width, fix point], found {}", key.str(), show(value)));
    if (value.is_array() && value.size() == 4)
      bad.note(
          "four elements are a float scale of the quantizer's CPU/GPU targets; a DPU needs power-of-two positions");
    return bad;
  }
  const Json &bits = value[0], &fp = value[1];
  if (!isIntegerIn(bits, MinBits, MaxBits))
    return error(
        fmt::format("'{}': bit width must be an integer in {}-{}, is {}", key.str(), MinBits, MaxBits, show(bits)));
  if (fp.is_null()) {
    entry.push_back(QuantSlot::uncalibrated(bits.get<int>()));
    return success();
  }
  if (!isIntegerIn(fp, MinFixPoint, MaxFixPoint))
    return error(fmt::format("'{}': fix point must be null or an integer in {}..{}, is {}", key.str(), MinFixPoint,
                             MaxFixPoint, show(fp)));
  entry.push_back(FixPos{bits.get<int>(), fp.get<int>()});
  return success();
}

/// [bw, fp] (flat) or [[bw, fp], ...] (nested), null anywhere an element may be.
Status Reader::entry(llvm::StringRef key, const Json &value, QuantEntry &entry) {
  const bool pair =
      value.is_array() && value.size() == 2 && !value[0].is_array() && (!value[0].is_null() || value[1].is_number());
  const bool nested = value.is_array() && !value.empty() && !pair && (value[0].is_array() || value[0].is_null());
  if (!nested)
    return position(key, value, entry);
  for (const Json &element : value)
    if (failed(position(key, element, entry)))
      return failure();
  return success();
}

Status Reader::section(const Json &root, std::initializer_list<const char *> names, QuantTable &table) {
  for (const char *name : names) {
    auto found = root.find(name);
    if (found == root.end())
      continue;
    if (!found->is_object())
      return error(fmt::format("'{}' must be an object of name: [bit width, fix point], is {}", name, show(*found)));
    for (const auto &[key, value] : found->items()) {
      QuantEntry list;
      if (failed(entry(key, value, list)))
        return failure();
      if (!table.add(key, std::move(list)))
        return error(fmt::format("key '{}' occurs twice", key));
    }
  }
  return success();
}

Status Reader::flag(const Json &root, const char *name, bool &value) {
  auto found = root.find(name);
  if (found == root.end() || found->is_null())
    return success();
  if (!found->is_boolean())
    return error(fmt::format("'{}' must be true or false, is {}", name, show(*found)));
  value = found->get<bool>();
  return success();
}

Status Reader::text(const Json &root, const char *name, std::string &value) {
  auto found = root.find(name);
  if (found == root.end() || found->is_null())
    return success();
  if (!found->is_string())
    return error(fmt::format("'{}' must be a string, is {}", name, show(*found)));
  value = found->get<std::string>();
  return success();
}

Result<QuantInfo> Reader::read(llvm::StringRef text) {
  if (text.trim().empty())
    return error("the file is empty");
  Checker checker;
  if (!Json::sax_parse(text.begin(), text.end(), &checker)) {
    if (checker.offset)
      return error(fmt::format("{}: {}", lineColumn(text, checker.offset), checker.problem));
    return error(checker.problem);
  }
  Json root = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!root.is_object())
    return error(fmt::format("expected a JSON object with 'param' and 'output', found {}", show(root)));
  if (!root.contains("param") && !root.contains("params") && !root.contains("output") && !root.contains("blobs"))
    return error("is not a quant_info file: it has neither 'param' nor 'output'");
  QuantInfo info;
  if (failed(section(root, {"param", "params"}, info.params)) ||
      failed(section(root, {"output", "blobs"}, info.outputs)) ||
      failed(section(root, {"input", "input_blobs"}, info.inputs)) ||
      failed(flag(root, "fast_finetuned", info.fastFinetuned)) ||
      failed(flag(root, "bias_corrected", info.biasCorrected)) || failed(this->text(root, "version", info.version)) ||
      failed(this->text(root, "graph_md5", info.graphMd5)))
    return failure();
  return info;
}

} // namespace

Result<QuantInfo> parseQuantInfo(llvm::StringRef text, llvm::StringRef file, DiagEngine &diags) {
  return Reader(file, diags).read(text);
}

Result<QuantInfo> readQuantInfo(llvm::StringRef path, DiagEngine &diags) {
  Result<std::string> text = readFile(path, diags);
  if (!text)
    return failure();
  return parseQuantInfo(*text, path, diags);
}

} // namespace dpuopt
