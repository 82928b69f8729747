//===- QuantInfoWriter.cpp - quant_info.json as 2.5, 3.0 and 3.5 write it -----------------===//
//
// Not a JSON library's output: the vendor's files have one entry per line, and so
// have ours, so that they can be compared with diff.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/QuantInfo.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Version.h"
#include <nlohmann/json.hpp>

namespace dpuopt {
namespace {

std::string quoted(const std::string &text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void printSlot(const QuantSlot &slot, llvm::raw_ostream &os) {
  if (slot)
    os << '[' << slot->bits << ',' << slot->fixPoint << ']';
  else if (slot.bitsOfNull())
    os << '[' << slot.bitsOfNull() << ",null]";
  else
    os << "null";
}

void printEntry(const QuantEntry &entry, QuantInfoForm form, llvm::raw_ostream &os) {
  if (form == QuantInfoForm::V2_5)
    return printSlot(entry.empty() ? QuantSlot() : entry.front(), os);
  os << '[';
  for (size_t i = 0; i < entry.size(); ++i) {
    os << (i ? "," : "");
    printSlot(entry[i], os);
  }
  os << ']';
}

void printSection(const char *name, const QuantTable &table, QuantInfoForm form, llvm::raw_ostream &os) {
  os << "  \"" << name << "\":\n  {\n";
  size_t left = table.size();
  for (const auto &[key, entry] : table) {
    os << "    " << quoted(key) << ':';
    printEntry(entry, form, os);
    os << (--left ? ",\n" : "");
  }
  os << "\n  },\n"; // an empty section has an empty line
}

} // namespace

void printQuantInfo(const QuantInfo &info, llvm::raw_ostream &os, QuantInfoForm form) {
  os << "{\n";
  printSection("param", info.params, form, os);
  printSection("output", info.outputs, form, os);
  printSection("input", info.inputs, form, os);
  os << "  \"fast_finetuned\":" << (info.fastFinetuned ? "true" : "false") << ",\n";
  os << "  \"bias_corrected\":" << (info.biasCorrected ? "true" : "false");
  if (form != QuantInfoForm::V2_5)
    os << ",\n  \"version\":" << quoted(info.version.empty() ? productVersion() : info.version);
  if (form == QuantInfoForm::V3_5 && !info.graphMd5.empty())
    os << ",\n  \"graph_md5\":" << quoted(info.graphMd5);
  os << "\n}";
}

Status writeQuantInfo(const QuantInfo &info, llvm::StringRef path, DiagEngine &diags, QuantInfoForm form) {
  for (const QuantTable *table : {&info.params, &info.outputs, &info.inputs})
    for (const auto &[key, entry] : *table)
      if (form == QuantInfoForm::V2_5 && entry.size() > 1)
        return diags.error("'" + key + "' has several positions, and the 2.5 form has room for one")
            .file(path.str())
            .rule("quant-info.form");
  return writeFileAtomically(path, diags, [&](llvm::raw_pwrite_stream &os) {
    printQuantInfo(info, os, form);
    return success();
  });
}

} // namespace dpuopt
