//===- PrintableTest.cpp - names of others, on a terminal -------------------------===//
#include "dpuopt/Support/Printable.h"
#include "dpuopt/Support/Diagnostic.h"
#include <gtest/gtest.h>

using namespace dpuopt;

TEST(Printable, TextStays) {
  for (const char *text : {"", "/features/0/Conv", "a b~", "\xc3\xbc\xe4\xb8\xad\xf0\x9d\x84\x9e", "\\n"})
    EXPECT_EQ(printable(text), text);
}
TEST(Printable, WhatATerminalObeysIsSpelledOut) {
  EXPECT_EQ(printable("\x1b[31mred\x7f"), "\\x1b[31mred\\x7f");
  EXPECT_EQ(printable("a\nb\tc\r"), "a\\nb\\tc\\r");
  EXPECT_EQ(printable(llvm::StringRef("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\xc2\x9b"), "\\u009b");
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\u202eb");
}
TEST(Printable, WhatIsNoUtf8IsSpelledOut) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("a\xc3"), "a\\xc3");
  EXPECT_EQ(printable("\xed\xa0\x80x"), "\\xed\\xa0\\x80x");
}
TEST(Printable, DiagnosticsAreLines) {
  std::string text;
  llvm::raw_string_ostream os(text);
  DiagEngine diags(&os);
  diags.error({"a\nb\x1b", 0}, std::string(100000, 'x')).file("f\n").note("\x1b");
  EXPECT_EQ(llvm::StringRef(os.str()).count('\n'), 2u);
  EXPECT_FALSE(llvm::StringRef(os.str()).contains('\x1b'));
  EXPECT_LT(os.str().size(), 10000u);
  EXPECT_EQ(diags.all()[0].loc.node, "a\nb\x1b"); // as it is, for reports
}
