"""watch_compiler.py COMMAND...: runs it at a terminal of its own, with a slow compiler; prints what the last line of the terminal
was, each once, in order, and what is left there at the end."""
import os
import pty
import re
import sys

pid, end = pty.fork()
if pid == 0:
    os.environ["VAI_C_XIR_TEST"] = "slow"
    out = os.open(os.devnull, os.O_WRONLY)
    os.dup2(out, 1)
    os.execvp(sys.argv[1], sys.argv[1:])
said = b""
while True:
    try:
        data = os.read(end, 4096)
    except OSError:
        break
    if not data:
        break
    said += data
os.waitpid(pid, 0)
seen = []
for line in said.decode().split("\r\x1b[K"):
    line = re.sub(r", \d+ s$", ", N s", line)
    if line and line not in seen:
        seen.append(line)
print("\n".join(seen))
print("left:", repr(said.decode().split("\x1b[K")[-1]))
