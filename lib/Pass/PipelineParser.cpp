//===- PipelineParser.cpp - the text of --passes -------------------------------===//
#include "dpuopt/Pass/PassManager.h"
#include <algorithm>

using namespace dpuopt;

namespace {

class PipelineParser {
public:
  PipelineParser(const PassRegistry &registry, DiagEngine &diags) : registry(registry), diags(diags) {}

  Status parse(llvm::StringRef text, unsigned depth = 0) {
    if (depth > 16)
      return diags.error("pipeline '" + text.str() + "' expands without end");
    while (!text.empty()) {
      size_t end = endOfStep(text);
      if (end == llvm::StringRef::npos)
        return diags.error("unbalanced '<' in pipeline '" + text.str() + "'");
      if (failed(step(text.take_front(end).trim(), depth)))
        return failure();
      text = text.drop_front(std::min(end + 1, text.size()));
    }
    return success();
  }

  Pipeline steps;

private:
  /// Position of the comma that ends the first step; npos if brackets do not match.
  static size_t endOfStep(llvm::StringRef text) {
    int open = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      open += (text[i] == '<') - (text[i] == '>');
      if (open < 0)
        return llvm::StringRef::npos;
      if (text[i] == ',' && open == 0)
        return i;
    }
    return open ? llvm::StringRef::npos : text.size();
  }

  Status step(llvm::StringRef text, unsigned depth) {
    if (text.empty())
      return success(); // a trailing comma
    auto [name, rest] = text.split('<');
    if (const PipelineInfo *pipeline = registry.findPipeline(name)) {
      if (!rest.empty())
        return diags.error("pipeline '" + name.str() + "' takes no options");
      return parse(pipeline->expansion, depth + 1);
    }
    const PassInfo *pass = registry.find(name);
    if (!pass)
      return unknown(name);
    PassStep s{pass, {}};
    for (const PassOption &o : pass->options)
      s.options[o.name] = o.defaultValue;
    rest.consume_back(">");
    llvm::SmallVector<llvm::StringRef, 4> items;
    rest.split(items, ',', -1, /*KeepEmpty=*/false);
    for (llvm::StringRef item : items)
      if (failed(option(s, item.trim())))
        return failure();
    steps.push_back(std::move(s));
    return success();
  }

  Status option(PassStep &s, llvm::StringRef item) {
    auto [key, value] = item.split('=');
    for (const PassOption &o : s.pass->options) {
      if (key != o.name)
        continue;
      bool given = item.contains('=');
      if (o.placeholder && !given)
        return diags.error("option '" + key.str() + "' of " + s.pass->name + " needs a value: " + o.name + "=" +
                           o.placeholder);
      if (!o.placeholder && given && value != "true" && value != "false")
        return diags.error("option '" + key.str() + "' of " + s.pass->name + " is a flag and takes no value");
      s.options[o.name] = given ? value.str() : "true";
      return success();
    }
    std::string known;
    for (const PassOption &o : s.pass->options)
      known += (known.empty() ? "" : ", ") + std::string(o.name);
    return diags.error("pass '" + std::string(s.pass->name) + "' has no option '" + key.str() + "'")
        .note(known.empty() ? "it takes no options" : "it has: " + known);
  }

  Status unknown(llvm::StringRef name) {
    llvm::StringRef best;
    unsigned bestDistance = 4; // further away is not a typo
    auto consider = [&](llvm::StringRef candidate) {
      unsigned d = name.edit_distance(candidate, true, bestDistance);
      if (d < bestDistance)
        bestDistance = d, best = candidate;
    };
    for (const PassInfo *p : registry.passes)
      consider(p->name);
    for (const PipelineInfo &p : registry.pipelines)
      consider(p.name);
    DiagBuilder d = diags.error("there is no pass or pipeline '" + name.str() + "'");
    d.note(best.empty() ? "--list-passes shows all" : "did you mean '" + best.str() + "'?");
    return failure();
  }

  const PassRegistry &registry;
  DiagEngine &diags;
};

} // namespace

Result<Pipeline> dpuopt::parsePipeline(llvm::StringRef text, const PassRegistry &registry, DiagEngine &diags) {
  PipelineParser parser(registry, diags);
  if (failed(parser.parse(text)))
    return failure();
  return std::move(parser.steps);
}
