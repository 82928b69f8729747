"""vanish.py BUILD EXAMPLES FOLDER: the compiler is removed while dpuc waits for its file of fix points."""
import os
import shutil
import subprocess
import sys
import time

build, examples, folder = sys.argv[1:]
os.mkdir(folder + "/gone")
compiler, pipe = folder + "/gone/vai_c_xir", folder + "/pipe.json"
shutil.copy(build + "/test/compiler/vai_c_xir", compiler)
os.mkfifo(pipe)
child = subprocess.Popen([build + "/bin/dpuc", "compile", examples + "/fmnist/fmnist_cnn2.onnx", "--quant-info", pipe, "--no-xir-check",
                          "--vai-c-xir", compiler, "-o", folder + "/vanished"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
text = open(examples + "/fmnist/quant_info.json", "rb").read()
while child.poll() is None:  # it may read the file more than once
    try:
        end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)  # fails until dpuc reads
    except OSError:
        time.sleep(0.01)
        continue
    if os.path.exists(compiler):
        os.remove(compiler)
    os.write(end, text)
    os.close(end)
    time.sleep(0.1)
said = child.communicate()[1]
print("status", child.returncode)
print(said.decode())
