"""hostile.py BUILD FOLDER WHAT: models, files and entries of batches with names that mean something to a shell, a file system, a
terminal, a compiler or a browser. Whatever dpuc writes must stay in its folder, must be what it is (JSON, XML, C++, Python, a
line for a shell), and must run nothing."""
import ast
import glob
import html.parser
import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree

build, root, what = sys.argv[1:]
os.makedirs(root + "/here")
os.chdir(root + "/here")
dpuc, compiler = build + "/bin/dpuc", build + "/test/compiler/vai_c_xir"

TEXT = [b"../../x", b"/etc/passwd", b"$(touch pwned)", b"`touch pwned`", b"; touch pwned #", b"a\ntouch pwned\n", b"\r\n", b"CON",
        b"nul.txt", b"'\"\\", b"'; touch pwned; '", b"\"; touch pwned; \"", b"</script><script>alert(1)</script>", b"]]>", b"<!--", b"-->",
        b"%s%n{}{0}%1", b"*/ #include \"/etc/passwd\" /*", b"??/\n", b"\"\"\"\nimport os\nos.system('touch pwned')\n\"\"\"", b"{{x}}", b"-rf", b"--",
        b"\x1b[31mred\x1b]0;title\x07", "ünï\U0001d11e".encode(), "a\u202eb".encode(), b" ", b"\t", b"//", b"\\\n#define x", b"R\"(x)\"", b"&amp;<b>",
        b"long" * 2500, b"\\u0041\\x41\\101", b"'''", b"\\N{DASH}", b"\\"]
ODD = [b"\xff\xfe\x80", b"a\xc3", b"a\0b", b"\xed\xa0\x80"]  # no UTF-8, or a string that ends early


#===-- An ONNX file ------------------------------------------------------------------------
def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def text(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, dims):
    count = 1
    for d in dims:
        count *= d
    data = struct.pack(f"<{count}f", *[((i * 7) % 13 - 6) / 16 for i in range(count)])
    return b"".join(number(1, d) for d in dims) + number(2, 1) + text(8, name) + text(9, data)


def value(name, dims):
    shape = b"".join(text(1, number(1, d)) for d in dims)
    return text(1, name) + text(2, text(1, number(1, 1) + text(2, shape)))


def ints(name, values):
    return text(5, text(1, name) + b"".join(number(8, v) for v in values) + number(20, 7))


def node(kind, name, inputs, output, attributes=b""):
    return text(1, b"".join(text(1, i) for i in inputs) + text(2, output) + text(3, name) + text(4, kind) + attributes)


def model(path, names, graph=b"net", cpu=False):
    """An input, a stem, and for each name a convolution whose node, weights and output are called that."""
    given = b"in" + names[0]
    body = node(b"Conv", names[0] + b"stem", [given, names[0] + b"w"], names[0] + b"s", ints(b"kernel_shape", [3, 3]) + ints(b"pads", [1] * 4))
    rest = text(5, tensor(names[0] + b"w", [4, 1, 3, 3])) + text(11, value(given, [1, 1, 8, 8]))
    for i, name in enumerate(names):
        made = name + b"c" if cpu else name
        body += node(b"Conv", name, [names[0] + b"s", name + b"v"], made, ints(b"kernel_shape", [1, 1]))
        if cpu:
            body += node(b"Elu", name + b"e", [made], name)
        rest += text(5, tensor(name + b"v", [2, 4, 1, 1])) + text(12, value(name, [1, 2, 8, 8]))
    with open(path, "wb") as file:
        file.write(number(1, 8) + text(7, body + text(2, graph) + rest) + text(8, number(2, 13)))
    return path


def samples():
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 8, 8), }"
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    with open("samples.npy", "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<128f", *[(i % 9 - 4) / 4 for i in range(128)]))
    return "samples.npy"


#===-- What must hold -----------------------------------------------------------------------
def nothing_escaped(known=("here",)):
    found = set(os.listdir(root))
    assert found == set(known), found
    for folder, folders, files in os.walk(os.fsencode(root)):
        assert b"pwned" not in files + folders, folder
    assert not os.path.exists("/tmp/pwned") and not os.path.exists(os.path.expanduser("~/pwned"))


def run(words, good=(0, 1), timeout=60, **how):
    done = subprocess.run(words, capture_output=True, timeout=timeout, **how)
    assert done.returncode in good, (words[:6], done.returncode, done.stderr[-2000:])
    for said in (done.stdout, done.stderr):
        assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", said), (words[:6], said[-2000:])
        said.decode()  # UTF-8
    return done


compiled = set()  # headers, without their hashes


class Page(html.parser.HTMLParser):
    """The scripts in it."""
    def __init__(self):
        super().__init__()
        self.scripts = []

    def handle_starttag(self, tag, attributes):
        if tag == "script":
            self.scripts.append(dict(attributes))
        assert not any(name.startswith("on") for name, _ in attributes), attributes


def is_what_it_is(path):
    name = os.fsdecode(path)
    data = open(path, "rb").read()
    if name.endswith((".json", ".sarif")):
        json.loads(data.decode())
    elif name.endswith((".xml", ".svg")):
        xml.etree.ElementTree.fromstring(data)
    elif name.endswith(".py"):
        tree = ast.parse(data.decode())
        assert all(isinstance(n, (ast.Import, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.Expr, ast.AnnAssign, ast.ImportFrom)) for n in tree.body)
    elif name.endswith(".h"):
        if not shutil.which("c++") or (key := re.sub(rb"[0-9a-f]{32,}", b"", data)) in compiled:
            return None
        compiled.add(key)
        run(["c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fsyntax-only", "-x", "c++", path], good=(0,))
    elif name.endswith(".html"):
        page = Page()
        page.feed(data.decode())
        assert b"<script>alert" not in data
        return page.scripts
    elif name.endswith(".dot"):  # strings are closed, and nothing but words, numbers and punctuation is outside of them
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", data.decode(), flags=re.S)
        assert '"' not in bare and "touch" not in bare and "script" not in bare, bare[:300]


def package(path, out, *more):
    done = run([dpuc, "compile", path, "--calib", samples(), "--target", "kv260", "--vai-c-xir", compiler, "-o", out, *more])
    for leaf in os.listdir(out):
        is_what_it_is(os.path.join(out, leaf))
    return done


#===-- Cases ----------------------------------------------------------------------------------
def in_models():
    path = model("net.onnx", TEXT)
    package(path, "out")
    run([dpuc, "verify", "out/net_int.xmodel", "out/net.xmodel"], good=(0,))
    assert len(json.load(open("out/contract.json"))["outputs"]) == len(TEXT)
    for words in (["-l"], ["-m"], ["--graph", "svg", "-o", "g.svg"], ["--graph", "dot", "-o", "g.dot"]):
        for file in ("out/net_int.xmodel", "out/net.xmodel"):
            run([dpuc, "xmodel", file, *words])
            if "-o" in words:
                is_what_it_is(words[-1])
    cpu = model("cpu.onnx", TEXT, cpu=True)
    run([dpuc, "check", cpu, "--json=c.json", "--sarif=c.sarif", "--html=c.html", "--junit=c.xml", "--dot=c.dot", "--github"])
    for file in ("c.json", "c.sarif", "c.xml", "c.dot"):
        is_what_it_is(file)
    plain = model("plain.onnx", [b"plain%d" % i for i in range(3)], cpu=True)
    run([dpuc, "check", plain, "--html=p.html"])
    assert is_what_it_is("c.html") == is_what_it_is("p.html"), "another script"
    package(cpu, "cpu")
    nothing_escaped()
    print("tensors and nodes:", len(TEXT), "names")
    for name in TEXT:
        package(model("graph.onnx", [b"o"], graph=name), "graph")
    nothing_escaped()
    print("graphs:", len(TEXT), "names")
    refused = []
    for i, name in enumerate(ODD):
        for path in (model(f"odd{i}.onnx", [name]), model(f"oddgraph{i}.onnx", [b"o"], graph=name)):
            done = run([dpuc, "compile", path, "--calib", samples(), "--vai-c-xir", compiler, "-o", f"odd{i}"], good=(0, 1, 2))
            if done.returncode == 2:
                assert done.stderr.count(b"error:") == 1, done.stderr
                refused.append(path)
            run([dpuc, "check", path, "--json=o.json", "--sarif=o.sarif", "--html=o.html", "--junit=o.xml", "--dot=o.dot"], good=(0, 1, 2))
            for file in ("o.json", "o.sarif", "o.xml", "o.dot", "o.html"):
                if os.path.exists(file):
                    is_what_it_is(file)
    nothing_escaped()
    print("odd ones:", len(ODD), "names, refused:", *refused)


FILES = [b"a b", b"q'uote", b"d\"q", b"$HOME $(touch pwned)", b"`touch pwned`", b"-dash", b"-x=y", "ü\u4e2d".encode(), b"new\nline", b"semi;touch pwned;", b"[a]{b}*?", b"%d%n", b"..",
         b"trailing ", b"nul", b"tab\t", b"back\\slash", b"#hash", b"~", b"long" * 50, b"!$&|<>", b"e\xcc\x81", b"\x1b[31m"]


def stubs():
    """ssh runs what it is told as a shell at the other end would; everything else notes its words."""
    os.makedirs("stubs", exist_ok=True)
    for name in ("scp", "mkdir", "md5sum", "xdputil", "vai_c_xir"):
        with open("stubs/" + name, "w") as file:
            file.write("#!/bin/sh\nfor a in \"$0\" \"$@\"; do printf '%s\\0' \"$a\" >> \"$NOTES\"; done\nprintf '\\0' >> \"$NOTES\"\n")
    with open("stubs/ssh", "w") as file:
        file.write("#!/bin/sh\nshift\nexec sh -c \"$*\"\n")
    for name in os.listdir("stubs"):
        os.chmod("stubs/" + name, 0o755)
    return {"PATH": os.path.abspath("stubs") + ":/bin", "NOTES": os.path.abspath("notes")}


def in_files():
    for i, name in enumerate(FILES):
        path = b"./" + name + b".onnx"
        model(path, [b"out"])
        out = b"out%d" % i
        package(path, out)
        assert name + b".xmodel" in os.listdir(out) and name + b"_int.xmodel" in os.listdir(out)
        if b"\n" in name:
            continue
        # The lines of the note for people, as they would paste them.
        environment = stubs()
        lines = [l[4:] for l in open(out + b"/INSTALL.txt", "rb").read().split(b"\n") if l.startswith(b"    ")]
        open("notes", "w").close()
        for line in lines:
            if not line.startswith(b"cd "):
                subprocess.run([b"/bin/sh", b"-c", line], cwd=out, env=environment, check=True, stdout=subprocess.DEVNULL)
        notes = [w.split(b"\0") for w in open("notes", "rb").read().split(b"\0\0")]
        copied = next(w for w in notes if w[0].endswith(b"scp"))
        assert any(w.endswith(name + b".xmodel") for w in copied), copied
        nothing_escaped()
    print("files:", len(FILES), "names")


def in_batches():
    os.makedirs("nets")
    for name in FILES:
        model(b"nets/" + name + b".onnx", [b"out"])
    model("nets/plain.onnx", [b"out"])
    flags = ["--calib", os.path.abspath(samples()), "--vai-c-xir", compiler, "--no-xir-check"]
    good = [n for n in FILES if not any(c < 32 for c in n)] + [b"plain"]
    done = run([dpuc, "compile", "--batch", "nets", "--jobs", "2", "-o", "batch", *flags], good=(0,), timeout=300)
    refused = done.stderr.count(b"is left out: a control character is in its name")
    assert refused == len(FILES) + 1 - len(good), done.stderr
    summary = json.load(open("batch/summary.json"))["jobs"]
    assert len(summary) == len(good) and all(r["result"] == "ok" for r in summary), summary
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", r["name"]) and r["name"][0] not in ".-" for r in summary), [r["name"] for r in summary]
    nothing_escaped()
    print("batch:", len(good), "names, refused:", refused)
    run([dpuc, "compile", "--batch", "nets", "-o", "built", "--ninja", "build.ninja", *flags], good=(0,))
    run(["ninja", "-f", "build.ninja"], good=(0,), timeout=300)
    assert len(glob.glob("built/*/report.json")) == len(good)
    assert b"no work to do" in run(["ninja", "-f", "build.ninja"], good=(0,)).stdout
    nothing_escaped()
    print("ninja:", len(good), "names")
    lines = run([dpuc, "compile", "--batch", "nets", "-o", "shard", "--print-shard", "1/1", *flags], good=(0,)).stdout
    run(["sh", "-e"], good=(0,), input=lines, timeout=300)
    assert len(glob.glob("shard/*/report.json")) == len(good)
    nothing_escaped()
    print("shards:", len(good), "names")
    # Names that a TOML file gives.
    for name in TEXT:
        with open("models.toml", "w") as file:
            file.write('[[model]]\nonnx = "nets/plain.onnx"\nname = ' + json.dumps(name.decode()).replace("\\ud834\\udd1e", "\\U0001D11E") + "\n")
        line = run([dpuc, "compile", "--batch", "models.toml", "-o", "toml", "--print-shard", "1/1", *flags], good=(0,)).stdout.decode()
        words = shlex.split(line)
        assert words[-2] == "-o" and os.path.dirname(words[-1]) == os.path.abspath("toml"), line
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", os.path.basename(words[-1])), line
    run([dpuc, "compile", "--batch", "models.toml", "-o", "toml", *flags], good=(0,))
    nothing_escaped()
    print("toml:", len(TEXT), "names")


{"models": in_models, "files": in_files, "batches": in_batches}[what]()
