#!/usr/bin/python3
"""Brings the generated parts of the documents up to date: update_docs.py [--build DIR] [--check].

Whole pages are printed by the program (PAGES). Inside hand-written pages, the code block
after a line `<!-- output of: COMMAND -->` is what COMMAND prints; COMMAND runs in the source
tree with the build's programs on the PATH. --check writes nothing, prints the differences
and exits with 1 if there are any.
"""
import argparse
import difflib
import glob
import os
import re
import subprocess
import sys

PAGES = {
    "docs/passes.md": "dpuopt --print-pass-docs",
    "docs/targets/dpuczdx8g.md": "dpuopt --print-target=kv260",
    "docs/errors.md": "dpuc explain --markdown",
}
BLOCK = re.compile(r"(<!-- output of: (.+?) -->\n```[a-z]*\n)(.*?)(^```$)", re.DOTALL | re.MULTILINE)


class Failed(Exception):
    pass


def output(command, source, build):
    """What a command prints."""
    path = os.path.join(build, "bin") + os.pathsep + os.environ["PATH"]
    done = subprocess.run(command, shell=True, cwd=source, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):  # 1: findings
        raise Failed(f"{command}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def block(command, source, build):
    """The same without trailing blanks, as editors save it."""
    return re.sub(r"[ \t]+$", "", output(command, source, build), flags=re.MULTILINE).strip("\n") + "\n"


def current(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def wanted_texts(source, build):
    """(path relative to source, text it should have)"""
    for path, command in PAGES.items():
        yield path, output(command, source, build)
    for path in ["README.md", "CONTRIBUTING.md"] + sorted(glob.glob("docs/**/*.md", root_dir=source, recursive=True)):
        if path in PAGES:
            continue
        text = current(os.path.join(source, path))
        if BLOCK.search(text):
            yield path, BLOCK.sub(lambda m: m.group(1) + block(m.group(2), source, build) + m.group(4), text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--source", default=source, help="source tree (default: that of this script)")
    parser.add_argument("--build", help="build directory (default: build in the source tree)")
    parser.add_argument("--check", action="store_true", help="compare only")
    options = parser.parse_args()
    build = os.path.abspath(options.build or os.path.join(options.source, "build"))
    stale = False
    try:
        for path, text in wanted_texts(options.source, build):
            full = os.path.join(options.source, path)
            old = current(full)
            if old == text:
                continue
            stale = True
            if options.check:
                sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), text.splitlines(True), path, "wanted"))
            else:
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as f:
                    f.write(text)
                print("updated " + path)
    except Failed as problem:
        print(problem, file=sys.stderr)
        return 2
    if options.check and stale:
        print("generated documents are stale; run scripts/update_docs.py")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
