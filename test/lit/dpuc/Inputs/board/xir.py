"""Stands in for XIR's Python module: a graph of one DPU subgraph. Its tensors are those of the module that MODULE names."""


class Subgraph:
    def __init__(self, device):
        self.device = device

    def has_attr(self, name):
        return name == "device"

    def get_attr(self, name):
        return self.device

    def toposort_child_subgraph(self):
        return [Subgraph("USER"), Subgraph("DPU"), Subgraph("CPU")]


class Graph:
    @staticmethod
    def deserialize(path):
        open(path, "rb").close()
        return Graph()

    def get_root_subgraph(self):
        return Subgraph("")
