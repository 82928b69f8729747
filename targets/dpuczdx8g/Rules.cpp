//===- Rules.cpp - how an entry of the rule table is made ---------------------===//
#include "Rules.h"

using namespace dpuopt;

Rule dpuczdx8g::rule(const char *id, std::vector<const char *> ops, std::function<std::string(const Limits &)> text,
                     RuleTest holds, RuleFound found, const char *fix, const char *source) {
  Rule r;
  r.id = id;
  r.ops = std::move(ops);
  r.text = std::move(text);
  r.holds = std::move(holds);
  r.found = std::move(found);
  r.fix = fix;
  r.source = source;
  return r;
}

Rule dpuczdx8g::rule(const char *id, std::vector<const char *> ops, const char *text, RuleTest holds, RuleFound found,
                     const char *fix, const char *source) {
  auto always = [text](const Limits &) { return std::string(text); };
  return rule(id, std::move(ops), always, std::move(holds), std::move(found), fix, source);
}
