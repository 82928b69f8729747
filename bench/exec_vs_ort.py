#!/usr/bin/python3
"""How fast our executor is next to ONNX Runtime's: exec_vs_ort.py [--build DIR] [--threads N] [--int8] MODEL.onnx...

Both run the model in float; with --int8 we run it quantized (made here by dpuc compile, with fix points from a random
input), next to ONNX Runtime's float and next to its own int8 (the same model as Q/DQ ONNX). Needs node with onnxruntime-node (NODE_PATH says where) and build/bench/exec_time (target `bench`).
Both prepare the model once and then run in turns, so that a drifting machine slows both; the times
are minima. A ratio of 1 is as fast as ONNX Runtime, 2 is twice as fast.
"""
import argparse
import array
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


class Runner:
    """One of the two programs, waiting for counts."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def times(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return [float(t) for t in line.split()]

    def finish(self):
        self.process.stdin.close()
        return int(self.process.stdout.readline() or 0)


def compare(ours, theirs, seconds):
    """Minimum of each, in turns, for about `seconds`."""
    runners = [Runner(ours), Runner(theirs)]
    warm = [r.times(3) for r in runners]
    if not all(warm):
        return None
    per_turn = [max(4, int(40 / min(w))) for w in warm]
    best = [min(w) for w in warm]
    spent = 0
    while spent < seconds * 1000:
        for i, r in enumerate(runners):
            turn = r.times(per_turn[i])
            best[i] = min(best[i], min(turn))
            spent += sum(turn)
    return best, [r.finish() for r in runners]


def quantized(model, build, folder):
    """The xmodel and the Q/DQ ONNX that dpuc and dpuopt make of a float model."""
    samples, out = folder / "input.bin", folder / "out"
    source = random.Random(1)
    with open(samples, "wb") as f:
        array.array("f", [source.gauss(0, 1) for _ in range(3 * 224 * 224)]).tofile(f)
    programs = build / "bin"
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([programs / "dpuc", "compile", model, "--calib", samples, "--no-compiler", "-o", out], **quiet)
    xmodel = out / (pathlib.Path(model).stem + "_int.xmodel")
    qdq = folder / "qdq.onnx"
    subprocess.run([programs / "dpuopt", xmodel, "--emit=qdq-onnx", "-o", qdq], **quiet)
    return str(xmodel), str(qdq)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=6, help="per model")
    parser.add_argument("--int8", action="store_true", help="ours on integers; input 3 x 224 x 224")
    parser.add_argument("models", nargs="+")
    args = parser.parse_args()
    node = shutil.which("node")
    if not node or subprocess.run([node, "-e", "require('onnxruntime-node')"], capture_output=True).returncode:
        sys.exit("exec_vs_ort.py: needs node and onnxruntime-node (npm install onnxruntime-node, set NODE_PATH)")
    ours = pathlib.Path(args.build) / "bench/exec_time"
    if not ours.exists():
        sys.exit(f"exec_vs_ort.py: {ours} is not there; build target `bench`")
    print(f"{'model':32} {'ours ms':>9} {'ORT ms':>9} {'ratio':>6} {'ours MB':>8} {'ORT MB':>7}")
    node_program = [node, str(HERE / "ort_time.js")]

    def row(name, our_model, their_model):
        threads = str(args.threads)
        found = compare([str(ours), our_model, threads], node_program + [their_model, threads], args.seconds)
        if not found:
            print(f"{name:32} one of them cannot run it")
            return
        (a, b), (ma, mb) = found
        print(f"{name:32} {a:9.2f} {b:9.2f} {b / a:6.2f} {ma:8} {mb:7}", flush=True)

    for model in args.models:
        name = pathlib.Path(model).stem
        if not args.int8:
            row(name, model, model)
            continue
        with tempfile.TemporaryDirectory() as folder:
            xmodel, qdq = quantized(model, pathlib.Path(args.build), pathlib.Path(folder))
            row(name + " int8 / float", xmodel, model)
            row(name + " int8 / Q/DQ", xmodel, qdq)


if __name__ == "__main__":
    main()
