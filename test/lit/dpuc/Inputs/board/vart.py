"""Stands in for VART's Python module: sees one object, of class 2 at cell (60, 60) of the finest map, in any picture.

As VART it has an order of outputs of its own.
"""
import collections
import importlib
import os

import numpy as np

net = importlib.import_module(os.environ["MODULE"])
Tensor = collections.namedtuple("Tensor", "name dims")


class Runner:
    @staticmethod
    def create_runner(subgraph, mode):
        assert subgraph.device == "DPU" and mode == "run"
        return Runner()

    def get_input_tensors(self):
        return [Tensor(i["tensor"], list(i["shape"])) for i in net.INPUTS]

    def get_output_tensors(self):
        return [Tensor(o["tensor"], list(o["shape"])) for o in reversed(net.OUTPUTS)]

    def execute_async(self, inputs, outputs):
        assert inputs[0].dtype == np.int8 and inputs[0].shape == net.INPUTS[0]["shape"] and inputs[0].any()
        for out in outputs:
            out[...] = -128
        finest = max(outputs, key=lambda o: o.shape[1])
        finest[0, 60, 60, :7] = 0, 0, 0, 0, 127, -128, -128
        finest[0, 60, 60, 7] = 127
        return 7, 0

    def wait(self, job):
        assert job == (7, 0)
