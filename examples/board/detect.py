#!/usr/bin/env python3
"""Pictures in, boxes out, on a board: detect.py MODULE MODEL.xmodel < pictures.ppm

A whole application of a detector that dpuc made a package of: VART runs the DPU, the generated module does the rest.
Reads binary PPM pictures from standard input, one after the other, which every tool can write:

    ffmpeg -i /dev/video0 -f image2pipe -vcodec ppm - | python3 detect.py dpu_yolov5n yolov5n.xmodel
"""
import importlib
import sys

import numpy as np
import vart
import xir


def pictures(stream):
    """height x width x 3, red first."""
    while True:
        header = []
        while len(header) < 4:
            line = stream.readline()
            if not line:
                return
            header += line.split(b"#")[0].split()
        if header[0] != b"P6" or header[3] != b"255":
            sys.exit("not a binary PPM picture with 8 bits")
        width, height = int(header[1]), int(header[2])
        pixels = stream.read(3 * width * height)
        if len(pixels) != 3 * width * height:
            return
        yield np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


class Dpu:
    """The one subgraph that the DPU runs."""

    def __init__(self, net, path):
        self.net, self.graph = net, xir.Graph.deserialize(path)
        found = [s for s in self.graph.get_root_subgraph().toposort_child_subgraph()
                 if s.has_attr("device") and s.get_attr("device").upper() == "DPU"]
        if len(found) != 1:
            sys.exit("{} has {} DPU subgraphs, wanted is one".format(path, len(found)))
        self.runner = vart.Runner.create_runner(found[0], "run")
        # The runner has its own order.
        self.inputs, self.outputs = self.runner.get_input_tensors(), self.runner.get_output_tensors()
        names = [t.name for t in self.outputs]
        missing = [o["tensor"] for o in net.OUTPUTS if o["tensor"] not in names]
        if missing:
            sys.exit("the model has no tensor {}: is the module of this file?".format(missing[0]))
        self.order = [names.index(o["tensor"]) for o in net.OUTPUTS]

    def run(self, image):
        """Data of each of OUTPUTS; the image is the first of a batch."""
        fed = np.zeros(tuple(self.inputs[0].dims), np.int8)
        fed[0] = image
        given = [np.empty(tuple(t.dims), np.int8) for t in self.outputs]
        self.runner.wait(self.runner.execute_async([fed], given))
        return [given[i] for i in self.order]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.path.insert(0, "")  # the package is where this runs
    net = importlib.import_module(sys.argv[1])
    dpu = Dpu(net, sys.argv[2])
    for number, picture in enumerate(pictures(sys.stdin.buffer)):
        fit = net.fit(picture.shape[1], picture.shape[0])
        data = dpu.run(net.quantize_image(picture, "rgb", fit))
        for box, score, label in zip(*net.detect(data, 0.3, fit=fit)):
            print("{}\t{}\t{}\t{:.3f}\t{:.1f} {:.1f} {:.1f} {:.1f}".format(number, label, net.label_name(label), score, *box))


if __name__ == "__main__":
    main()
