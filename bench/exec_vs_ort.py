#!/usr/bin/python3
"""How fast our float executor is next to ONNX Runtime's: exec_vs_ort.py [--build DIR] [--threads N] MODEL...

Needs node with onnxruntime-node (NODE_PATH says where) and build/bench/exec_time (target `bench`).
Both prepare the model once and then run in turns, so that a drifting machine slows both; the times
are minima. A ratio of 1 is as fast as ONNX Runtime, 2 is twice as fast.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys

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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=6, help="per model")
    parser.add_argument("models", nargs="+")
    args = parser.parse_args()
    node = shutil.which("node")
    if not node or subprocess.run([node, "-e", "require('onnxruntime-node')"], capture_output=True).returncode:
        sys.exit("exec_vs_ort.py: needs node and onnxruntime-node (npm install onnxruntime-node, set NODE_PATH)")
    ours = pathlib.Path(args.build) / "bench/exec_time"
    if not ours.exists():
        sys.exit(f"exec_vs_ort.py: {ours} is not there; build target `bench`")
    print(f"{'model':32} {'ours ms':>9} {'ORT ms':>9} {'ratio':>6} {'ours MB':>8} {'ORT MB':>7}")
    for model in args.models:
        tail = [model, str(args.threads)]
        found = compare([str(ours)] + tail, [node, str(HERE / "ort_time.js")] + tail, args.seconds)
        name = pathlib.Path(model).stem
        if not found:
            print(f"{name:32} one of them cannot run it")
            continue
        (a, b), (ma, mb) = found
        print(f"{name:32} {a:9.2f} {b:9.2f} {b / a:6.2f} {ma:8} {mb:7}", flush=True)


if __name__ == "__main__":
    main()
