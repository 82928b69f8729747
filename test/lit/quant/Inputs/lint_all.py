"""Lints every xmodel with fix points under FOLDER and prints the sums."""
import json
import pathlib
import subprocess
import sys
import tempfile

models = constraints = broken = changed = 0
with tempfile.TemporaryDirectory() as scratch:
    for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.xmodel")):
        out = pathlib.Path(scratch) / "lint.json"
        run = subprocess.run(["dpuc", "lint-quant", path, "--json", out], capture_output=True, text=True)
        if run.returncode == 2:
            assert "no fix points" in run.stderr or "empty graph" in run.stderr, (path, run.stderr)
            continue
        assert run.returncode in (0, 1), (path, run.returncode, run.stderr)
        report = json.loads(out.read_text())
        models += 1
        constraints += len(report["constraints"])
        broken += report["errors"]
        changed += report["changed"]
print(f"{models} models, {constraints} constraints, {broken} broken, {changed} changed")
