#!/usr/bin/python3
"""Follows a recipe of CONTRIBUTING.md: follow.py SOURCE BUILD SCRATCH SECTION PROGRAM...

Copies the source tree to SCRATCH, does what the section says ("Write `FILE`", "Add to
`FILE`, after the line with `TEXT`", each with the code block that follows), compiles the files
that are concerned with the flags of BUILD, links PROGRAMs (bin/dpuopt, ...) into
SCRATCH/build, and checks the tree's structure. What the recipe's tests say is up to the
caller. Exits with 1 and says why if a step cannot be followed.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

COPIED = ["include", "lib", "passes", "targets", "tools", "test", "cmake", "docs"]
STEP = re.compile(r"(Write|Add to) `([^`]+)`(?:, after the line with `([^`]+)`)?.*?```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def fail(why):
    print("follow.py: " + why)
    sys.exit(1)


def section_of(text, title):
    match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    if not match:
        fail(f"no section '{title}'")
    return match.group(1)


def apply(scratch, verb, path, after, block):
    """One step of the recipe."""
    full = os.path.join(scratch, path)
    if verb == "Write":
        if os.path.exists(full):
            fail(f"{path} exists already")
        os.makedirs(os.path.dirname(full), exist_ok=True)
        text = block
    else:
        with open(full, encoding="utf-8") as f:
            lines = f.read().splitlines(True)
        at = [i for i, line in enumerate(lines) if after and after in line]
        if len(at) != 1:
            fail(f"{path} has {len(at)} lines with '{after}', not one")
        text = "".join(lines[: at[0] + 1]) + block + "".join(lines[at[0] + 1 :])
    with open(full, "w", encoding="utf-8") as f:
        f.write(text)


def concerned(commands, scratch, source, changed):
    """(source file, command) of what has to be compiled again."""
    for path in changed:
        folder, name = os.path.split(path)
        beside = {p: c for p, c in commands.items() if os.path.dirname(p) == folder}
        if path.endswith(".cpp"):
            if not beside:
                fail(f"nothing is compiled in {folder}")
            like, command = (path, beside[path]) if path in beside else next(iter(beside.items()))
            yield path, command.replace(os.path.join(source, like), os.path.join(source, path))
        elif path.endswith((".def", ".h")):
            for other, command in beside.items():
                with open(os.path.join(scratch, other), encoding="utf-8") as f:
                    if f'"{name}"' in f.read():
                        yield other, command


def compile_all(source, build, scratch, changed):
    """Object files of everything that is concerned."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        commands = {os.path.relpath(e["file"], source): e["command"] for e in json.load(f)}
    objects = []
    for path, command in dict(concerned(commands, scratch, source, changed)).items():
        words = shlex.split(command)
        out = os.path.join(scratch, "build", path.replace("/", "_") + ".o")
        cut = words.index("-o")
        words = words[:cut] + words[cut + 2 :]
        words = [w.replace(source + "/", scratch + "/") if not w.startswith(build) else w for w in words]
        cache = [c for c in [shutil.which("ccache")] if c]
        run(cache + words + ["-o", out], build)
        objects.append(out)
    return objects


def link(build, scratch, program, objects):
    """Links `program` as the build does, our objects first: they hide those in the archives."""
    if not program.startswith("test/"):
        objects = [o for o in objects if not os.path.basename(o).startswith("test_")]
    commands = subprocess.run(["ninja", "-t", "commands", program], cwd=build, stdout=subprocess.PIPE, text=True, check=True)
    command = commands.stdout.strip().splitlines()[-1]
    out = os.path.join(scratch, "build", program)
    os.makedirs(os.path.dirname(out), exist_ok=True)
    names = {os.path.basename(o) for o in objects}
    words = []
    for word in shlex.split(command):
        if word in (":", "&&"):
            continue
        # An object of the program itself that was compiled again (a unit test).
        if word.endswith(".cpp.o") and any(n.endswith("_" + os.path.basename(word)) for n in names):
            continue
        words.append(out if word == program else word)
    words[words.index(out) + 1 : words.index(out) + 1] = objects
    run(words, build)


def findings(source, check, tree):
    checker = os.path.join(source, "test", "lit", "structure", "Inputs", "structure.py")
    done = subprocess.run([sys.executable, checker, check, tree], stdout=subprocess.PIPE, text=True, check=False)
    # Without line numbers: the recipe moves lines.
    return {re.sub(r":\d+:", ":", line) for line in done.stdout.splitlines()} if done.returncode else set()


def run(words, folder):
    done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        fail(f"{' '.join(words)}\n" + "\n".join(done.stdout.splitlines()[:30]))


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    source, build, scratch = (os.path.abspath(p) for p in sys.argv[1:4])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(os.path.join(scratch, "build"))
    for folder in COPIED:
        shutil.copytree(os.path.join(source, folder), os.path.join(scratch, folder))
    with open(os.path.join(source, "CONTRIBUTING.md"), encoding="utf-8") as f:
        steps = STEP.findall(section_of(f.read(), sys.argv[4]))
    if len(steps) < 3:
        fail(f"section '{sys.argv[4]}' has {len(steps)} steps that can be followed")
    for step in steps:
        apply(scratch, *step)
    objects = compile_all(source, build, scratch, [path for _, path, _, _ in steps])
    for program in sys.argv[5:]:
        link(build, scratch, program, objects)
    os.symlink(os.path.join(build, "libexec"), os.path.join(scratch, "build", "libexec"))
    for check in ("includes", "passes", "run_lines", "length"):
        new = findings(source, check, scratch) - findings(source, check, source)
        if new:
            fail("\n".join(["the recipe breaks the structure:"] + sorted(new)))
    print(f"followed {len(steps)} steps of '{sys.argv[4]}'")


if __name__ == "__main__":
    main()
