//===- IsaTest.cpp - which instructions are chosen ------------------------------------------===//
#include "dpuopt/Kernels/Isa.h"
#include "llvm/ADT/STLExtras.h"
#include <cstdlib>
#include <gtest/gtest.h>

using namespace dpuopt::kernels;

TEST(Isa, PortableIsAlwaysThereAndFirst) {
  EXPECT_EQ(supportedIsas().front(), Isa::Portable);
  EXPECT_TRUE(llvm::is_contained(supportedIsas(), defaultIsa()));
}

TEST(Isa, Names) {
  EXPECT_EQ(isaName(Isa::Portable), "portable");
  EXPECT_EQ(isaName(Isa::Avx2), "avx2");
  EXPECT_EQ(isaName(Isa::AvxVnni), "avx-vnni");
  EXPECT_EQ(isaName(Isa::Avx512Vnni), "avx512-vnni");
}

/// Chosen once per process, so each wish is asked of a new one.
static void expectChoice(const char *wish, Isa expected) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        setenv("DPUOPT_ISA", wish, 1);
        std::exit(int(defaultIsa()));
      },
      testing::ExitedWithCode(int(expected)), "");
}

TEST(IsaDeathTest, TheEnvironmentLowersTheChoice) {
  for (Isa isa : supportedIsas())
    expectChoice(isaName(isa).str().c_str(), isa);
}

TEST(IsaDeathTest, UnknownNamesAreIgnored) {
  expectChoice("sse9", supportedIsas().back());
  expectChoice("", supportedIsas().back());
}
