#!/usr/bin/env python3
"""Calibration once more, from its formulas alone: compares a quant_info.json with it, position by position.

    calibrate_numpy.py MODEL.onnx SAMPLES QUANT_INFO.json [PART.json]
    calibrate_numpy.py MODEL.onnx SAMPLES METHOD=QUANT_INFO.json...

PART.json is what `dpuc calibrate --method diffs --shard 1/1` writes: what was found on each sample, which is compared
as well. METHOD is mse, maxmin or percentile: all values that the float network has on all samples are kept and searched
by brute force.

Shares nothing with the program: reads the ONNX file by itself, executes it in NumPy (the operators of small
classifiers) on the first SAMPLES training images of FashionMNIST, and does what vai_q_pytorch documents: batch norms
folded, parameters rounded, each activation's position found on each sample, the most frequent one so far used before
the value flows on, averages as the DPU computes them, and the shifters' limits repaired at the end.
"""
import collections
import gzip
import json
import math
import os
import struct
import sys

import numpy as np

BITS, LIMIT, ZEROS = 8, 12, 18
LOW, HIGH = -2 ** (BITS - 1), 2 ** (BITS - 1) - 1


# -- ONNX ------------------------------------------------------------------------------------------------------------

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """field number -> list of ints or bytes."""
    found, at = collections.defaultdict(list), 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            if size is None:
                size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        found[key >> 3].append(value)
    return found


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def ints(values):
    """Repeated int64, packed or not."""
    out = []
    for value in values:
        if isinstance(value, int):
            out.append(signed(value))
            continue
        at = 0
        while at < len(value):
            number, at = varint(value, at)
            out.append(signed(number))
    return out


def tensor(data):
    f = fields(data)
    kind = {1: np.float32, 7: np.int64}[f[2][0]]
    if 9 in f:
        values = np.frombuffer(f[9][0], kind)
    else:
        values = np.frombuffer(b"".join(f[4]), kind) if kind is np.float32 else np.array(ints(f[7]), kind)
    return values.reshape(ints(f[1]))


def attribute(data):
    f = fields(data)
    kind = f[20][0]
    value = {1: lambda: struct.unpack("<f", f[2][0])[0], 2: lambda: signed(f[3][0]), 3: lambda: f[4][0].decode(),
             4: lambda: tensor(f[5][0]), 7: lambda: ints(f[8])}[kind]()
    return f[1][0].decode(), value


class Node:
    def __init__(self, op, inputs, output, attrs=None):
        self.op, self.inputs, self.output, self.attrs = op, inputs, output, attrs or {}


def node_of(data):
    f = fields(data)
    return Node(f[4][0].decode(), [x.decode() for x in f[1]], f[2][0].decode(), dict(attribute(a) for a in f[5]))


class Model:
    def __init__(self, path):
        with open(path, "rb") as file:
            graph = fields(fields(file.read())[7][0])
        self.consts = {fields(t)[8][0].decode(): tensor(t) for t in graph[5]}
        self.nodes = [node_of(n) for n in graph[1]]
        self.inputs = [fields(v)[1][0].decode() for v in graph[11]]
        self.inputs = [i for i in self.inputs if i not in self.consts]
        self.outputs = [fields(v)[1][0].decode() for v in graph[12]]
        self.simplify()

    def simplify(self):
        """Constants out of nodes, batch norms into the convolutions before them, means over images as pools."""
        kept, maker = [], {}
        for node in self.nodes:
            if node.op == "Constant":
                self.consts[node.output] = node.attrs["value"]
            elif node.op == "ConstantOfShape":
                self.consts[node.output] = np.full(self.consts[node.inputs[0]], node.attrs["value"][0])
            elif node.op == "Identity" and node.inputs[0] in self.consts:
                self.consts[node.output] = self.consts[node.inputs[0]]
            elif node.op == "BatchNormalization":
                self.fold(maker[node.inputs[0]], node)
                maker[node.output] = maker[node.inputs[0]]
            else:
                kept += self.as_pool(node) if node.op == "ReduceMean" else [node]
                maker[node.output] = kept[-1]
        self.nodes = kept

    def as_pool(self, mean):
        assert mean.attrs["axes"] in ([2, 3], [-2, -1]) and not mean.attrs.get("keepdims", 1)
        return [Node("GlobalAveragePool", mean.inputs, mean.output + "_pool"),
                Node("Flatten", [mean.output + "_pool"], mean.output)]

    def fold(self, conv, norm):
        assert conv.op == "Conv"
        gamma, beta, mean, variance = (self.consts[i].astype(np.float64) for i in norm.inputs[1:])
        scale = gamma / np.sqrt(variance + norm.attrs.get("epsilon", 1e-5))
        weight = conv.inputs[1]
        if len(conv.inputs) < 3:
            conv.inputs.append(weight.replace(".weight", ".bias"))
            self.consts[conv.inputs[2]] = np.zeros(len(gamma))
        self.consts[weight] = (self.consts[weight] * scale[:, None, None, None]).astype(np.float32)
        self.consts[conv.inputs[2]] = ((self.consts[conv.inputs[2]] - mean) * scale + beta).astype(np.float32)
        conv.output = norm.output


# -- Fix points ------------------------------------------------------------------------------------------------------

def half_up(x):
    return np.floor(x + 0.5)


def half_away(x):
    return np.sign(x) * np.floor(np.abs(x) + 0.5)


def fake(x, position, rounding):
    steps = x.astype(np.float64) * 2.0 ** position
    return np.clip(rounding(steps), LOW, HIGH) * 2.0 ** -position


def largest_without_overflow(least, most):
    step = max(float(least) / (LOW - 0.5), float(most) / (HIGH + 0.5))
    return math.floor(math.log2(1 / step)) if step > np.finfo(np.float32).tiny else ZEROS


def least_error(x, positions, rounding):
    return positions[int(np.argmin([np.sum((x - fake(x, p, rounding)) ** 2) for p in positions]))]


def diffs(x, tries, rounding):
    first = largest_without_overflow(x.min(), x.max())
    return min(first if tries == 1 else least_error(x, range(first, first + tries), rounding), LIMIT)


def whole_set(x, method, rounding):
    """Position of all the values of all samples."""
    least, most = x.min(), x.max()
    if method == "percentile":
        threshold = np.sort(np.abs(x))[math.ceil(0.9999 * x.size) - 1]
        least, most = max(least, -threshold), min(most, threshold)
    first = min(largest_without_overflow(least, most), LIMIT)
    return least_error(x, range(first, min(first + 8, LIMIT) + 1), rounding) if method == "mse" else first


def mode(history):
    counts = collections.Counter(history)
    return min(p for p in counts if counts[p] == max(counts.values()))


def average_factor(kh, kw):
    """What the DPU's average is multiplied by compared with the exact one."""
    n, m = {(3, 3): (7, 6), (5, 5): (10, 8), (6, 6): (7, 8), (7, 7): (21, 10), (14, 14): (21, 12)}.get((kh, kw), (0, 0))
    if n == 0:
        size = kh * kw
        m = min(range(math.ceil(math.log2(128 * size))), key=lambda k: abs(round(2 ** k / size) / 2 ** k - 1 / size))
        n = round(2 ** m / size)
    return kh * kw * n / 2 ** m


# -- Operators -------------------------------------------------------------------------------------------------------

def windows(x, kernel, strides, pads, fill):
    top, left, bottom, right = pads
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))[:, :, ::strides[0], ::strides[1]]


def conv(node, x, w, b=None):
    groups = node.attrs.get("group", 1)
    parts = windows(x, w.shape[2:], node.attrs.get("strides", [1, 1]), node.attrs.get("pads", [0] * 4), 0)
    if groups == 1:
        y = np.einsum("nchwij,ocij->nohw", parts, w, optimize=True)
    else:
        parts = parts.reshape(x.shape[0], groups, -1, *parts.shape[2:])
        y = np.einsum("ngchwij,gocij->ngohw", parts, w.reshape(groups, -1, *w.shape[1:]))
        y = y.reshape(x.shape[0], w.shape[0], *y.shape[3:])
    return y if b is None else y + b[:, None, None]


def gemm(node, x, w, b=0):
    return x @ (w.T if node.attrs.get("transB") else w) + b


def max_pool(node, x):
    kernel = node.attrs["kernel_shape"]
    return windows(x, kernel, node.attrs.get("strides", [1, 1]), node.attrs.get("pads", [0] * 4), -np.inf).max((4, 5))


OPS = {
    "Conv": conv, "Gemm": gemm, "MaxPool": max_pool,
    "Relu": lambda node, x: np.maximum(x, 0),
    "Clip": lambda node, x, low, high: np.clip(x, low, high),
    "Add": lambda node, x, y: x + y,
    "Flatten": lambda node, x: x.reshape(x.shape[0], -1),
    "GlobalAveragePool": lambda node, x: x.mean((2, 3), keepdims=True) * average_factor(*x.shape[2:]),
}
JOINS = {"Relu", "Clip", "Flatten"}  # ... the group of what it reads
MOVES = {"Flatten"}
LINEAR = {"Conv", "Gemm"}


# -- Calibration -----------------------------------------------------------------------------------------------------

class Calibration:
    def __init__(self, model):
        self.model = model
        self.readers = collections.Counter(i for n in model.nodes for i in n.inputs)
        self.ends = self.group_ends()
        self.params = {}
        self.history, self.used, self.extreme = (collections.defaultdict(list) for _ in range(3))
        self.rounded = dict(model.consts)
        for node in model.nodes:
            for name in node.inputs[1:] if node.op in LINEAR else []:
                self.params[name] = diffs(model.consts[name], 5, half_away)
                self.rounded[name] = fake(model.consts[name], self.params[name], half_away)

    def group_ends(self):
        """value -> the value whose position is its own."""
        ends, reader = {}, {i: n for n in self.model.nodes for i in n.inputs}
        for node in self.model.nodes:
            end = node.output
            while self.readers[end] == 1 and reader[end].op in JOINS:
                end = reader[end].output
            ends[node.output] = end
        maker = {n.output: n for n in self.model.nodes}
        for value, end in ends.items():
            while end in maker and maker[end].op in MOVES:
                end = maker[end].inputs[0]
            ends[value] = end
        return ends | {i: i for i in self.model.inputs}

    def see(self, name, x, tries, rounding):
        self.history[name].append(diffs(x, tries, rounding))
        self.used[name].append(mode(self.history[name]))
        self.extreme[name].append(float(np.abs(x).max()))
        return fake(x, self.used[name][-1], rounding)

    def run(self, image):
        values = dict(self.rounded)
        values[self.model.inputs[0]] = self.see(self.model.inputs[0], image, 1, half_away)
        for node in self.model.nodes:
            y = OPS[node.op](node, *(values[i] for i in node.inputs)).astype(np.float32)
            values[node.output] = self.see(node.output, y, 5, half_up) if self.ends[node.output] == node.output else y

    def positions(self):
        """After repairs, head to tail."""
        outputs = {name: mode(h) for name, h in self.history.items()}
        for node in self.model.nodes:
            if node.op not in LINEAR:
                continue
            source, end = self.ends[node.inputs[0]], self.ends[node.output]
            weight, bias = node.inputs[1], (node.inputs[2:] + [None])[0]
            cut = self.params[weight] + outputs[source] - outputs[end]
            if cut < 0:
                outputs[end] += cut
            elif cut > 16:
                self.params[weight] -= cut - 16
            if bias is None:
                continue
            shift, least = self.params[weight] + outputs[source] - self.params[bias], min(0, -(24 - (8 + cut)))
            if shift < least:
                self.params[bias] += shift - least
            elif shift > 16:
                self.params[weight] -= shift - 16
        return self.params | outputs


class WholeSet(Calibration):
    """All values first, searched at the end; nothing is rounded before."""

    def __init__(self, model):
        super().__init__(model)
        self.rounded, self.values = dict(model.consts), collections.defaultdict(list)

    def see(self, name, x, tries, rounding):
        self.values[name].append(x.ravel())
        return x

    def search(self, method):
        for name in self.params:
            x = self.model.consts[name].ravel()
            self.params[name] = whole_set(x, "maxmin" if method == "maxmin" else "mse", half_away)
        for name, parts in self.values.items():
            how = "maxmin" if name in self.model.inputs else method
            self.history[name] = [whole_set(np.concatenate(parts), how, half_up)]


def images(count):
    folder = os.environ.get("DPUOPT_FASHION_MNIST") or "/usr/share/datasets/fashion-mnist"
    with gzip.open(folder + "/train-images-idx3-ubyte.gz") as file:
        data = file.read(16 + 784 * count)
    return np.frombuffer(data, np.uint8, offset=16).reshape(count, 1, 1, 28, 28).astype(np.float32) / np.float32(255)


def compare_positions(calibration, info):
    ours = calibration.positions()
    theirs = {name: entry[0][1] for part in ("param", "output") for name, entry in info[part].items()}
    names = ours.keys() | theirs.keys()
    for name in sorted(names):
        if ours.get(name) != theirs.get(name):
            print(f"{name}: {ours.get(name)} by the formulas, {theirs.get(name)} in the file;"
                  f" found on samples: {collections.Counter(calibration.history[name])}")
    same = sum(name in ours and ours[name] == theirs.get(name) for name in names)
    print(f"{same} of {len(names)} positions agree")
    return same == len(names)


def compare_samples(calibration, names, part):
    """`names`: of the activations, in the order of the numbers in `part`."""
    same = total = 0
    for i, sample in enumerate(part["samples"]):
        for slot, name in enumerate(names):
            ours = (calibration.history[name][i], calibration.used[name][i])
            theirs = (sample["found"][slot], sample["used"][slot])
            close = math.isclose(calibration.extreme[name][i], sample["extreme"][slot], rel_tol=1e-6)
            if ours != theirs or not close:
                print(f"{sample['name']}, {name}: {ours} {calibration.extreme[name][i]} by the formulas,"
                      f" {theirs} {sample['extreme'][slot]} in the file")
            same += ours == theirs and close
            total += 1
    print(f"{same} of {total} positions found on samples agree")
    return same == total


def load(path):
    with open(path) as file:
        return json.load(file)


def main():
    model, count, first, *rest = sys.argv[1:]
    methods = [text.split("=", 1) for text in [first, *rest]] if "=" in first else []
    calibration = WholeSet(Model(model)) if methods else Calibration(Model(model))
    for image in images(int(count)):
        calibration.run(image)
    good = True
    for method, info in methods:
        calibration.search(method)
        good &= compare_positions(calibration, load(info))
    if not methods:
        good = compare_positions(calibration, load(first))
        for part in rest:
            good &= compare_samples(calibration, list(load(first)["output"]), load(part))
    return not good


if __name__ == "__main__":
    sys.exit(main())
