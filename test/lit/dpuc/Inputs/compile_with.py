"""compile_with.py BUILD EXAMPLES FOLDER WORDS FLAGS...: compiles an example into FOLDER/WORDS with the compiler for tests told
to do WORDS; prints the exit status, what was said and what is in the folder then. Ends as dpuc did."""
import os
import subprocess
import sys

build, examples, folder, words = sys.argv[1:5]
out = os.path.join(folder, words)
before = set(os.listdir(folder))
done = subprocess.run(
    [build + "/bin/dpuc", "compile", examples + "/fmnist/fmnist_cnn2.onnx", "--quant-info", examples + "/fmnist/quant_info.json",
     "--target", "kv260", "--expect-dpu-subgraphs", "1", "--no-xir-check", "--vai-c-xir", build + "/test/compiler/vai_c_xir", "-o", out]
    + sys.argv[5:], env={**os.environ, "VAI_C_XIR_TEST": words}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
print("status", done.returncode)
sys.stdout.flush()
sys.stdout.buffer.write(done.stderr)
sys.stdout.flush()
print("files", *sorted(os.listdir(out)))
if left := set(os.listdir(folder)) - before - {words}:
    sys.exit(f"left in the folder above: {left}")
sys.exit(done.returncode)
