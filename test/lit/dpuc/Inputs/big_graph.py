"""A graph of about N ops as text: blocks of Conv + Relu with skips, branches and now and then a Sigmoid (CPU)."""
import sys

lines, last, width = [], "x", "1x8x32x32"


def op(name, text):
    lines.append(f'  %{name} = {text} : f32<{width}> @"/{name}"')
    return name


for block in range(int(sys.argv[1]) // 10):
    start, ends = last, []
    for branch in "abc":
        v = start
        for step in range(1 if branch == "a" else 2 if branch == "b" else 0):
            n = f"{branch}{block}_{step}"
            c = op("conv_" + n, f"onnx.Conv(%{v}, %w, _) {{kernel_shape = [3, 3], pads = [1, 1, 1, 1]}}")
            v = op("relu_" + n, f"onnx.Relu(%{c})")
        ends.append(v)
    last = op(f"add{block}", f"onnx.Add(%{ends[0]}, %{ends[1]})")
    last = op(f"join{block}", f"onnx.Add(%{last}, %{start})")
    last = op(f"out{block}", f"onnx.Relu(%{last})")
    if block % 40 == 20:
        last = op(f"gate{block}", f"onnx.Sigmoid(%{last})")
    else:
        last = op(f"keep{block}", f"onnx.MaxPool(%{last}) {{kernel_shape = [3, 3], pads = [1, 1, 1, 1]}}")
print(f"graph @big(%x: f32<{width}>) {{\n  %w = const splat(0.01) : f32<8x8x3x3>")
print("\n".join(lines))
print(f"  return %{last}\n}}")
