"""Checks what the forms of dpuc lint-quant have in common with its text."""
import json
import sys

report = json.load(open(sys.argv[1]))
assert report["clean"] is False and report["errors"] == 1, report
broken = [c for c in report["constraints"] if c["broken"]]
assert [c["rule"] for c in broken] == ["quant.shift-cut"], broken
assert broken[0]["amount"] == -2 and broken[0]["margin"] == -2, broken
ways = broken[0]["ways"]
assert [w["cheapest"] for w in ways] == [True] + [False] * (len(ways) - 1), ways
assert [w["cost"] for w in ways] == sorted(w["cost"] for w in ways), ways
by_tensor = {w["moves"][0]["tensor"]: w for w in ways}
assert by_tensor["y"]["tools"] == ["vai_q_pytorch"], ways
assert by_tensor["w"]["tools"] == ["vai_q_onnx", "vai_q_tensorflow2"], ways
assert by_tensor["w"]["moves"][0]["parameter"]["snr_before"] is None, ways

sarif = json.load(open(sys.argv[2]))
run = sarif["runs"][0]
assert sarif["version"] == "2.1.0" and len(run["results"]) == 1, sarif
result = run["results"][0]
assert result["level"] == "error" and result["ruleId"] == "quant.shift-cut", result
assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "quant.shift-cut", run
