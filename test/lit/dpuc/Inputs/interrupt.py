"""interrupt.py CHILD COMMAND...: starts the command, waits for a child whose command line is CHILD, interrupts the command, and looks for the child again."""
import os
import signal
import subprocess
import sys
import time


def running(command):
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                count += f.read().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace") == command
        except OSError:
            pass
    return count


def wait_until(count):
    for _ in range(600):
        if running(sys.argv[1]) == count:
            break
        time.sleep(0.1)
    return running(sys.argv[1])


signal.signal(signal.SIGINT, signal.SIG_DFL)  # shells have jobs in the background ignore it
process = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, text=True)
while "0%" not in process.stdout.readline():
    pass
print("running:", wait_until(1))
process.send_signal(signal.SIGINT)
process.wait()
print("after the interrupt:", wait_until(0))
