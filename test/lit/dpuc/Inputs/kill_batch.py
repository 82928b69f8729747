"""kill_batch.py BUILD EXAMPLES FOLDER: kills a batch when some of its models are ready, and runs it again."""
import json
import os
import shutil
import subprocess
import sys
import time

build, examples, folder = sys.argv[1:]
os.makedirs(folder + "/nets")
for i in range(8):
    shutil.copy(examples + "/fmnist/fmnist_cnn2.onnx", f"{folder}/nets/n{i}.onnx")
command = [build + "/bin/dpuc", "compile", "--batch", folder + "/nets", "--quant-info", examples + "/fmnist/quant_info.json", "--vai-c-xir",
           build + "/test/compiler/vai_c_xir", "--jobs", "2", "-o", folder + "/out"]
child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
stamps = [f"{folder}/out/n{i}/.dpuc-batch" for i in range(8)]
while sum(map(os.path.exists, stamps)) < 3 and child.poll() is None:
    time.sleep(0.01)
child.kill()
child.wait()


def running():
    """Processes that write there."""
    found = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found += (folder + "/out/").encode() in open(f"/proc/{pid}/cmdline", "rb").read()
        except OSError:
            pass
    return found


while running():  # killed is not gone yet
    time.sleep(0.01)
subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
jobs = json.load(open(folder + "/out/summary.json"))["jobs"]
assert len(jobs) == 8 and all(j["result"] == "ok" and j["compile_result"].startswith("compiled: 1") for j in jobs), jobs
left = [n for n in os.listdir(folder + "/out") if ".dpuc-" in n]
assert not left, left
print("resumed:", sum(j["up_to_date"] for j in jobs), "up to date, the others compiled")
