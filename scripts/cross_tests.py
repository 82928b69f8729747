#!/usr/bin/python3
"""Runs the tests of a build for boards on this PC, in qemu-user.

Makes BUILD/qemu, which looks like a build directory: its programs are scripts that
start those of BUILD in qemu-aarch64. run_tests.py runs it as any other. Left out are
tests in which a program starts itself, which qemu-user cannot. Before that, what the
programs want of a board's libraries is compared with the oldest image they are for.
"""
import argparse
import os
import re
import shlex
import subprocess
import sys

# A board's processor, which has nothing beyond ARMv8.0.
EMULATOR = "qemu-aarch64 -cpu cortex-a53"
# lit tests of what is not built for boards, or of programs that start themselves. Death tests do that too; other unit
# tests left out expect that oneDNN is there, or take an hour (Models).
NOT_HERE = [r"dpuc/.*batch", r"structure/", r"docs/"]
LEFT_OUT = "*DeathTest*:Conv.*:Float*:Models.*"
LEAVE_OUT = f"""for a do
  shift
  case "$a" in --gtest_filter=*) a="$a:-{LEFT_OUT}" ;; esac
  set -- "$@" "$a"
done
"""
# PetaLinux 2022.1, of Vitis AI 2.5: glibc 2.34, g++ 11.
NEWEST = {"GLIBC": (2, 34), "GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13), "GCC": (11,)}


def read_elf(flag, path):
    command = ["aarch64-linux-gnu-readelf", "-W", flag, path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def programs(folder):
    """Executables in `folder`."""
    paths = [os.path.join(folder, n) for n in sorted(os.listdir(folder))] if os.path.isdir(folder) else []
    return [p for p in paths if os.path.isfile(p) and os.access(p, os.X_OK)]


def check_needs(build):
    """What is wrong with what the programs need, a line each."""
    for path in programs(f"{build}/bin"):
        if "(NEEDED)" in read_elf("-d", path) or "INTERP" in read_elf("-l", path):
            yield f"{path}: needs shared libraries"
    for path in programs(f"{build}/libexec/dpuopt"):
        needed = set(re.findall(r"Name: (\w+?)_([\d.]+)\b", read_elf("-V", path)))
        for name, version in sorted(needed):
            number = tuple(map(int, version.split(".")))
            if number > NEWEST.get(name, number):
                yield f"{path}: needs {name}_{version}, which an image of Vitis AI 2.5 does not have"
        print(f"{os.path.basename(path)}: " + ", ".join(re.findall(r"\(NEEDED\).*\[(.*)\]", read_elf("-d", path))))


def write_script(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)


def make_emulated(build, helpers):
    """BUILD/qemu; helper programs that are not built for boards are those of the PC, in `helpers`."""
    root = f"{build}/qemu"
    sysroot = os.path.join(os.path.dirname(build), "build-sysroot-aarch64")
    libexec = shlex.quote(f"{root}/libexec/dpuopt")
    for folder in ("bin", "libexec/dpuopt", "test/unit"):
        for path in programs(f"{build}/{folder}"):
            start = f"DPUOPT_LIBEXEC={libexec} exec {EMULATOR} -L {shlex.quote(sysroot)} {shlex.quote(path)} \"$@\"\n"
            before = LEAVE_OUT if folder == "test/unit" else ""
            write_script(f"{root}/{folder}/{os.path.basename(path)}", before + start)
    for path in programs(helpers):
        here = f"{root}/libexec/dpuopt/{os.path.basename(path)}"
        if not os.path.exists(here) and not path.endswith(".so"):
            write_script(here, f"exec {shlex.quote(path)} \"$@\"\n")
    os.makedirs(f"{root}/test/lit", exist_ok=True)
    with open(f"{build}/test/lit/lit.site.cfg.py", encoding="utf-8") as f:
        config = f.read().replace(f'dpuopt_build = "{build}"', f'dpuopt_build = "{root}"')
    with open(f"{root}/test/lit/lit.site.cfg.py", "w", encoding="utf-8") as f:
        f.write(config)
    return root


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="build directory")
    parser.add_argument("--filter", default="", help="only tests whose name contains this text")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    scripts = os.path.dirname(os.path.abspath(__file__))
    problems = list(check_needs(build))
    print("\n".join(problems), end="\n" if problems else "", flush=True)
    root = make_emulated(build, os.path.join(os.path.dirname(scripts), "build", "libexec", "dpuopt"))
    environment = dict(os.environ, LIT_FILTER_OUT="|".join(NOT_HERE))
    command = [sys.executable, os.path.join(scripts, "run_tests.py"), root]
    if options.filter:
        command += ["--filter", options.filter]
    status = subprocess.run(command, env=environment, check=False).returncode
    return 1 if problems else status


if __name__ == "__main__":
    sys.exit(main())
