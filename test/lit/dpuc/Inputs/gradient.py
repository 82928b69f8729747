"""Writes FILE.png, 28 x 28 gray with every pixel value, and FILE.raw, its bytes: gradient.py FILE."""
import struct
import sys
import zlib

pixels = bytes((i * 7) % 256 for i in range(28 * 28))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


rows = b"".join(b"\0" + pixels[y * 28:(y + 1) * 28] for y in range(28))
header = struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0)
with open(sys.argv[1] + ".png", "wb") as f:
    f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
with open(sys.argv[1] + ".raw", "wb") as f:
    f.write(pixels)
