"""Waits until the process that a file names is gone, or nearly (a zombie); gives up after 20 s."""
import sys
import time

pid = open(sys.argv[1]).read().strip()
for _ in range(200):
    try:
        if open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] in "ZX":
            sys.exit(0)
    except OSError:
        sys.exit(0)
    time.sleep(0.1)
sys.exit(f"{pid} still runs")
