# Tools on the path: dpuopt, dpuc, FileCheck, not, count. %data is the shared model
# collection (feature "data" when present), %examples our own small models.
import os
import pwd
import shutil
import subprocess
import lit.formats

config.name = "dpuopt"
config.test_format = lit.formats.ShTest(execute_external=True)
config.suffixes = [".dpuir", ".test", ".onnxtxt"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.join(config.dpuopt_source, "test", "lit")
config.test_exec_root = os.path.join(config.dpuopt_build, "test", "lit")
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.dpuopt_build, "bin"), config.llvm_tools, os.environ["PATH"]])
for name in ("DPUOPT_ROUNDTRIP", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "HOME", "NODE_PATH", "DPUOPT_FASHION_MNIST"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

data = os.path.join(config.dpuopt_source, "..", "shared", "data")
config.substitutions.append(("%data", os.path.normpath(data)))
config.substitutions.append(("%examples", os.path.join(config.dpuopt_source, "examples")))
config.substitutions.append(("%source", config.dpuopt_source))
config.substitutions.append(("%build", config.dpuopt_build))
if os.path.isdir(data):
    config.available_features.add("data")

# The suite runs a second time with every graph printed and parsed again between passes. What has nothing to do with that
# and takes its time runs once: REQUIRES: once.
if not config.environment.get("DPUOPT_ROUNDTRIP"):
    config.available_features.add("once")

# A terminal, which containers without /dev/pts cannot give.
try:
    for end in os.openpty():
        os.close(end)
    config.available_features.add("pty")
except OSError:
    pass

# mpirun, where it is installed and was when we were built.
if shutil.which("mpirun") and os.path.exists(os.path.join(config.dpuopt_build, "libexec", "dpuopt", "dpuopt-mpi.so")):
    config.available_features.add("mpirun")
    rooted = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    # The MPI library itself leaks, in modules that are gone when leaks are counted.
    config.substitutions.append(("%mpirun", " ".join(["env ASAN_OPTIONS=detect_leaks=0 mpirun --oversubscribe"] + rooted)))

# VART, if it was there when we were built, and whether it finds nothing that may be a DPU.
vart = os.path.join(config.dpuopt_build, "libexec", "dpuopt", "dpuopt-vart-runner")
if os.path.exists(vart):
    config.available_features.add("vart")
    if subprocess.run([vart, "--devices"], stderr=subprocess.DEVNULL).returncode == 3:
        config.available_features.add("no-dpu")
if os.path.exists(os.path.join(config.dpuopt_build, "test", "vart", "vart-stand-in.so")):
    config.available_features.add("vart-stand-in")

# File systems of our own: full ones, read-only ones.
if shutil.which("unshare") and subprocess.run(
        ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /tmp && mount -o bind,ro /tmp /tmp"], stderr=subprocess.DEVNULL).returncode == 0:
    config.available_features.add("mounts")

if os.path.isdir(os.environ.get("DPUOPT_FASHION_MNIST") or "/usr/share/datasets/fashion-mnist"):
    config.available_features.add("fashion-mnist")

# An ssh server to run on loopback, which wants a folder of its own when it is root's. We log in as ourselves: whose account
# is locked, or has no shell, cannot.
def can_log_in():
    try:
        user = pwd.getpwuid(os.geteuid())
        locked = False
        if os.access("/etc/shadow", os.R_OK):
            with open("/etc/shadow") as f:
                locked = any(line.startswith(user.pw_name + ":!") for line in f)
        return not locked and os.access(user.pw_shell, os.X_OK) and "nologin" not in user.pw_shell
    except (KeyError, OSError):
        return False

if os.path.exists("/usr/sbin/sshd") and shutil.which("ssh") and (os.geteuid() != 0 or os.path.isdir("/run/sshd")) and can_log_in():
    config.available_features.add("sshd")

# The system's Python, which NumPy is a package for; one thread, because tests run side by side.
config.substitutions.append(("%python", "env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 /usr/bin/python3"))
if subprocess.run(["/usr/bin/python3", "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode == 0:
    config.available_features.add("numpy")

# A browser for the HTML report (Debian: chromium).
if shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"):
    config.available_features.add("chromium")

# ONNX Runtime for node, where it is installed (docs/testing.md).
node = shutil.which("node")
if node and os.environ.get("NODE_PATH") and subprocess.run(
        [node, "-e", "require.resolve('onnxruntime-node')"], stderr=subprocess.DEVNULL).returncode == 0:
    config.available_features.add("onnxruntime-node")
