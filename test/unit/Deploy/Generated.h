//===- Generated.h - runs the code that a contract becomes -----------------------===//
#ifndef DPUOPT_TEST_DEPLOY_GENERATED_H
#define DPUOPT_TEST_DEPLOY_GENERATED_H

#include "dpuopt/Deploy/Package.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Process.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include <cstring>
#include <gtest/gtest.h>

namespace dpuopt::test {

/// A folder that goes away, with a contract's code and a program that uses it.
class Generated {
public:
  explicit Generated(const Contract &contract) : name(codeName(contract.name)) {
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("dpuopt-deploy", folder));
    EXPECT_EQ(whyNoCode(contract), "");
    write(name + ".h", cppHeader(contract));
    write(name + ".py", pythonModule(contract));
  }
  ~Generated() { llvm::sys::fs::remove_directories(folder); }

  std::string file(llvm::StringRef leaf) const {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, leaf);
    return path.str().str();
  }
  void write(llvm::StringRef leaf, llvm::StringRef text) const {
    DiagEngine diags(&llvm::errs());
    EXPECT_TRUE(succeeded(
        writeFileAtomically(file(leaf), diags, [&](llvm::raw_pwrite_stream &os) { return os << text, success(); })));
  }
  template <class T> std::vector<T> read(llvm::StringRef leaf) const {
    DiagEngine diags(&llvm::errs());
    auto text = readFile(file(leaf), diags);
    std::vector<T> values(text ? text->size() / sizeof(T) : 0);
    if (!values.empty())
      std::memcpy(values.data(), text->data(), values.size() * sizeof(T));
    return values;
  }

  /// Compiles `body`, the statements of main, after the header, and runs it in the folder. False: no compiler.
  bool runCpp(const std::string &body) const {
    auto compiler = llvm::sys::findProgramByName("c++");
    if (!compiler)
      return false;
    write("main.cpp", "#include \"" + name + ".h\"\n#include <cstdio>\n#include <cstdlib>\nnamespace m = " + name +
                          ";\n" + helpers + "int main() {\n" + body + "}\n");
    std::vector<std::string> flags = {"-std=c++17",     "-Wall", "-Wextra",      "-Werror",
                                      file("main.cpp"), "-o",    file("program")};
    check(runProcess(*compiler, flags, {.timeoutSeconds = 120}));
    check(runProcess(file("program"), {}, here()));
    return true;
  }
  /// Compiles the header, twice in one file, with every warning that projects turn on, where char is unsigned as on the
  /// boards too; with each compiler there is.
  void expectNoWarnings() const {
    write("strict.cpp", "#include \"" + name + ".h\"\n#include \"" + name + ".h\"\n");
    for (const char *known : {"g++", "clang++"})
      if (auto compiler = llvm::sys::findProgramByName(known))
        check(runProcess(*compiler,
                         {"-std=c++17", "-fsyntax-only", "-Werror", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
                          "-Wsign-conversion", "-Wshadow", "-Wdouble-promotion", "-Wold-style-cast", "-funsigned-char",
                          file("strict.cpp")},
                         {.timeoutSeconds = 120}));
  }
  /// Runs `body` with the module as m and NumPy as np. False: there is no Python with NumPy.
  bool runPython(const std::string &body) const {
    for (const char *python : {"/usr/bin/python3", "python3"}) {
      auto program = llvm::sys::findProgramByName(python);
      if (!program || runProcess(*program, {"-c", "import numpy"}, {.timeoutSeconds = 60}).exitCode != 0)
        continue;
      write("main.py", "import numpy as np\nimport " + name + " as m\n" + body);
      check(runProcess(*program, {"-W", "error", "main.py"}, here()));
      return true;
    }
    return false;
  }

private:
  ProcessOptions here() const { return {.timeoutSeconds = 120, .workingDir = folder.str().str()}; }
  static void check(const ProcessResult &r) { EXPECT_EQ(r.exitCode, 0) << r.out << r.err << r.failure; }

  static constexpr const char *helpers = R"(
inline std::vector<std::int8_t> bytes(const char *path) {
  std::vector<std::int8_t> all(1 << 24);
  std::FILE *in = std::fopen(path, "rb");
  all.resize(in ? std::fread(all.data(), 1, all.size(), in) : 0);
  return all;
}
template <class T> void save(const char *path, const std::vector<T> &v) {
  std::FILE *out = std::fopen(path, "wb");
  if (!out || std::fwrite(v.data(), sizeof(T), v.size(), out) != v.size() || std::fclose(out) != 0)
    std::abort();
}
)";

  llvm::SmallString<128> folder;
  std::string name;
};

} // namespace dpuopt::test
#endif
