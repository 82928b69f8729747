#!/usr/bin/python3
"""Make a network hard to quantize without changing what it computes: harden.py IN.dpuir OUT.dpuir [options]

IN is dpuopt's text of a network after clean-up. Every tensor that only convolutions make and read, through Relu, pools
and additions (Clip with --clips), gets a power of two per channel: its makers are followed, its readers preceded by a
BatchNormalization that is that factor or its inverse. `dpuopt --passes=fold-batchnorm` moves them into the weights.
Powers of two round nothing: the result is the same bit for bit. With --relu6 every Relu is a ReLU6 then, which is the
same too as long as nothing reaches 6: --top says how small everything has become.
"""
import argparse
import random
import re
import shutil

NAME = re.compile(r'%(?:"[^"]*"|[^\s,():]+)')
COMMUTE = {"onnx.Relu", "onnx.MaxPool", "onnx.AveragePool", "onnx.GlobalAveragePool", "onnx.Add"}


class Op:
    def __init__(self, line):
        head, rest = line.strip().split(" = ", 1)
        call, self.tail = rest.split(")", 1) if rest.startswith("onnx.") else (rest, "")
        self.results = NAME.findall(head)
        self.kind = rest.split("(")[0].split()[0]
        self.operands = re.findall(NAME.pattern + "|_", call[len(self.kind):]) if self.tail else []
        types = re.findall(r": (.*)", self.tail.replace('" ', '"'))
        self.type = types[0].split(" @")[0].split(", ")[0] if types else ""
        self.line = line

    def text(self):
        if not self.tail:
            return self.line
        return "  %s = %s(%s)%s" % (", ".join(self.results), self.kind, ", ".join(self.operands), self.tail)


class Sets:
    def __init__(self):
        self.parent = {}

    def find(self, x):
        while self.parent.setdefault(x, x) != x:
            x = self.parent[x]
        return x

    def join(self, a, b):
        self.parent[self.find(a)] = self.find(b)


def regions(ops, outputs, commute):
    """Tensors that may be scaled, and which must be scaled alike."""
    sets, constants = Sets(), {op.results[0] for op in ops if not op.tail}
    made = {r for op in ops for r in op.results}
    fixed = set(outputs)
    for op in ops:
        used = [v for v in op.operands if v not in constants]
        fixed.update(v for v in used if v not in made)  # graph inputs
        if op.kind in commute:
            for v in used:
                sets.join(v, op.results[0])
            fixed.update(op.results[1:])
            if op.kind == "onnx.Add" and len(used) < 2:
                fixed.add(op.results[0])
        elif op.kind != "onnx.Conv":
            fixed.update(used + op.results)
    fixed = {sets.find(v) for v in fixed}
    return {v: sets.find(v) for v in made if v not in constants and sets.find(v) not in fixed}


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("source")
    ap.add_argument("target")
    ap.add_argument("--bits", type=int, default=7, help="factors of one tensor are 2^(top - bits) to 2^top")
    ap.add_argument("--top", type=int, default=0)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--clips", action="store_true", help="look through Clip: not exact")
    ap.add_argument("--relu6", action="store_true", help="make every Relu a ReLU6")
    args = ap.parse_args()

    rng = random.Random(args.seed)
    lines = open(args.source).read().splitlines()
    ops = [Op(l) for l in lines if " = " in l and l.startswith("  %")]
    outputs = [v for l in lines if l.startswith("  return") for v in NAME.findall(l)]
    scaled = regions(ops, outputs, COMMUTE | ({"onnx.Clip"} if args.clips else set()))
    types = {op.results[0]: op.type for op in ops}
    exponents, count, body = {}, 0, []

    def scale(value, result, sign):
        """BatchNormalization with the factors of `value`'s region, or their inverses."""
        nonlocal count
        channels = int(types[value].split("x")[1])
        powers = exponents.setdefault(scaled[value],
                                      [args.top - rng.randint(0, args.bits) for _ in range(channels)])
        count += 1
        n, shape = "hard%d" % count, "f32<%d>" % channels
        return ["  %%%s_k = const dense(%s) : %s" % (n, ", ".join(repr(2.0 ** (sign * p)) for p in powers), shape),
                "  %%%s_0 = const splat(0) : %s" % (n, shape), "  %%%s_1 = const splat(1) : %s" % (n, shape),
                "  %s = onnx.BatchNormalization(%s, %%%s_k, %%%s_0, %%%s_0, %%%s_1) {epsilon = 0.0} : %s"
                % (result, value, n, n, n, n, types[value])]

    renamed = {}
    for op in ops:
        if op.kind == "onnx.Conv" and op.operands[0] in scaled:
            value = op.operands[0]
            op.operands[0] = "%%hard_in%d" % count
            body += [l.replace("(%s," % value, "(%s," % renamed.get(value, value)) for l in scale(value, op.operands[0], -1)]
        op.operands = [renamed.get(v, v) for v in op.operands]
        if op.kind == "onnx.Relu" and args.relu6:
            op.kind, n = "onnx.Clip", len(body)
            op.operands += ["%%low%d" % n, "%%six%d" % n]
            body += ["  %%low%d = const dense(0.0) : f32<>" % n, "  %%six%d = const dense(6.0) : f32<>" % n]
        body.append(op.text())
        if op.kind == "onnx.Conv" and op.results[0] in scaled:
            value = op.results[0]
            renamed[value] = "%%hard_out%d" % count
            body += scale(value, renamed[value], 1)
    out = [l for l in lines if not (" = " in l and l.startswith("  %"))]
    with open(args.target, "w") as f:
        f.write("\n".join([out[0]] + body + out[1:]) + "\n")
    try:
        shutil.copy(args.source + ".bin", args.target + ".bin")
    except FileNotFoundError:
        pass
    print("%d tensors of %d convolutions" % (len(exponents), sum(op.kind == "onnx.Conv" for op in ops)))


if __name__ == "__main__":
    main()
