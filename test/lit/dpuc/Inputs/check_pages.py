"""Has every id that a diagnostic can carry a page, and every page an example? check_pages.py SOURCE [EXEMPT-AREA...]

Ids are the string literals whose area ("budget" of "budget.over") some diagnostic uses. The other way round, a page of
our own about an id that nothing says any more is an error too.
"""
import pathlib
import re
import subprocess
import sys

source, exempt = pathlib.Path(sys.argv[1]), set(sys.argv[2:])
texts = {}
for folder in ("include", "lib", "passes", "targets", "tools"):
    for path in sorted((source / folder).rglob("*")):
        pages = "Pages" in path.name or path.name == "Examples.def"
        if path.suffix in (".cpp", ".h", ".def", ".inc") and not pages:
            texts[path.relative_to(source)] = path.read_text(encoding="utf-8")


def explain(*arguments):
    return subprocess.run(["dpuc", "explain", *arguments], capture_output=True, text=True, check=True).stdout


known = {line.split()[0] for line in explain().splitlines() if line and not line.startswith(" ")}
areas = {area for text in texts.values() for area in re.findall(r'\.rule\("([a-z0-9-]+)\.', text)}
own = re.findall(r'^PAGE\("([^"]+)"', (source / "tools/dpuc/explain/FindingPages.def").read_text(encoding="utf-8"), re.M)
areas |= {page.split(".")[0] for page in own}
said = {}
for path, text in texts.items():
    for name in re.findall(r'"([a-z0-9-]+\.[a-z][a-z0-9-]*)"', text):
        if name.split(".")[0] in areas:
            said.setdefault(name, path)

bad = 0
for name, path in sorted(said.items()):
    if name not in known and name.split(".")[0] not in exempt:
        bad += 1
        print(f"{path}: {name} has no page (tools/dpuc/explain/FindingPages.def)")
for name in own:
    if name not in said and name != "proof.bounded":  # that one is put together
        bad += 1
        print(f"tools/dpuc/explain/FindingPages.def: nothing says {name}")
for name in sorted(known):
    page = explain(name)
    if "\n  compiler " not in page and "\n  example " not in page:  # what a compiler does needs none
        bad += 1
        print(f"the page of {name} has no example")
    if not re.search(r"\n  (fix|remedy|compiler) ", page):
        bad += 1
        print(f"the page of {name} says not what to do")
print(f"{len(said)} ids, {len(known)} pages, {bad} wrong")
sys.exit(bad != 0)
