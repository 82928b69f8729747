"""Writes four float32 samples of 2x4x4 in [-1, 1]: make-samples.py FILE [MODE].

inf: the third one has an infinity; zeros: all are 0; start: the first is; steps: each is one number, not the same.
"""
import struct
import sys

values = [((i * 37) % 65 - 32) / 32.0 for i in range(4 * 32)]
mode = sys.argv[2] if len(sys.argv) > 2 else ""
if mode == "inf":
    values[2 * 32 + 5] = float("inf")
elif mode == "zeros":
    values = [0.0] * len(values)
elif mode == "start":
    values[:32] = [0.0] * 32
elif mode == "steps":
    values = [i // 32 / 4.0 for i in range(len(values))]
with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<%df" % len(values), *values))
