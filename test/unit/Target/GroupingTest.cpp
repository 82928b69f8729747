// The grouping and ordering algorithms by themselves.
#include "dpuopt/Target/Partition.h"
#include <chrono>
#include <gtest/gtest.h>
#include <random>

using namespace dpuopt;

namespace {
using Edges = std::vector<std::pair<unsigned, unsigned>>;
using Groups = std::vector<unsigned>;

std::vector<Device> devices(llvm::StringRef text) {
  std::vector<Device> d;
  for (char c : text)
    d.push_back(c == 'd' ? Device::Dpu : c == 'c' ? Device::Cpu : Device::User);
  return d;
}

Groups group(llvm::StringRef text, const Edges &edges) { return groupByDevice(devices(text), edges); }

/// No group is left and entered again along a path.
bool convex(const Groups &g, const Edges &edges) {
  unsigned n = *std::max_element(g.begin(), g.end()) + 1;
  std::vector<std::vector<bool>> reach(n, std::vector<bool>(n));
  for (auto [u, v] : edges)
    if (g[u] != g[v])
      reach[g[u]][g[v]] = true;
  for (unsigned k = 0; k < n; ++k)
    for (unsigned i = 0; i < n; ++i)
      for (unsigned j = 0; j < n; ++j)
        if (reach[i][k] && reach[k][j])
          reach[i][j] = true;
  for (unsigned i = 0; i < n; ++i)
    if (reach[i][i])
      return false;
  return true;
}
} // namespace

TEST(Grouping, AChainIsOneGroup) { EXPECT_EQ(group("uddd", {{0, 1}, {1, 2}, {2, 3}}), (Groups{0, 1, 1, 1})); }

TEST(Grouping, UserOpsAreNeverMerged) { EXPECT_EQ(group("uu", {{0, 1}}), (Groups{0, 1})); }

TEST(Grouping, UnconnectedOpsAreNotMerged) { EXPECT_EQ(group("ucc", {{0, 1}, {0, 2}}), (Groups{0, 1, 2})); }

TEST(Grouping, AThirdGroupBetweenForbidsTheDirectMerge) {
  EXPECT_EQ(group("dcd", {{0, 1}, {1, 2}, {0, 2}}), (Groups{0, 1, 2}));
}

TEST(Grouping, ALongWayAroundForbidsItToo) {
  // 0 -> 5 directly, and 0 -> 1(d) -> 2(c) -> 3(d) -> 4(d) -> 5.
  EXPECT_EQ(group("ddcddd", {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {0, 5}}), (Groups{0, 0, 1, 2, 2, 2}));
}

TEST(Grouping, BranchesJoin) { EXPECT_EQ(group("dddd", {{0, 1}, {0, 2}, {1, 3}, {2, 3}}), (Groups{0, 0, 0, 0})); }

TEST(Grouping, AFreeOpIsPulledToItsConsumer) {
  // 0 -> 1(d) -> 4, where 4 is behind a CPU op of 0: 1 goes late, 0 stays early.
  EXPECT_EQ(group("ddcd", {{0, 1}, {0, 2}, {2, 3}, {1, 3}}), (Groups{0, 1, 2, 1}));
}

TEST(Grouping, RandomGraphsAreConvexAndStable) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    std::string text;
    Edges edges;
    for (unsigned v = 0; v < 40; ++v) {
      text += random() % 4 ? 'd' : 'c';
      for (unsigned k = 0; v && k < 1 + random() % 2; ++k)
        edges.push_back({static_cast<unsigned>(random() % v), v});
    }
    Groups g = group(text, edges);
    EXPECT_TRUE(convex(g, edges));
    for (unsigned i = 0; i < g.size(); ++i)
      for (unsigned j = 0; j < i; ++j)
        EXPECT_TRUE(g[i] != g[j] || text[i] == text[j]);
    std::shuffle(edges.begin(), edges.end(), random);
    EXPECT_EQ(group(text, edges), g) << "the order of edges matters";
  }
}

TEST(Grouping, ThousandsOfOpsAreFast) {
  std::string text;
  Edges edges;
  const unsigned n = 4000;
  for (unsigned v = 0; v < n; ++v) {
    text += v % 10 == 9 ? 'c' : 'd';
    if (v)
      edges.push_back({v - 1, v});
    if (v >= 7)
      edges.push_back({v - 7, v});
    if (v % 50 == 49)
      edges.push_back({v / 2, v});
  }
  auto start = std::chrono::steady_clock::now();
  Groups g = group(text, edges);
  double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  EXPECT_GT(*std::max_element(g.begin(), g.end()), 100u);
  RecordProperty("milliseconds", static_cast<int>(ms));
}

TEST(Order, ReversePostorderTiesDescend) {
  std::vector<std::string> names = {"in", "a", "b", "out"};
  EXPECT_EQ(orderByName(names, {{0, 1}, {0, 2}, {1, 3}, {2, 3}}), (Groups{0, 2, 1, 3}));
  EXPECT_EQ(orderByName({"input_0", "input_1", "net"}, {{0, 2}, {1, 2}}), (Groups{1, 0, 2}));
}

TEST(Order, BytesNotLocale) {
  // 'E' < '_' < 'a'
  EXPECT_EQ(orderByName({"a", "E", "_"}, {}), (Groups{0, 2, 1}));
}

TEST(Limits, TextOfLists) {
  Limits l;
  l.set("range", {1, 2, 3, 4});
  l.set("mixed", {1, 2, 4, 6, 7, 8});
  EXPECT_EQ(l.text("range"), "1-4");
  EXPECT_EQ(l.text("mixed"), "1, 2, 4, 6-8");
  EXPECT_EQ(l.text("none"), "");
  EXPECT_EQ(l.get("none", 5), 5);
  EXPECT_TRUE(l.contains("mixed", 4));
  EXPECT_FALSE(l.contains("mixed", 5));
}

TEST(Release, Parses) {
  EXPECT_EQ(parseVitisAi("2.5"), 25);
  EXPECT_EQ(parseVitisAi("3.5.0"), 35);
  for (const char *bad : {"", "3", "x.y", "10.1", "3.55", ".5", "0.9"})
    EXPECT_FALSE(parseVitisAi(bad).has_value()) << bad;
  EXPECT_EQ(vitisAiStr(14), "1.4");
}
