#!/usr/bin/python3
"""Whole-command benchmarks: run.py BUILD MODELS. Prints a table; see docs/testing.md.

Each row is the best of several runs of a child process: elapsed and CPU time, and the
largest peak memory (getrusage). Rows that compare with libxir do so in the same run on the same constants.
Exit status 1 if a limit is missed.
"""
import array
import collections
import glob
import os
import random
import subprocess
import sys
import tempfile
import time


Cost = collections.namedtuple("Cost", "seconds cpu peak")


class Failed(Exception):
    pass


def once(command):
    """Elapsed seconds, CPU seconds and peak bytes of one run; the output is kept only for error messages."""
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (0, 1):  # 1: findings, an answer too
            log.seek(0)
            raise Failed(f"{' '.join(command)}: exit status {child.returncode}\n{log.read().decode(errors='replace')}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def best(command, runs):
    results = [once(command) for _ in range(runs)]
    return Cost(min(r.seconds for r in results), min(r.cpu for r in results), max(r.peak for r in results))


class Table:
    def __init__(self):
        self.missed = False
        print(f"{'what':44} {'ms':>9} {'CPU ms':>9} {'peak MB':>9}  {'limit':28} verdict")

    def row(self, what, cost, limit="", ok=None):
        verdict = "" if ok is None else "ok" if ok else "MISSED"
        self.missed |= ok is False
        numbers = f"{cost.seconds * 1e3:9.1f} {cost.cpu * 1e3:9.1f} {cost.peak / 1e6:9.1f}"
        print(f"{what:44} {numbers}  {limit:28} {verdict}".rstrip(), flush=True)


def startup(table, bin_dir):
    for tool in ("dpuopt", "dpuc"):
        cost = best([os.path.join(bin_dir, tool), "--help"], 30)
        table.row(f"{tool} --help", cost, "< 10 ms", cost.seconds < 0.010)


def check(table, bin_dir, models):
    """CPU time of the whole process, loading included."""
    paths = sorted(glob.glob(os.path.join(models, "**", "*.onnx"), recursive=True))
    if not paths:
        print(f"dpuc check: no models in {models}")
    for path in paths:
        cost = best([os.path.join(bin_dir, "dpuc"), "check", path], 5)
        table.row("dpuc check " + os.path.basename(path), cost, "< 50 ms CPU", cost.cpu < 0.050)


def random_input(path):
    source = random.Random(1)
    with open(path, "wb") as f:
        array.array("f", [source.gauss(0, 1) for _ in range(3 * 224 * 224)]).tofile(f)


def compile_big(table, build, folder):
    """dpuc compile of 100 MB against libxir making and writing the same constants."""
    model, out = os.path.join(folder, "resnet50.onnx"), os.path.join(folder, "out")
    once([sys.executable, os.path.join(os.path.dirname(__file__), "make_resnet50.py"), model])
    random_input(os.path.join(folder, "input.bin"))
    command = [os.path.join(build, "bin", "dpuc"), "compile", model, "--no-compiler", "-o", out]
    cost = once(command + ["--calib", os.path.join(folder, "input.bin"), "--no-xir-check"])
    table.row("dpuc compile --calib, 1 sample, no check", cost)
    # The first run wrote the fix points; the next ones would overwrite what they read.
    given = os.path.join(folder, "quant_info.json")
    os.rename(os.path.join(out, "quant_info.json"), given)
    command += ["--quant-info", given]

    ours = best(command + ["--no-xir-check"], 3)
    xmodel = os.path.join(out, "resnet50_int.xmodel")
    libxir = os.path.join(build, "bench", "xmodel_libxir")
    if os.path.exists(libxir):
        theirs = best([libxir, xmodel, os.path.join(folder, "libxir.xmodel")], 3)
        table.row("libxir: build and serialize the constants", theirs)
        table.row("dpuc compile --quant-info --no-xir-check", ours, "< 0.5 x libxir", ours.seconds < 0.5 * theirs.seconds)
        print(f"  ratio to libxir: {ours.seconds / theirs.seconds:.3f} of the time, {ours.cpu / theirs.cpu:.3f} of the CPU time")
    else:
        table.row("dpuc compile --quant-info --no-xir-check", ours)
        print(f"  not compared with libxir: no {libxir}")
    size = os.path.getsize(model)
    small = ours.peak < 2.5 * size
    table.missed |= not small
    print(f"  peak memory {ours.peak / size:.2f} x the file, limit 2.5: {'ok' if small else 'MISSED'}")
    load = best([os.path.join(build, "libexec", "dpuopt", "dpuopt-xir-judge"), xmodel], 3)
    table.row("libxir: load that xmodel (the judge)", load)
    checked = best(command, 3)
    table.row("dpuc compile --quant-info, libxir check", checked, "no check + 1.5 x load (CPU)", checked.cpu < ours.cpu + 1.5 * load.cpu)


def xmodel_io(table, build, folder):
    """100 MB of constants: our reader and writer against libxir building and writing them."""
    ours, libxir = os.path.join(build, "bench", "xmodel_io"), os.path.join(build, "bench", "xmodel_libxir")
    if not os.path.exists(ours):
        print(f"xmodel read and write: no {ours}")
        return
    model, copy = os.path.join(folder, "constants.xmodel"), os.path.join(folder, "copy.xmodel")
    once([ours, "--make", "100", model])
    cost = best([ours, model, copy], 5)
    if not os.path.exists(libxir):
        table.row("read and write a 100 MB xmodel", cost)
        print(f"  not compared with libxir: no {libxir}")
        return
    theirs = best([libxir, model, copy], 3)
    table.row("libxir: build and serialize 100 MB", theirs)
    table.row("read and write a 100 MB xmodel", cost, "< 0.5 x libxir's build", cost.seconds < 0.5 * theirs.seconds)
    print(f"  ratio to libxir: {cost.seconds / theirs.seconds:.3f} of the time, {cost.peak / theirs.peak:.3f} of the memory")


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
