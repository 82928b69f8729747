"""Does everything dpuc prints for people fit 100 columns? check_columns.py KIND [DATA]"""
import glob
import os
import subprocess
import sys

kind, data = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
plain = dict(os.environ, TERM="xterm-256color")
wide = checked = 0


def look(*command, expected=(0, 1)):
    global wide, checked
    done = subprocess.run(["dpuc", *command], capture_output=True, text=True, env=plain, stdin=subprocess.DEVNULL)
    assert done.returncode in expected, (command, done.returncode, done.stderr)
    lines = done.stdout.splitlines()
    checked += len(lines)
    assert "\x1b" not in done.stdout + done.stderr, f"colours without a terminal: {command}"
    for line in lines:
        if len(line) > 100:
            wide += 1
            print(" ".join(command), f"{len(line)} columns:", line)
    return lines


def files(pattern):
    found = sorted(glob.glob(os.path.join(data, pattern), recursive=True))
    assert found, pattern
    return found


if kind == "pages":
    for line in look("explain"):
        if line and not line.startswith(" "):
            look("explain", line.split()[0])
    look("targets")
    look("fingerprint", "kv260")
    look("fingerprint", "0x101000016010407", "0x101000056010407")
elif kind == "models":
    for path in files("models/**/*.onnx"):
        look("check", path, "--full", "--matrix", "--profile", "graph-runner@2.5")
        look("check", path, "--profile", "dpu-pynq")
elif kind == "xmodels":
    for path in files("vendor/**/*.xmodel"):
        look("doctor", path, "--board", "kv260", expected=(0, 1, 2))
print(f"{checked} lines, {wide} too wide")
sys.exit(1 if wide or not checked else 0)
