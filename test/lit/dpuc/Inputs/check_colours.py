"""Colours are for terminals that have them and people who did not say no: check_colours.py MODEL"""
import os
import pty
import subprocess
import sys

command = ["dpuc", "check", sys.argv[1], "--matrix", "--profile", "vart"]


def environment(changes):
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    return {**env, **changes}


def at_terminal(**changes):
    ours, theirs = pty.openpty()
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(changes))
    os.close(theirs)
    text = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not more:
            break
        text += more
    os.close(ours)
    assert child.wait() == 1, text
    return text


def piped(**changes):
    return subprocess.run(command, env=environment(changes), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False).stdout


ESC = b"\x1b["
print("terminal", ESC in at_terminal(TERM="xterm-256color"))
print("NO_COLOR", ESC in at_terminal(TERM="xterm-256color", NO_COLOR="1"))
print("empty NO_COLOR", ESC in at_terminal(TERM="xterm-256color", NO_COLOR=""))
print("dumb", ESC in at_terminal(TERM="dumb"))
print("no TERM", ESC in at_terminal())
print("pipe", ESC in piped(TERM="xterm-256color"))
