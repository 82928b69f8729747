"""kill.py FOLDER COMMAND...: kills the command (SIGKILL) after more and more time until it gets to its end; each time
FOLDER/out must be FOLDER/a or FOLDER/b, but for a file that is mine and reports that name the folder."""
import filecmp
import os
import subprocess
import sys
import time

folder, command = sys.argv[1], sys.argv[2:]


def same(which):
    out, wanted = os.path.join(folder, "out"), os.path.join(folder, which)
    names = sorted(n for n in os.listdir(out) if n != "mine.txt")
    if names != sorted(os.listdir(wanted)):
        return False
    return all(n.startswith(("report.", "contract.")) or
               filecmp.cmp(os.path.join(out, n), os.path.join(wanted, n), shallow=False) for n in names)


delay, killed = 0.002, 0
while True:
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        child.wait(timeout=delay)
        break
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    killed += 1
    if not os.path.exists(os.path.join(folder, "out", "mine.txt")) or not (same("a") or same("b")):
        sys.exit(f"mixed after {delay:.3f} s: {os.listdir(os.path.join(folder, 'out'))}")
    delay *= 1.05
print("only complete sets" if killed >= 5 and same("b") else f"killed {killed} times, is b: {same('b')}")
