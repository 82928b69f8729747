#!/usr/bin/python3
"""Whole-command benchmarks: run.py BUILD MODELS. Prints a table; see docs/testing.md.

Each row is the best of several runs of a child process, with the child's peak memory
(getrusage). Rows that compare with libxir do so in the same run on the same constants.
Exit status 1 if a limit is missed.
"""
import array
import glob
import os
import random
import subprocess
import sys
import tempfile
import time


class Failed(Exception):
    pass


def once(command):
    """Seconds and peak bytes of one run; the output is kept only for error messages."""
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (0, 1):  # 1: findings, an answer too
            log.seek(0)
            raise Failed(f"{' '.join(command)}: exit status {child.returncode}\n{log.read().decode(errors='replace')}")
    return seconds, usage.ru_maxrss * 1024


def best(command, runs):
    results = [once(command) for _ in range(runs)]
    return min(r[0] for r in results), max(r[1] for r in results)


class Table:
    def __init__(self):
        self.missed = False
        print(f"{'what':44} {'ms':>9} {'peak MB':>9}  {'limit':24} verdict")

    def row(self, what, seconds, peak, limit="", ok=None):
        verdict = "" if ok is None else "ok" if ok else "MISSED"
        self.missed |= ok is False
        print(f"{what:44} {seconds * 1e3:9.1f} {peak / 1e6:9.1f}  {limit:24} {verdict}".rstrip(), flush=True)


def startup(table, bin_dir):
    for tool in ("dpuopt", "dpuc"):
        seconds, peak = best([os.path.join(bin_dir, tool), "--help"], 30)
        table.row(f"{tool} --help", seconds, peak, "< 10 ms", seconds < 0.010)


def check(table, bin_dir, models):
    paths = sorted(glob.glob(os.path.join(models, "*.onnx")))
    if not paths:
        print(f"dpuc check: no models in {models}")
    for path in paths:
        seconds, peak = best([os.path.join(bin_dir, "dpuc"), "check", path], 5)
        table.row("dpuc check " + os.path.basename(path), seconds, peak, "< 200 ms", seconds < 0.200)


def random_input(path):
    source = random.Random(1)
    with open(path, "wb") as f:
        array.array("f", [source.gauss(0, 1) for _ in range(3 * 224 * 224)]).tofile(f)


def compile_big(table, build, folder):
    """dpuc compile of 100 MB against libxir making and writing the same constants."""
    bin_dir = os.path.join(build, "bin")
    model, out = os.path.join(folder, "resnet50.onnx"), os.path.join(folder, "out")
    once([sys.executable, os.path.join(os.path.dirname(__file__), "make_resnet50.py"), model])
    random_input(os.path.join(folder, "input.bin"))
    common = [os.path.join(bin_dir, "dpuc"), "compile", model, "--target", "kv260", "--no-compiler", "-o", out]
    seconds, peak = once(common + ["--calib", os.path.join(folder, "input.bin"), "--no-xir-check"])
    table.row("dpuc compile --calib, 1 sample, no check", seconds, peak)
    fixed = common + ["--quant-info", os.path.join(out, "quant_info.json")]
    # The first run wrote it; the next ones would overwrite what they read.
    os.rename(os.path.join(out, "quant_info.json"), os.path.join(folder, "quant_info.json"))
    fixed[-1] = os.path.join(folder, "quant_info.json")

    size = os.path.getsize(model)
    ours, peak = best(fixed + ["--no-xir-check"], 3)
    xmodel = os.path.join(out, "resnet50_int.xmodel")
    libxir = os.path.join(build, "bench", "xmodel_libxir")
    if os.path.exists(libxir):
        theirs, their_peak = best([libxir, xmodel, os.path.join(folder, "libxir.xmodel")], 3)
        table.row("libxir: build and serialize the constants", theirs, their_peak)
        table.row("dpuc compile --quant-info --no-xir-check", ours, peak, "< 0.5 x libxir", ours < 0.5 * theirs)
        print(f"  ratio to libxir: {ours / theirs:.3f}")
    else:
        table.row("dpuc compile --quant-info --no-xir-check", ours, peak)
        print(f"  not compared with libxir: no {libxir}")
    table.row("  its peak memory", 0, peak, f"< 2.5 x {size / 1e6:.0f} MB", peak < 2.5 * size)
    checked, peak = best(fixed, 3)
    table.row("dpuc compile --quant-info, libxir check", checked, peak)


def xmodel_io(table, build, folder):
    """100 MB of constants: our reader and writer against libxir building, writing, loading them."""
    ours, libxir = os.path.join(build, "bench", "xmodel_io"), os.path.join(build, "bench", "xmodel_libxir")
    judge = os.path.join(build, "libexec", "dpuopt", "dpuopt-xir-judge")
    if not os.path.exists(ours):
        print(f"xmodel read and write: no {ours}")
        return
    model, copy = os.path.join(folder, "constants.xmodel"), os.path.join(folder, "copy.xmodel")
    once([ours, "--make", "100", model])
    seconds, peak = best([ours, model, copy], 5)
    if not os.path.exists(libxir):
        table.row("read and write a 100 MB xmodel", seconds, peak)
        print(f"  not compared with libxir: no {libxir}")
        return
    theirs, their_peak = best([libxir, model, copy], 3)
    table.row("libxir: build and serialize 100 MB", theirs, their_peak)
    loaded, load_peak = best([judge, model], 3)
    table.row("libxir: load 100 MB (the judge)", loaded, load_peak)
    table.row("read and write a 100 MB xmodel", seconds, peak, "< 0.5 x libxir's build", seconds < 0.5 * theirs)
    print(f"  ratio to libxir: {seconds / theirs:.3f} of the time, {peak / their_peak:.3f} of the memory")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    build, models = sys.argv[1:]
    bin_dir = os.path.join(build, "bin")
    table = Table()
    try:
        startup(table, bin_dir)
        check(table, bin_dir, models)
        with tempfile.TemporaryDirectory() as folder:
            xmodel_io(table, build, folder)
            compile_big(table, build, folder)
    except Failed as problem:
        print(problem)
        return 2
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
