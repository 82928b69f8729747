"""kill_compile.py BUILD EXAMPLES FOLDER HOW: kills dpuc compile, or runs many, and looks whether FOLDER/out is always a
complete package: A (one set of fix points) or B (another)."""
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time

build, examples, folder, how = sys.argv[1:]
model, out = examples + "/fmnist/fmnist_cnn2.onnx", os.path.join(folder, how, "out")
points = {"A": examples + "/fmnist/quant_info.json", "B": os.path.join(folder, "b.json")}


def command(which, *more, to=out):
    return [build + "/bin/dpuc", "compile", model, "--quant-info", points[which], "--no-xir-check", "--vai-c-xir",
            build + "/test/compiler/vai_c_xir", "-o", to, *more]


def quietly(words, **how):
    return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how).returncode


def read(name):
    with open(os.path.join(out, name), "rb") as file:
        return file.read()


def package():
    """'A' or 'B', if the package is complete and consistent."""
    names = set(os.listdir(out))
    listed = set(read(".dpuc-compile").decode().split())
    assert names == listed | {".dpuc-compile", "mine.txt"}, (names ^ listed)
    hashed = hashlib.md5(read("fmnist_cnn2.xmodel")).hexdigest()
    contract = json.loads(read("contract.json"))
    assert read("md5sum.txt").decode().strip() == hashed == contract["xmodel"]["md5"], "another xmodel"
    assert hashlib.md5(read("fmnist_cnn2_int.xmodel")).hexdigest().encode() in read("fmnist_cnn2.xmodel"), "another source"
    assert json.loads(read("report.json"))["compile_result"].startswith("compiled: 1")
    which = [k for k in points if sums[k] == hashlib.md5(read("quant_info.json")).hexdigest()]
    assert len(which) == 1, "no set of fix points"
    return which[0]


def look():
    """While others write: what was looked at is one package, unless another took its place meanwhile."""
    def which():
        found = os.stat(out)
        return found.st_ino, found.st_mtime_ns, found.st_ctime_ns

    before = which()
    try:
        package()
    except (AssertionError, OSError):
        if which() == before:
            raise


def nothing_left():
    """After one more run that is not killed."""
    assert quietly(command("B")) == 0 and package() == "B"
    left = [n for n in os.listdir(os.path.dirname(out)) + os.listdir(out) if ".dpuc-" in n and n != ".dpuc-compile"]
    assert not left, left


# B: the last bias has another fix point.
info = json.load(open(points["A"]))
key = sorted(k for k in info["param"] if k.endswith("bias"))[-1]
info["param"][key][0][1] -= 1
json.dump(info, open(points["B"], "w"))
sums = {}
for which in points:
    to = os.path.join(folder, "set" + which)
    assert quietly(command(which, to=to)) == 0
    sums[which] = hashlib.md5(open(to + "/quant_info.json", "rb").read()).hexdigest()
assert sums["A"] != sums["B"]
os.makedirs(os.path.dirname(out), exist_ok=True)
shutil.copytree(folder + "/setA", out)
open(out + "/mine.txt", "w").close()

if how == "steps":
    n, seen = 0, set()
    # A build with sanitizers minds a library in front of its own.
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    preload = {**os.environ, "LD_PRELOAD": build + "/test/compiler/kill-at.so", "ASAN_OPTIONS": sanitizer}
    while True:
        n += 1
        which = "AB"[n % 2]
        done = quietly(command(which), env={**preload, "KILL_AT": str(n)})
        seen.add(package())
        if done != -9:
            assert done == 0 and package() == which
            break
    assert n > 50 and seen == {"A", "B"}, (n, seen)
    nothing_left()
    print(n, "steps, only complete packages, nothing left behind")
elif how == "times":
    random.seed(0)
    start = time.time()
    assert quietly(command("B")) == 0
    whole, killed = time.time() - start, 0
    for i in range(40):
        child = subprocess.Popen(command("AB"[i % 2]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child.wait(timeout=random.uniform(0, 1.2 * whole))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            killed += 1
        package()
    assert killed > 5, killed
    nothing_left()
    print("40 times, only complete packages, nothing left behind")
elif how == "together":
    for i in range(8):
        many = [subprocess.Popen(command("AB"[k % 2]), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for k in range(2 + i % 3)]
        while any(c.poll() is None for c in many):
            look()
        package()
        for c in many:
            said = c.communicate()[1]
            assert c.returncode == 0, said
    nothing_left()
    print(sum(2 + i % 3 for i in range(8)), "runs, only complete packages, nothing left behind")
elif how == "hanging":
    note = folder + "/hanging.pid"
    child = subprocess.Popen(command("B"), env={**os.environ, "VAI_C_XIR_TEST": f"daemon={note} hang"}, stdout=subprocess.DEVNULL)
    while not os.path.exists(note) or not open(note).read():
        time.sleep(0.05)
    child.kill()
    child.wait()
    assert package() == "A"

    def running(pid):
        try:
            return "\nState:\tZ" not in open(f"/proc/{pid}/status").read()
        except OSError:
            return False

    compiler = (build + "/test/compiler/vai_c_xir\0").encode()

    def compilers():
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                line = open(f"/proc/{pid}/cmdline", "rb").read()
                if line.startswith(compiler) and os.readlink(f"/proc/{pid}/cwd").startswith(os.path.dirname(out) + "/"):
                    found.append(pid)
            except OSError:
                pass
        return found

    while compilers() or running(open(note).read()):  # killed is not gone yet; lit's own limit ends this otherwise
        time.sleep(0.05)
    nothing_left()
    print("the compiler is gone, too")
