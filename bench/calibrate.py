#!/usr/bin/python3
"""What calibrating costs next to running the same images in float: calibrate.py [--build DIR] [MODEL.onnx].

The cost of one more image: the difference between child processes that do FEW and MANY of them, in CPU time (user and
system, least of several rounds, all programs in turns), so that a busy machine disturbs little. MODEL (default: a
generated ResNet-50) has one input of 3 x 224 x 224. The limit, 1.3 times float inference by our executor, makes the exit
status 1 where it is missed. With node and onnxruntime-node (NODE_PATH) its float inference is measured, too.
"""
import argparse
import array
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

from run import Failed, once

HERE = pathlib.Path(__file__).resolve().parent
FEW, MANY = 4, 24
LIMIT = 1.3
METHODS = ["diffs", "maxmin", "mse", "percentile", "entropy"]


class Program:
    """A command as a function of the number of images; CPU seconds per image and start-up after some rounds."""

    def __init__(self, name, command):
        self.name, self.command = name, command
        self.least = {FEW: float("inf"), MANY: float("inf")}

    def measure(self):
        for count in self.least:
            self.least[count] = min(self.least[count], once(self.command(count)).cpu)

    def per_image(self):
        return (self.least[MANY] - self.least[FEW]) / (MANY - FEW)


def samples(path):
    """Different images, so that no position is found by luck."""
    source = random.Random(1)
    with open(path, "wb") as f:
        for _ in range(MANY):
            array.array("f", [source.gauss(0, 1) for _ in range(3 * 224 * 224)]).tofile(f)


def with_input(command, count):
    return ["/bin/sh", "-c", 'n=$1; shift; echo "$n" | "$@"', "sh", str(count), *map(str, command)]


def programs(build, model, folder, methods):
    data = folder / "samples.bin"
    samples(data)
    found = [Program("float inference", lambda n: with_input([build / "bench" / "exec_time", model, 1], n))]
    node = shutil.which("node")
    if node and not subprocess.run([node, "-e", "require('onnxruntime-node')"], capture_output=True).returncode:
        found.append(Program("float inference, ONNX Runtime", lambda n: with_input([node, HERE / "ort_time.js", model, 1], n)))
    for method in methods:
        command = [build / "bin" / "dpuc", "calibrate", model, "--method", method, "--equalize=off", "--threads=1",
                   "-o", folder / "quant_info.json"]
        found.append(Program(f"calibrate --method {method}",
                             lambda n, command=command: [*map(str, command), "--calib", f"{data}:count={n}"]))
    return found


def report(measured):
    base = measured[0].per_image()
    missed = False
    print(f"{'what':36} {'CPU ms/image':>12} {'ratio':>6}  limit")
    for p in measured:
        ratio = p.per_image() / base
        limited = p.name.startswith("calibrate")
        missed |= limited and ratio > LIMIT
        verdict = f"<= {LIMIT} {'ok' if ratio <= LIMIT else 'MISSED'}" if limited else ""
        print(f"{p.name:36} {p.per_image() * 1e3:12.1f} {ratio:6.2f}  {verdict}".rstrip())
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("model", nargs="?", type=pathlib.Path)
    args = parser.parse_args()
    for program in ("bin/dpuc", "bench/exec_time"):
        if not (args.build / program).exists():
            sys.exit(f"calibrate.py: {args.build / program} is not there; build targets `programs` and `bench`")
    try:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            model = args.model or folder / "resnet50.onnx"
            if not args.model:
                once([sys.executable, str(HERE / "make_resnet50.py"), str(model)])
            measured = programs(args.build, model, folder, args.methods.split(","))
            for _ in range(args.rounds):
                for p in measured:
                    p.measure()
            return report(measured)
    except Failed as problem:
        print(problem)
        return 2


if __name__ == "__main__":
    sys.exit(main())
