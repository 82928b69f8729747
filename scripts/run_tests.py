#!/usr/bin/python3
"""Runs the GoogleTest programs and the lit suite of a build directory and counts.

Not a test framework: GoogleTest and lit run the tests, this adds them up. The lit
suite runs a second time with DPUOPT_ROUNDTRIP=1, in which every graph is printed
and parsed again between passes; a test counts once and must pass both times.
Prints every failure, the skipped tests by reason, and one last line
`N passed, N failed, N skipped`. Exit status: 0, or 1 if anything failed or
nothing ran.
"""
import argparse
import collections
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

LIT = "/usr/lib/llvm-14/build/utils/lit/lit.py"
TIMEOUT = 900  # seconds, per GoogleTest program


class Tally:
    """Outcome per test name; the worst of several runs counts."""

    ORDER = {"passed": 0, "skipped": 1, "failed": 2}

    def __init__(self):
        self.outcome = {}
        self.reasons = collections.Counter()

    def add(self, name, outcome):
        old = self.outcome.get(name)
        if old is None or self.ORDER[outcome] > self.ORDER[old]:
            self.outcome[name] = outcome

    def count(self, outcome):
        return sum(1 for o in self.outcome.values() if o == outcome)


def run(command, environment=None, timeout=None):
    """Exit status and output (stderr in it) of a command; 124 if it took too long."""
    try:
        done = subprocess.run(command, env=environment, timeout=timeout, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", check=False)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return 124, (late.stdout or b"").decode(errors="replace") + f"\ntook more than {timeout} s"


def gtest_names(program, pattern):
    """Names of a program's tests (Suite.Test), from --gtest_list_tests."""
    status, out = run([program, "--gtest_list_tests", pattern], timeout=60)
    names, suite = [], ""
    for line in out.splitlines() if status == 0 else []:
        word = line.split("#")[0].rstrip()
        if word.startswith("  "):
            names.append(suite + word.strip())
        elif word.endswith("."):
            suite = word
    return status, names


def run_gtest(program, text, tally):
    """One GoogleTest program. Tests it did not get to (it crashed) have failed."""
    pattern = f"--gtest_filter=*{text}*" if text else "--gtest_filter=*"
    label = os.path.basename(program)
    status, names = gtest_names(program, pattern)
    if status != 0:
        tally.add(label, "failed")
        return f"FAILED {label}: cannot list its tests (exit status {status})"
    if not names:
        return ""
    status, out = run([program, pattern, "--gtest_color=no"], timeout=TIMEOUT)
    seen = {"OK": "passed", "SKIPPED": "skipped", "FAILED": "failed"}
    done = {}
    # The line of a test comes after whatever it printed, perhaps on the same line.
    for word, name in re.findall(r"\[\s+(OK|SKIPPED|FAILED)\s+\] (\S+?)(?:,[^\n]*)? \(\d+ ms\)", out):
        done[name] = seen[word]
    for name in names:
        if "DISABLED_" in name:
            done.setdefault(name, "skipped")
        tally.add(f"{label} {name}", done.get(name, "failed"))
    for reason in re.findall(r"Skipped\n(.+)", out):
        tally.reasons[reason.strip()] += 1
    if status == 0 and all(done.get(n) != "failed" and n in done for n in names):
        return ""
    if status == 0:
        tally.add(label, "failed")
    kept = [line for line in out.splitlines() if not re.match(r"\[ (RUN|      OK)", line)]
    return f"FAILED {label} (exit status {status})\n" + "\n".join(kept)


def run_lit(build, text, round_trip, jobs, tally):
    """The lit suite, once."""
    environment = dict(os.environ)
    environment.pop("DPUOPT_ROUNDTRIP", None)
    if round_trip:
        environment["DPUOPT_ROUNDTRIP"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "lit.json")
        command = [sys.executable, LIT, "-q", f"-j{jobs}", "--output", report, os.path.join(build, "test", "lit")]
        if text:
            command += ["--filter", re.escape(text), "--allow-empty-runs"]
        status, out = run(command, environment)
        try:
            with open(report, encoding="utf-8") as f:
                tests = json.load(f)["tests"]
        except (OSError, ValueError, KeyError):
            if text and status == 0:
                return ""
            tally.add("lit", "failed")
            return f"FAILED lit (exit status {status})\n{out}"
    words = {"PASS": "passed", "FLAKYPASS": "passed", "XFAIL": "passed", "UNSUPPORTED": "skipped", "SKIPPED": "skipped"}
    failed = []
    for test in tests:
        if test["code"] == "EXCLUDED":
            continue
        outcome = words.get(test["code"], "failed")
        if outcome == "skipped" and round_trip:
            continue  # counted already, or one that runs once
        if outcome == "failed":
            failed.append(f"{test['name']}: {test['code']}\n{test.get('output', '')}")
        tally.add(test["name"], outcome)
        if outcome == "skipped":
            needs = re.search(r"required features?: (.*)", test.get("output", ""))
            tally.reasons["lit: needs " + (needs.group(1) if needs else "a feature not here")] += 1
    mode = " with DPUOPT_ROUNDTRIP=1" if round_trip else ""
    return f"FAILED lit{mode}\n" + "\n".join(failed) if failed else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="build directory")
    parser.add_argument("--filter", default="", help="only tests whose name contains this text")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    tally = Tally()

    programs = sorted(glob.glob(os.path.join(options.build, "test", "unit", "dpuopt-unit-*")))
    programs = [p for p in programs if os.access(p, os.X_OK) and not os.path.isdir(p)]
    print(f"test: {len(programs)} GoogleTest programs", flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for output in pool.map(lambda p: run_gtest(p, options.filter, tally), programs):
            if output:
                print(output, flush=True)
    for round_trip in (False, True):
        print("test: lit suite" + (" with DPUOPT_ROUNDTRIP=1" if round_trip else ""), flush=True)
        output = run_lit(options.build, options.filter, round_trip, options.jobs, tally)
        if output:
            print(output, flush=True)

    for name, outcome in sorted(tally.outcome.items()):
        if outcome == "failed":
            print(f"failed: {name}")
    for reason, count in tally.reasons.most_common():
        print(f"skipped {count}: {reason}")
    print(f"{tally.count('passed')} passed, {tally.count('failed')} failed, {tally.count('skipped')} skipped")
    return 1 if tally.count("failed") or not tally.count("passed") else 0


if __name__ == "__main__":
    sys.exit(main())
