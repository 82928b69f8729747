#!/usr/bin/python3
"""Brings docs/gallery.md up to date: update_gallery.py [--data DIR] [--build DIR] [--check].

The code block after a line `<!-- run: COMMAND -->` is `$ COMMAND` and what it prints. All commands of
the page run in one empty folder, in order, with the models of MODELS under short names and the build's
programs on the PATH; `<!-- run: COMMAND | sed ... -->` shows the command without what picks its lines.
`<!-- picture: FILE -->` before an image takes the file of that name that a command wrote to docs/gallery/.
--check writes nothing, prints the differences and exits with 1 if there are any; times and rounding errors,
which depend on the machine, may differ.
"""
import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile

MODELS = {
    "yolov5n_silu.onnx": "detector/v5n_silu_80c_640.onnx",
    "yolov5n_relu.onnx": "detector/v5n_relu_7c_960.onnx",
    "yolov8n.onnx": "detector/v8n_silu_80c_640.onnx",
    "decoupled.onnx": "detector/v5n_xhead_relu_80c_640.onnx",
    "efficientnet_b0.onnx": "torchvision_light/efficientnet_b0.light.onnx",
}
PAGE = "docs/gallery.md"
PICTURES = "docs/gallery"
BLOCK = re.compile(r"(<!-- run: (.+?) -->\n```\n)(.*?)(^```$)", re.DOTALL | re.MULTILINE)
PICTURE = re.compile(r"<!-- picture: (\S+) -->")
# What another machine may compute or take otherwise.
VARIES = [
    (re.compile(r"(max\|d\| |largest difference |output SNR )[-+.0-9e]+"), r"\1*"),
    (re.compile(r"[0-9.]+ s:"), "* s:"),
]


class Failed(Exception):
    pass


def printed(command, folder, build):
    """What a command prints in that folder; 0 and 1 (findings) are fine."""
    path = os.path.join(build, "bin") + os.pathsep + os.environ["PATH"]
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, env={**os.environ, "PATH": path},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode not in (0, 1):
        raise Failed(f"{command}: exit status {done.returncode}\n{done.stderr}")
    return re.sub(r"[ \t]+$", "", done.stdout, flags=re.MULTILINE).strip("\n") + "\n"


def regenerated(text, folder, build):
    def block(match):
        command = match.group(2)
        return match.group(1) + "$ " + command.split(" | ")[0] + "\n" + printed(command, folder, build) + match.group(4)

    return BLOCK.sub(block, text)


def stable(text):
    for pattern, instead in VARIES:
        text = pattern.sub(instead, text)
    return text.splitlines(True)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def update(options, folder):
    """True if something differs; writes it unless --check."""
    for name, model in MODELS.items():
        path = os.path.join(options.data, "models", model)
        if not os.path.exists(path):
            raise Failed(f"no {path}: give --data")
        os.symlink(os.path.abspath(path), os.path.join(folder, name))
    page = os.path.join(options.source, PAGE)
    old = read(page)
    new = regenerated(old, folder, os.path.abspath(options.build))
    pairs = [(page, old, new)]
    for name in PICTURE.findall(new):
        file = os.path.join(options.source, PICTURES, name)
        pairs.append((file, read(file) if os.path.exists(file) else "", read(os.path.join(folder, name))))
    differs = False
    for file, before, after in pairs:
        if stable(before) == stable(after):
            continue
        differs = True
        if options.check:
            sys.stdout.writelines(difflib.unified_diff(stable(before), stable(after), file, "wanted"))
        else:
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "w", encoding="utf-8") as f:
                f.write(after)
            print("updated " + os.path.relpath(file, options.source))
    return differs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--source", default=source, help="source tree (default: that of this script)")
    parser.add_argument("--data", help="folder with models/ (default: ../shared/data beside the source tree)")
    parser.add_argument("--build", help="build directory (default: build in the source tree)")
    parser.add_argument("--check", action="store_true", help="compare only")
    options = parser.parse_args()
    options.build = options.build or os.path.join(options.source, "build")
    options.data = options.data or os.path.join(options.source, "..", "shared", "data")
    folder = tempfile.mkdtemp(prefix="gallery")
    try:
        differs = update(options, folder)
    except Failed as problem:
        print(problem, file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(folder)
    if options.check and differs:
        print("the gallery is stale; run scripts/update_gallery.py")
    return 1 if options.check and differs else 0


if __name__ == "__main__":
    sys.exit(main())
