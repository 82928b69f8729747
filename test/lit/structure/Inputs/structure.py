#!/usr/bin/python3
"""Checks of the source tree that no compiler makes: structure.py CHECK ROOT.

Prints one line per finding (file:line: what is wrong) and exits with 1 if there
are any. Each check is a function below; docs/architecture.md explains the rules.
"""
import os
import re
import sys

# Who may include whom, by folder of include/dpuopt. Everybody may include itself.
BASE = {"IR", "Support"}
LIBRARIES = {
    "Support": set(),
    "Kernels": {"Support"},
    "Deploy": {"Support"},
    "IR": {"Support"},
    "Pass": BASE,
    "Target": BASE,
    "Quant": BASE,
    "Onnx": BASE,
    "Xir": BASE,
    "Exec": BASE | {"Kernels"},
    "Data": BASE,
    "Compare": BASE,
    "Calibrate": BASE | {"Quant", "Exec", "Data", "Compare"},
    "Reduce": BASE,
    "Report": BASE | {"Target"},
    "Passes": {"Pass"},
    "Driver": BASE | {"Pass", "Passes", "Onnx", "Xir", "Exec", "Target"},
}
PASSES = BASE | {"Pass", "Passes", "Onnx", "Quant", "Exec", "Data", "Calibrate", "Target"}
TARGETS = BASE | {"Target"}

# Foreign headers, and the only folders that may see them.
FOREIGN = [
    (re.compile(r"onnx/"), ("lib/Onnx/helper/",)),
    (re.compile(r"xir/"), ("lib/Xir/judge/", "tools/vart/", "test/vart/", "bench/")),
    (re.compile(r"vart/"), ("tools/vart/", "test/vart/")),
    (re.compile(r"(UniLog|glog)/"), ("lib/Xir/judge/", "bench/")),
    (re.compile(r"vitis/ai/target_factory\.hpp"), ("targets/dpuczdx8g/helper/",)),
    (re.compile(r"google/protobuf/"), ("lib/Onnx/helper/", "targets/dpuczdx8g/helper/")),
    (re.compile(r"(dnnl|oneapi/dnnl/)"), ("lib/Exec/", "bench/")),
    (re.compile(r"toml\+\+/"), ("tools/dpuc/compile/BatchPlan.cpp",)),
    (re.compile(r"mpi\.h$"), ("tools/mpi/",)),
    (re.compile(r"nlohmann/"), ("lib/Quant/", "lib/Calibrate/", "lib/Report/", "lib/Xir/", "lib/Deploy/", "passes/HeadJson.cpp", "targets/", "tools/dpuc/", "tools/vart/", "test/unit/", "bench/")),
]

SOURCE = (".cpp", ".h", ".def", ".inc")
LIT = (".dpuir", ".test", ".onnxtxt")
TEXT = SOURCE + LIT + (".py", ".sh", ".md", ".txt", ".cmake", ".json", ".in", ".yml")
MAX_LINES = 400


def files(root, folders, suffixes):
    """Paths relative to root, sorted; folders that are not there are empty."""
    found = []
    for folder in folders:
        for where, _, names in os.walk(os.path.join(root, folder)):
            found += [os.path.relpath(os.path.join(where, n), root) for n in names if n.endswith(suffixes)]
    return sorted(found)


def lines(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        return f.read().splitlines()


def may_include(path):
    """Areas of include/dpuopt that `path` may include; None: all of them."""
    parts = path.split("/")
    if path.startswith(("lib/", "include/dpuopt/")):
        area = parts[1] if parts[0] == "lib" else parts[2]
        if area not in LIBRARIES:
            return set()
        return LIBRARIES[area] | {area}
    if parts[0] == "passes":
        return PASSES
    if parts[0] == "targets":
        return TARGETS
    return None


def check_includes(root):
    """Nothing includes a header of a layer it must not know."""
    for path in files(root, ["include", "lib", "passes", "targets", "tools", "test/unit", "bench"], SOURCE):
        allowed = may_include(path)
        for number, line in enumerate(lines(root, path), 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if not match:
                continue
            header = match.group(1)
            own = re.match(r"dpuopt/(\w+)/", header)
            if own and allowed is not None and own.group(1) not in allowed:
                yield f"{path}:{number}: includes {header}; allowed here: {', '.join(sorted(allowed)) or 'nothing'}"
            for pattern, places in FOREIGN:
                if pattern.match(header) and not path.startswith(places):
                    yield f"{path}:{number}: includes {header}, which is for {' and '.join(places)} only"


def check_paths(root):
    """No path of somebody's machine."""
    machine = re.compile(r"(?<![\w.*])/(work|home|root|Users)(?=/|\s|$|[\"'`)])")
    for path in all_text(root):
        for number, line in enumerate(lines(root, path), 1):
            match = machine.search(line)
            if match:
                yield f"{path}:{number}: names a path of one machine: {match.group(0)}"


def check_stubs(root):
    """Nothing is left for later in the source."""
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bnot (yet )?implemented\b", re.IGNORECASE)
    for path in all_text(root):
        for number, line in enumerate(lines(root, path), 1):
            match = words.search(line)
            if match:
                yield f"{path}:{number}: says {match.group(0)}"


def all_text(root):
    """Every text file of the project, this folder (which spells the words) aside."""
    here = [p for p in os.listdir(root) if p.endswith((".md", ".txt", ".json"))]
    folders = ["cmake", "include", "lib", "passes", "targets", "tools", "test", "scripts", "docs", "bench", "examples"]
    return [p for p in sorted(here) + files(root, folders, TEXT) if not p.startswith("test/lit/structure/")]


def check_length(root):
    """A source file is at most 400 lines (tables, .def, may be longer)."""
    folders = ["include", "lib", "passes", "targets", "tools", "test", "scripts", "bench"]
    for path in files(root, folders, (".cpp", ".h", ".py", ".sh")):
        count = len(lines(root, path))
        if count > MAX_LINES:
            yield f"{path}: {count} lines, at most {MAX_LINES}"


def kebab(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def check_passes(root):
    """Each pass of Passes.def bears the name of its file, and a lit test that runs it is named after it."""
    tests = files(root, ["test/lit"], LIT)
    for number, line in enumerate(lines(root, "passes/Passes.def"), 1):
        match = re.match(r"PASS\((\w+)\)", line)
        if not match:
            continue
        name, source = kebab(match.group(1)), f"passes/{match.group(1)}.cpp"
        where = f"passes/Passes.def:{number}"
        if not os.path.exists(os.path.join(root, source)):
            yield f"{where}: no {source}"
            continue
        if not any(f'"{name}"' in text for text in lines(root, source)):
            yield f"{source}: does not define a pass named {name}"
        named = [t for t in tests if re.match(re.escape(name) + r"([.-]|$)", os.path.basename(t))]
        if not any(name in text for t in named for text in lines(root, t) if "RUN:" in text):
            yield f"{where}: no lit test named {name} runs this pass"


def check_run_lines(root):
    """Every file lit takes for a test says what to run."""
    for path in files(root, ["test/lit"], LIT):
        if "/Inputs/" not in path and not any("RUN:" in line for line in lines(root, path)):
            yield f"{path}: no RUN line"


def main():
    checks = {name[6:]: f for name, f in globals().items() if name.startswith("check_")}
    if len(sys.argv) != 3 or sys.argv[1] not in checks:
        sys.exit(f"usage: structure.py {'|'.join(checks)} ROOT")
    findings = list(checks[sys.argv[1]](sys.argv[2]))
    print("\n".join(findings) if findings else f"{sys.argv[1]}: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
