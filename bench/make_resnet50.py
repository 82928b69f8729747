#!/usr/bin/python3
"""Writes a ResNet-50 (torchvision's topology, batch norm folded as exporters do) with
random weights, about 100 MB: make_resnet50.py OUT.onnx [SEED].

Standard library only: the ONNX protobuf is written by hand, one tensor at a time.
The weights are He-normal, so that activations neither die nor explode. The same seed
gives the same bytes.
"""
import array
import random
import struct
import sys

FLOAT, ATTR_FLOAT, ATTR_INT, ATTR_INTS = 1, 1, 2, 7


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def packed(field, values):
    return data(field, b"".join(varint(v) for v in values))


class Model:
    """Collects the GraphProto's pieces."""

    def __init__(self, seed):
        source = random.Random(seed)
        self.pool = [source.gauss(0, 1) for _ in range(1_000_003)]  # a prime: no two tensors alike
        self.at = 0
        self.pieces = []

    def normal(self, count, deviation):
        out = array.array("f")
        while count:
            part = self.pool[self.at : self.at + count]
            out.extend([deviation * x for x in part])
            count -= len(part)
            self.at = (self.at + len(part)) % len(self.pool)
        return out.tobytes()

    def tensor(self, name, shape, deviation):
        count = 1
        for dim in shape:
            count *= dim
        raw = self.normal(count, deviation)
        self.pieces.append(data(5, packed(1, shape) + number(2, FLOAT) + data(8, name) + data(9, raw)))
        return name

    def node(self, op, name, inputs, **attributes):
        body = b"".join(data(1, i) for i in inputs) + data(2, name + "_output_0") + data(3, name) + data(4, op)
        for key, value in sorted(attributes.items()):
            if isinstance(value, list):
                body += data(5, data(1, key) + packed(8, value) + number(20, ATTR_INTS))
            elif isinstance(value, float):
                body += data(5, data(1, key) + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, ATTR_FLOAT))
            else:
                body += data(5, data(1, key) + number(3, value) + number(20, ATTR_INT))
        self.pieces.append(data(1, body))
        return name + "_output_0"

    def conv(self, path, x, channels, kernel, stride, gain=2.0):
        name = path.strip("/").replace("/", ".")
        ins, outs = channels
        deviation = (gain / (ins * kernel * kernel)) ** 0.5
        weight = self.tensor(name + ".weight", [outs, ins, kernel, kernel], deviation)
        bias = self.tensor(name + ".bias", [outs], 0.1)
        pad = kernel // 2
        return self.node("Conv", path + "/Conv", [x, weight, bias], kernel_shape=[kernel] * 2, strides=[stride] * 2,
                         pads=[pad] * 4, dilations=[1, 1], group=1)

    def bottleneck(self, path, x, ins, width, stride):
        relu = lambda y, n: self.node("Relu", f"{path}/relu{n}/Relu", [y])
        y = relu(self.conv(path + "/conv1", x, (ins, width), 1, 1), "")
        y = relu(self.conv(path + "/conv2", y, (width, width), 3, stride), "_1")
        # A quiet branch, so that sixteen sums in a row keep their size.
        y = self.conv(path + "/conv3", y, (width, 4 * width), 1, 1, gain=0.2)
        if ins != 4 * width:
            x = self.conv(path + "/downsample", x, (ins, 4 * width), 1, stride, gain=1.0)
        return relu(self.node("Add", path + "/Add", [y, x]), "_2")


def value(name, shape):
    dims = b"".join(data(1, number(1, d)) for d in shape)
    return data(1, name) + data(2, data(1, number(1, FLOAT) + data(2, dims)))


def resnet50(seed):
    """Pieces of the GraphProto of ResNet-50 v1.5."""
    m = Model(seed)
    x = m.node("Relu", "/relu/Relu", [m.conv("/conv1", "input", (3, 64), 7, 2)])
    x = m.node("MaxPool", "/maxpool/MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    ins = 64
    for layer, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], 1):
        for block in range(blocks):
            stride = 2 if layer > 1 and block == 0 else 1
            x = m.bottleneck(f"/layer{layer}/layer{layer}.{block}", x, ins, width, stride)
            ins = 4 * width
    x = m.node("GlobalAveragePool", "/avgpool/GlobalAveragePool", [x])
    x = m.node("Flatten", "/Flatten", [x], axis=1)
    fc = [m.tensor("fc.weight", [1000, 2048], 2048**-0.5), m.tensor("fc.bias", [1000], 0.1)]
    x = m.node("Gemm", "/fc/Gemm", [x] + fc, alpha=1.0, beta=1.0, transB=1)
    m.pieces += [data(2, "resnet50"), data(11, value("input", [1, 3, 224, 224])), data(12, value(x, [1, 1000]))]
    return m.pieces


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    pieces = resnet50(int(sys.argv[2]) if len(sys.argv) == 3 else 1)
    with open(sys.argv[1], "wb") as f:
        f.write(number(1, 8) + data(2, "make_resnet50") + data(8, number(2, 13)))
        f.write(varint(7 << 3 | 2) + varint(sum(map(len, pieces))))
        for piece in pieces:
            f.write(piece)


if __name__ == "__main__":
    main()
