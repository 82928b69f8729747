"""What a reader does with the page of dpuc check: check_page.py PAGE.html [SCREENSHOT.png]"""
import sys
sys.dont_write_bytecode = True
from browser import Browser  # noqa: E402

page = sys.argv[1]
BOX = "(b => [b.x, b.y, b.width, b.height])(document.getElementById('graph').viewBox.baseVal)"
INFO = "document.getElementById('info').textContent"
DIM = "document.querySelectorAll('.node.dim').length"
HIT = "[...document.querySelectorAll('.hit')].map(n => +n.dataset.i)"
MIDDLE = "(e => { const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })"


def middle(browser, selector):
    return browser.value(f"{MIDDLE}(document.querySelector({selector!r}))")


def near(a, b, within=1.5):
    return all(abs(x - y) <= within for x, y in zip(a, b))


def passed(what):
    print(what, flush=True)


def luminance(browser, expression):
    """Of a CSS colour "rgb(r, g, b)", 0 to 1."""
    text = browser.value(expression)
    red, green, blue = (int(v) for v in text[text.index("(") + 1:-1].split(",")[:3])
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


with Browser() as b:
    seconds = b.open(page)
    count = b.value("nodes.length")
    assert count == b.value("ops.length") > 0
    print(f"{count} nodes, loaded in {seconds * 1000:.0f} ms", file=sys.stderr)
    passed("opens")

    b.value("document.getElementById('stage').scrollIntoView()")
    x, y, width, height = b.value("(r => [r.x, r.y, r.width, r.height])(stage.getBoundingClientRect())")
    box = b.value(BOX)
    assert near(box[2:], (width, height)) and box[1] < 0
    first = middle(b, ".node")
    assert abs(first[0] - (x + width / 2)) < 2
    passed("starts at the top in natural size")

    at = first
    b.wheel(*at, 120)
    out = b.value(BOX)
    assert out[2] > box[2] and near(middle(b, ".node"), at), (box, out)
    b.wheel(*at, -120)
    assert near(b.value(BOX), box)
    passed("wheel zooms around the pointer")

    before = b.value(INFO)
    b.drag(x + 30, y + 30, 50, 40)
    assert near(b.value(BOX)[:2], (box[0] - 50, box[1] - 40), 5)
    node = middle(b, ".node")
    b.drag(*node, -50, -40)
    assert near(b.value(BOX)[:2], box[:2], 8) and b.value(INFO) == before
    passed("drag moves, and is no click")

    cpu = b.value("ops.findIndex(o => o.device === 'CPU' && o.reasons.length)")
    b.value(f"go({cpu})")
    b.click(*middle(b, f'.node[data-i="{cpu}"]'))
    op = b.value(f"ops[{cpu}]")
    assert all(part in b.value(INFO) for part in (op["name"], op["shape"], "CPU", *op["reasons"])), b.value(INFO)
    assert b.value(HIT) == [cpu]
    passed("click shows the reason")

    b.value("window.scrollTo(0, 0)")
    b.click(*middle(b, ".cause td"))
    caused = b.value("ops.filter(o => o.cause === 0).length")
    assert caused and b.value(DIM) == count - caused and len(b.value(HIT)) == 1
    b.click(*middle(b, ".cause td"))  # again: all
    assert b.value(DIM) == 0
    passed("a row shows the ops of its cause")

    b.click(*middle(b, "#find"))
    b.type("SIGMOID")
    found = b.value("ops.flatMap((o, i) => o.type.includes('sigmoid') ? [i] : [])")
    assert len(found) > 1 and b.value(DIM) == count - len(found) and b.value(HIT) == found[:1]
    for kind in ("keyDown", "keyUp"):
        b.send("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13)
    assert b.value(HIT) == [found[1]] and b.value("found.textContent") == f"2 of {len(found)} "
    in_view = middle(b, f'.node[data-i="{found[1]}"]')
    stage = middle(b, "#stage")
    assert near(in_view, stage, 2), (in_view, stage)
    passed("search finds, Enter goes on")

    b.click(*middle(b, "#fit"))
    box = b.value(BOX)
    whole = b.value("[whole.w, whole.h]")
    assert box[0] <= 0 and box[1] <= 0 and box[2] >= whole[0] and box[3] >= whole[1]
    passed("whole graph fits")

    for kind in ("keyDown", "keyUp"):
        b.send("Input.dispatchKeyEvent", type=kind, key="Escape", code="Escape", windowsVirtualKeyCode=27)
    assert b.value(DIM) == 0 and b.value(HIT) == [] and b.value("document.getElementById('find').value") == ""
    passed("escape shows all")

    b.click(*middle(b, "#home"))
    overlaps = b.value("""(() => { const all = nodes.map((n, i) => place(i)).sort((p, q) => p.y - q.y || p.x - q.x);
        return all.filter((p, i) => i && p.y === all[i - 1].y && p.x - all[i - 1].x < 160).length; })()""")
    assert overlaps == 0
    passed("no node lies on another")

    wide = b.value("""nodes.filter(n => [...n.querySelectorAll('text')].some(t =>
        t.getComputedTextLength() > n.querySelector('rect').width.baseVal.value)).map(n => n.textContent)""")
    assert wide == [], wide
    passed("every label fits its node")
    if len(sys.argv) > 2:
        b.screenshot(sys.argv[2])
    errors = list(b.errors)

with Browser(dark=True) as b:
    b.open(page)
    background = luminance(b, "getComputedStyle(document.body).backgroundColor")
    for selector, what in (("body", "color"), ("#info", "color"), (".node text", "fill")):
        text = luminance(b, f"getComputedStyle(document.querySelector('{selector}')).{what}")
        assert background < 0.2 and text > 0.7, (selector, background, text)
    for device in ("DPU", "CPU"):
        assert luminance(b, f"getComputedStyle(document.querySelector('.node.{device} rect')).fill") < 0.4
    passed("readable on dark screens")
    assert errors + b.errors == [], errors + b.errors
    passed("no errors")
