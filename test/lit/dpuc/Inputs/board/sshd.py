"""Runs a command while an ssh server of our own listens on 127.0.0.1: sshd.py FOLDER COMMAND...

FOLDER is what `make` made, and gets keys and ssh settings. In the arguments @key becomes what ssh needs to log in with
a key, @locked with one that wants the passphrase "secret". Whoever logs in is in FOLDER/board.
With --terminal in front of COMMAND it gets a terminal, and whoever is asked for something there answers "secret".
"""
import os
import pty
import re
import socket
import subprocess
import sys
import time

folder, command = os.path.abspath(sys.argv[1]), sys.argv[2:]
terminal = command[0] == "--terminal"
command = command[terminal:]


def path(leaf):
    return os.path.join(folder, leaf)


def write(leaf, text, mode=0o600):
    with open(path(leaf), "w") as f:
        f.write(text)
    os.chmod(path(leaf), mode)


def make_key(leaf, passphrase=""):
    if not os.path.exists(path(leaf)):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path(leaf)], check=True)
    return open(path(leaf + ".pub")).read()


host = make_key("host")
write("authorized", make_key("key") + make_key("locked", "secret"))
write("login", f'#!/bin/sh\nexport HOME={folder}/board BOARD={folder}/board\ncd "$HOME"\nexec sh -c "$SSH_ORIGINAL_COMMAND"\n', 0o700)
for attempt in range(10):
    with socket.socket() as s:  # a port that is free, most likely until the server has it
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    write("sshd_config", f"""Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
ForceCommand {folder}/login
""")
    with open(path("sshd.log"), "w") as log:
        server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", path("sshd_config")], stderr=log)
    for _ in range(100):
        time.sleep(0.1)
        if server.poll() is not None or "Server listening" in open(path("sshd.log")).read():
            break
    if server.poll() is None:
        break
else:
    sys.exit(open(path("sshd.log")).read())

write("known", f"[127.0.0.1]:{port} {' '.join(host.split()[:2])}\n")
common = f"-F none -p {port} -o IdentitiesOnly=yes -o IdentityAgent=none -o UserKnownHostsFile={folder}/known"
for word, key in [("@key", "key"), ("@locked", "locked")]:
    command = [a.replace(word, f"{common} -i {folder}/{key}") for a in command]


def at_terminal():
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    seen = b""
    while True:
        try:
            more = os.read(fd, 4096)
        except OSError:
            more = b""
        if not more:
            break
        seen += more
        if re.search(rb"passphrase for key[^\n]*: $", seen):
            os.write(fd, b"secret\n")
    os.write(1, seen.replace(b"\r", b""))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


try:
    status = at_terminal() if terminal else subprocess.run(command).returncode
finally:
    server.terminate()
    server.wait()
sys.exit(status)
