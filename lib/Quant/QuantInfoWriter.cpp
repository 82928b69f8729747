//===- QuantInfoWriter.cpp - quant_info.json in the 3.0 layout -----------------===//
//
// Not a JSON library's output: the vendor's files have one entry per line, and so
// have ours, so that they can be compared with diff.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/QuantInfo.h"
#include "dpuopt/Support/File.h"
#include <nlohmann/json.hpp>

namespace dpuopt {
namespace {

std::string quoted(const std::string &text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void printEntry(const QuantEntry &entry, llvm::raw_ostream &os) {
  os << '[';
  for (size_t i = 0; i < entry.size(); ++i) {
    os << (i ? "," : "");
    if (entry[i])
      os << '[' << entry[i]->bits << ',' << entry[i]->fixPoint << ']';
    else
      os << "null";
  }
  os << ']';
}

void printSection(const char *name, const QuantTable &table, llvm::raw_ostream &os) {
  os << "  \"" << name << "\":\n  {\n";
  size_t left = table.size();
  for (const auto &[key, entry] : table) {
    os << "    " << quoted(key) << ':';
    printEntry(entry, os);
    os << (--left ? ",\n" : "\n");
  }
  os << "  },\n";
}

} // namespace

std::string quantInfoVersion() { return "dpuopt-" DPUOPT_VERSION; }

void printQuantInfo(const QuantInfo &info, llvm::raw_ostream &os) {
  os << "{\n";
  printSection("param", info.params, os);
  printSection("output", info.outputs, os);
  printSection("input", info.inputs, os);
  os << "  \"fast_finetuned\":" << (info.fastFinetuned ? "true" : "false") << ",\n";
  os << "  \"bias_corrected\":" << (info.biasCorrected ? "true" : "false") << ",\n";
  os << "  \"version\":" << quoted(info.version.empty() ? quantInfoVersion() : info.version);
  if (!info.graphMd5.empty())
    os << ",\n  \"graph_md5\":" << quoted(info.graphMd5);
  os << "\n}\n";
}

Status writeQuantInfo(const QuantInfo &info, llvm::StringRef path, DiagEngine &diags) {
  return writeFileAtomically(path, diags, [&](llvm::raw_pwrite_stream &os) {
    printQuantInfo(info, os);
    return success();
  });
}

} // namespace dpuopt
