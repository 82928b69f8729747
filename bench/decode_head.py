#!/usr/bin/python3
"""What reading a detector's maps costs: decode_head.py BUILD MODEL.onnx [SCORE].

Strips the head of the model, writes its contract's code, and times, on maps of which some dozens of cells are objects:
the C++ header, the NumPy module, and the same decoding in plain float NumPy (every number dequantized, every sigmoid
computed, then the threshold and the same suppression). Prints milliseconds and their ratio to the last; the best of
several runs in this process each, so that a busy machine matters less.
"""
import importlib.util
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

TIMED = """
#include "NAME.h"
#include <chrono>
#include <cstdio>
namespace m = NAME;
static std::vector<std::int8_t> bytes(const char *path, std::size_t size) {
  std::vector<std::int8_t> all(size);
  std::FILE *f = std::fopen(path, "rb");
  return std::fread(all.data(), 1, size, f) == size ? all : std::vector<std::int8_t>();
}
template <class F> void time(const char *what, F f) {
  double best = 1e9;
  for (int i = 0; i < 200; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::printf("%s %.9f\\n", what, best);
}
int main() {
  std::vector<std::vector<std::int8_t>> maps;
  std::vector<const std::int8_t *> data;
  for (std::size_t o = 0; o < std::size(m::outputs); ++o)
    maps.push_back(bytes(("map" + std::to_string(o)).c_str(), m::outputs[o].elements)), data.push_back(maps.back().data());
  std::size_t found = 0;
  time("detect", [&] { found = m::detect(data.data(), SCOREf).size(); });
  std::printf("found %zu\\n", found);
  std::vector<std::uint8_t> picture(1920 * 1080 * 3, 77);
  std::vector<std::int8_t> input(m::inputs[0].elements);
  for (bool smooth : {true, false}) {
    m::Fit f = m::letterbox(1920, 1080);
    f.smooth = smooth;
    time(smooth ? "smooth" : "linear", [&] { m::quantize_image(picture.data(), 5760, m::Order::bgr, f, input.data()); });
  }
}
"""


def run(*command):
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):  # 1: findings, such as activations that stay on the CPU
        sys.exit(" ".join(command) + "\n" + done.stderr)


def best(function, runs=20):
    least = 1e9
    for _ in range(runs):
        start = time.perf_counter()
        function()
        least = min(least, time.perf_counter() - start)
    return least


def plain(m, data, score):
    """As such code is usually written: everything in float, then the threshold."""
    boxes, scores = [], []
    numbers = [d.astype(np.float32).reshape(o["shape"])[0] * np.float32(2.0 ** -o["fix_point"])
               for d, o in zip(data, m.OUTPUTS)]
    for g, a in m._anchors():
        t = {}
        for role, count in (("box", BOX), ("objectness", 1), ("classes", m.CLASSES)):
            if role == "objectness" and not HAS_OBJECT:
                continue
            output, first, step = a[role]
            flat = numbers[output].reshape(-1, numbers[output].shape[-1])
            t[role] = flat[:, first:first + count * step:step]
        cell = np.arange(g["height"] * g["width"])
        x = (cell % g["width"] + g["offset"][0]) * g["stride"][0]
        y = (cell // g["width"] + g["offset"][1]) * g["stride"][1]
        if HAS_OBJECT:
            s = 1 / (1 + np.exp(-t["box"]))
            cx, cy = x + 2 * (s[:, 0] - 0.5) * g["stride"][0], y + 2 * (s[:, 1] - 0.5) * g["stride"][1]
            w, h = 4 * s[:, 2] ** 2 * a["size"][0], 4 * s[:, 3] ** 2 * a["size"][1]
            boxes.append(np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], 1))
            scores.append(1 / (1 + np.exp(-t["objectness"])) * (1 / (1 + np.exp(-t["classes"]))))
        else:
            e = np.exp(t["box"].reshape(-1, 4, BOX // 4))
            d = (e / e.sum(2, keepdims=True) * np.arange(BOX // 4, dtype=np.float32)).sum(2)
            boxes.append(np.stack([x - d[:, 0] * g["stride"][0], y - d[:, 1] * g["stride"][1],
                                   x + d[:, 2] * g["stride"][0], y + d[:, 3] * g["stride"][1]], 1))
            scores.append(1 / (1 + np.exp(-t["classes"])))
    boxes, scores = np.concatenate(boxes), np.concatenate(scores)
    labels = scores.argmax(1)
    scores = scores.max(1)
    kept = scores >= score
    boxes, scores, labels = boxes[kept], scores[kept], labels[kept]
    return len(m.nms(boxes, scores, labels))


def maps_of(m):
    """Integers as a detector gives them, whatever its fix points: nearly everywhere no class, at some cells one."""
    random = np.random.default_rng(1)
    maps = [random.normal(0, 12, o["shape"]).clip(-128, 127).astype(np.int8) for o in m.OUTPUTS]
    for g, a in m._anchors():
        output, first, step = a["objectness"] if HAS_OBJECT else a["classes"]
        flat = maps[output].reshape(-1, maps[output].shape[-1])
        count = 1 if HAS_OBJECT else m.CLASSES
        scores = flat[:, first:first + count * step:step]
        scores[...] = random.normal(-100, 8, scores.shape).clip(-128, 127)
        cells = random.choice(len(flat), 8, False)
        scores[cells, random.integers(0, count, 8)] = 100
        if HAS_OBJECT:
            output, first, step = a["classes"]
            flat = maps[output].reshape(-1, maps[output].shape[-1])
            flat[cells, first + random.integers(0, m.CLASSES, 8) * step] = 100
    return maps


build, model = sys.argv[1:3]
tools = os.path.join(os.path.abspath(build), "bin")
with tempfile.TemporaryDirectory() as folder:
    net = os.path.join(folder, "net.onnx")
    run(f"{tools}/dpuc", "fix", model, "--fix", "head=strip", "--count", "1", "-o", net)
    run(f"{tools}/dpuopt", net, "--passes=clean-up,assume-fix-points,lower-to-xir", "-o", f"{folder}/net.xmodel")
    run(f"{tools}/dpuc", "contract", f"{folder}/net.xmodel", "--head", f"{folder}/net.head.json", "--divide", "255", "-o", folder)
    spec = importlib.util.spec_from_file_location("dpu_net", f"{folder}/dpu_net.py")
    m = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(m)
    with open(f"{folder}/dpu_net.py") as f:
        HAS_OBJECT = "_OBJECT[" in f.read()
    BOX = 4 if HAS_OBJECT else 64
    score = float(sys.argv[3]) if len(sys.argv) > 3 else 0.25 if HAS_OBJECT else 0.5
    maps = maps_of(m)
    for i, d in enumerate(maps):
        d.tofile(f"{folder}/map{i}")
    with open(f"{folder}/timed.cpp", "w") as f:
        f.write(TIMED.replace("NAME", "dpu_net").replace("SCORE", str(score)))
    run("c++", "-std=c++17", "-O3", f"{folder}/timed.cpp", "-o", f"{folder}/timed")
    timed = dict(line.split() for line in subprocess.check_output([f"{folder}/timed"], cwd=folder, text=True).splitlines())
    slow = best(lambda: plain(m, maps, score))
    module = best(lambda: m.detect(maps, score))
    assert plain(m, maps, score) == len(m.detect(maps, score)[0]) == int(timed["found"])
    print(f"{os.path.basename(model)}: {m.ROWS} rows, {m.CLASSES} classes, {timed['found']} objects at {score}")
    for name, seconds in (("plain float NumPy", slow), ("NumPy module", module), ("C++ header, -O3", float(timed["detect"]))):
        print(f"  {name:18} {seconds * 1e3:9.3f} ms  {slow / seconds:8.1f} x")
    print(f"  1920 x 1080 to the input, C++: {float(timed['smooth']) * 1e3:.1f} ms, without smoothing "
          f"{float(timed['linear']) * 1e3:.1f} ms")
