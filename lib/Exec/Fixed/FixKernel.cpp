//===- FixKernel.cpp - finding the kernel of an op ---------------------------------------===//
#include "FixKernel.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

DiagBuilder FixRequest::error(const std::string &message) const {
  return diags.error(op.loc(),
                     fmt::format("cannot execute {} '{}': {}", op.name().str(), op.result()->name(), message));
}

llvm::StringRef exec::fixKind(const Op &op) {
  llvm::StringRef kind = op.name();
  kind.consume_front("xir.");
  kind.consume_back("-fix");
  return kind;
}

static const FixEntry *find(llvm::StringRef kind) {
  static const llvm::StringMap<const FixEntry *> table = [] {
    llvm::StringMap<const FixEntry *> t;
#define DPUOPT_FIX_ADD(family)                                                                                         \
  for (const FixEntry &e : family##FixEntries())                                                                       \
    t[e.kind] = &e;
    DPUOPT_FIX_FAMILIES(DPUOPT_FIX_ADD)
#undef DPUOPT_FIX_ADD
    return t;
  }();
  return table.lookup(kind);
}

bool exec::hasFixEntry(llvm::StringRef kind, bool compiled) {
  const FixEntry *entry = find(kind);
  return entry && (compiled || !entry->compiledOnly);
}

FixResult exec::makeFixKernel(const FixRequest &request) {
  const FixEntry *entry = find(request.kind);
  if (!entry)
    return request.error("the executor does not know this operator");
  for (unsigned i = 0; i < entry->required; ++i)
    if (!request.has(i))
      return request.error(fmt::format("operand {} is missing or has no fix point", i));
  return entry->make(request);
}
