//===- Order.cpp - an order in which every producer comes first --------------------===//
#include "Order.h"
#include "llvm/ADT/STLExtras.h"
#include <fmt/format.h>
#include <queue>

using namespace dpuopt;
using namespace dpuopt::xmodel;

namespace {
struct Sorter {
  const std::vector<RawOp> &ops;
  OpOrder out;
  std::vector<std::vector<unsigned>> users;
  std::vector<unsigned> waiting; ///< producers that have not come yet

  bool fail(std::string why, unsigned op) {
    out.bad = std::move(why);
    out.culprit = ops[op].name;
    return false;
  }

  bool nameOps() {
    for (unsigned i = 0; i < ops.size(); ++i)
      if (!out.byName.try_emplace(ops[i].name, i).second)
        return fail(fmt::format("two ops are named '{}'", ops[i].name.str()), i);
    return true;
  }

  bool resolveArguments() {
    users.resize(ops.size());
    waiting.resize(ops.size());
    for (unsigned i = 0; i < ops.size(); ++i)
      for (const RawArg &arg : ops[i].args)
        for (llvm::StringRef name : arg.producers) {
          auto it = out.byName.find(name);
          if (it == out.byName.end())
            return fail(fmt::format("argument '{}' names an op that does not exist: '{}'", arg.name.str(), name.str()),
                        i);
          users[it->second].push_back(i);
          ++waiting[i];
        }
    return true;
  }

  bool sort() {
    std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> ready;
    for (unsigned i = 0; i < ops.size(); ++i)
      if (!waiting[i])
        ready.push(i);
    while (!ready.empty()) {
      unsigned i = ready.top();
      ready.pop();
      out.sequence.push_back(i);
      for (unsigned user : users[i])
        if (--waiting[user] == 0)
          ready.push(user);
    }
    if (out.sequence.size() == ops.size())
      return true;
    auto stuck = llvm::find_if(waiting, [](unsigned n) { return n != 0; });
    return fail("the ops of the xmodel form a cycle", static_cast<unsigned>(stuck - waiting.begin()));
  }
};
} // namespace

OpOrder xmodel::orderOps(const std::vector<RawOp> &ops) {
  Sorter sorter{ops, {}, {}, {}};
  sorter.nameOps() && sorter.resolveArguments() && sorter.sort();
  return std::move(sorter.out);
}
