"""A tool with a bug: reduce_probe.py MODEL TYPE. Exit status 7 if the model holds that operator, 0 if not."""
import os
import sys
import time

with open(sys.argv[1], "rb") as f:
    found = sys.argv[2].encode() in f.read()
folder = os.stat(os.path.dirname(os.path.abspath(sys.argv[1])))
print("crashed in", sys.argv[2] if found else "nothing")
print("private" if folder.st_mode & 0o077 == 0 else "open to others:", sys.argv[1])
if found and len(sys.argv) > 3:
    time.sleep(float(sys.argv[3]))
sys.exit(7 if found else 0)
