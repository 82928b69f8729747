"""Writes four float32 samples of 2x4x4 in [-1, 1]: FILE [inf: the third one has an infinity]."""
import struct
import sys

values = [((i * 37) % 65 - 32) / 32.0 for i in range(4 * 32)]
if "inf" in sys.argv[2:]:
    values[2 * 32 + 5] = float("inf")
with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<%df" % len(values), *values))
