"""Are the files that dpuc check writes what their readers take? check_formats.py SARIF JUNIT JSON HTML SVG"""
import html.parser
import json
import sys
import xml.etree.ElementTree as ET

sarif, junit, report, page, picture = sys.argv[1:]

# SARIF 2.1.0: what its schema requires of the parts we write.
log = json.load(open(sarif, encoding="utf-8"))
assert log["version"] == "2.1.0" and "sarif-2.1.0" in log["$schema"]
(run,) = log["runs"]
driver = run["tool"]["driver"]
assert driver["name"] == "dpuc"
rules = driver["rules"]
assert len({rule["id"] for rule in rules}) == len(rules)
assert len(run["results"]) == 2
for result in run["results"]:
    assert result["message"]["text"]
    assert result["level"] in ("none", "note", "warning", "error")
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    (where,) = result["locations"]
    uri = where["physicalLocation"]["artifactLocation"]["uri"]
    assert uri and " " not in uri and "\\" not in uri
    assert where["logicalLocations"][0]["fullyQualifiedName"] in ("/s", "/t")

root = ET.parse(junit).getroot()
cases = root.findall("testsuite/testcase")
assert root.tag == "testsuites" and len(cases) == int(root.get("tests"))
assert len(root.findall("testsuite/testcase/failure")) == int(root.get("failures")) == 2

facts = json.load(open(report, encoding="utf-8"))
(cause,) = facts["causes"]
assert cause["nodes"] == ["/s", "/t"] and cause["rules"][0]["id"] == "op.unsupported" and cause["rules"][0]["source"]
assert facts["change_first"]["first_causes"] == [0] and facts["change_first"]["exact"]
assert facts["cpu_ops"] == 2 and len(facts["tensors_between_devices"]) == 6
assert [op["cause"] for op in facts["ops"] if op["device"] == "CPU"] == [0, 0]

svg = ET.parse(picture).getroot()
nodes = [g for g in svg.iter("{http://www.w3.org/2000/svg}g") if g.get("class", "").startswith("node ")]
assert len(nodes) == len(facts["ops"])


class Page(html.parser.HTMLParser):
    """Nothing is loaded from elsewhere."""

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            assert name not in ("src", "href") or value == "data:,", (tag, name, value)


text = open(page, encoding="utf-8").read()
Page().feed(text)
assert text.count('class="node ') == len(facts["ops"])
