//===- PassDocs.cpp - the pass list for people --------------------------------------===//
#include "dpuopt/Driver/Driver.h"
#include "llvm/Support/Format.h"

using namespace dpuopt;

static const char *promise(Preserves p) {
  switch (p) {
  case Preserves::Exactly:
    return "bit for bit the same values";
  case Preserves::Closely:
    return "the same values up to float rounding";
  case Preserves::Meaning:
    return "changes values on purpose";
  }
  return "";
}

void dpuopt::printPassDocs(const PassRegistry &registry, llvm::raw_ostream &os) {
  os << "<!-- Generated: dpuopt --print-pass-docs > docs/passes.md -->\n# Passes\n\n"
        "Run them with `dpuopt MODEL --passes='a,b<option=value>'`. *Keeps* says what `--check-equivalence` holds a "
        "pass to.\n";
  for (const PassInfo *p : registry.passes) {
    os << "\n## `" << p->name << "`\n"
       << p->summary << ".\n\n"
       << p->description << "\n\n*Keeps:* " << promise(p->preserves) << ".\n";
    for (const PassOption &o : p->options) {
      os << (&o == &p->options.front() ? "\n| option | meaning | default |\n|---|---|---|\n" : "");
      os << "| `" << o.name << (o.placeholder ? std::string("=") + o.placeholder : "") << "` | " << o.help << " | "
         << (*o.defaultValue ? "`" + std::string(o.defaultValue) + "`" : "") << " |\n";
    }
  }
  os << "\n# Named pipelines\n\n| name | what it does | expands to |\n|---|---|---|\n";
  for (const PipelineInfo &p : registry.pipelines)
    os << "| `" << p.name << "` | " << p.summary << " | `" << p.expansion << "` |\n";
}

void dpuopt::printPassList(const PassRegistry &registry, llvm::raw_ostream &os) {
  os << "Passes:\n";
  for (const PassInfo *p : registry.passes)
    os << llvm::format("  %-26s %s\n", p->name, p->summary);
  os << "Pipelines:\n";
  for (const PipelineInfo &p : registry.pipelines)
    os << llvm::format("  %-26s %s\n", p.name, p.summary);
}
