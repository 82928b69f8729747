"""Contracts of the vendor's own files agree with `dpuc xmodel -l`: contracts.py FOLDER OUT. Writes OUT/NUMBER/contract.json."""
import glob
import json
import os
import subprocess
import sys

folder, out = sys.argv[1:]
checked = 0
for number, path in enumerate(sorted(glob.glob(os.path.join(folder, "**", "*.xmodel"), recursive=True))):
    where = os.path.join(out, str(number))
    made = subprocess.run(["dpuc", "contract", path, "--name", "net", "--divide", "255", "-o", where], capture_output=True)
    if made.returncode == 2 and b"error:" in made.stderr:
        continue  # what is no model has a sentence, tested elsewhere
    assert made.returncode == 0, (path, made)
    with open(os.path.join(where, "contract.json")) as f:
        contract = json.load(f)
    if not contract["xmodel"]["compiled"]:
        continue
    listed = json.loads(subprocess.run(["dpuc", "xmodel", "-l", path], capture_output=True, check=True).stdout)
    dpu = [s for s in listed["subgraphs"] if s["device"] == "DPU"]
    assert [s["name"] for s in dpu] == contract["dpu_subgraphs"], path
    if len(dpu) != 1:
        continue
    for theirs, ours in (("input_tensor", "inputs"), ("output_tensor", "outputs")):
        want = sorted((t["name"], t["shape"], t["fixpos"]) for t in dpu[0][theirs])
        assert want == sorted((t["tensor"], t["shape"], t["fix_point"]) for t in contract[ours]), (path, theirs)
    assert dpu[0]["fingerprint"] == contract["target"]["fingerprint"], path
    meta = os.path.join(os.path.dirname(path), "meta.json")
    if os.path.exists(meta):
        with open(meta) as f, open(os.path.join(where, "meta.json")) as g:
            assert json.load(f) == json.load(g), path
    checked += 1
print(checked, "agree")
