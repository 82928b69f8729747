#!/usr/bin/python3
"""Train the FashionMNIST classifiers fmnist_hardswish.onnx and fmnist_silu.onnx of this folder.

Needs Debian packages only: python3-torch, python3-onnx, dataset-fashion-mnist.

    /usr/bin/python3 train_swish.py --act hardswish --out DIR

Writes DIR/fmnist_ACT.onnx (opset 13, batch 1, BatchNormalization kept as nodes) and
DIR/fmnist_ACT.json: accuracy, and how it was made. The input is the image divided by
255, NCHW, 1x1x28x28.
"""
import argparse
import gzip
import json
import os
import time

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

DATA = "/usr/share/datasets/fashion-mnist"
ACTS = {"hardswish": nn.Hardswish, "silu": nn.SiLU}


def read_idx(name, header):
    with gzip.open(os.path.join(DATA, name), "rb") as f:
        return np.frombuffer(f.read(), np.uint8, offset=header)


def load(split):
    x = read_idx(split + "-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    y = read_idx(split + "-labels-idx1-ubyte.gz", 8)
    return torch.from_numpy(x.astype(np.float32) / 255), torch.from_numpy(y.astype(np.int64))


def conv(cin, cout, k, stride, act, groups=1):
    return [nn.Conv2d(cin, cout, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(cout), act()]


def separable(cin, cout, stride, act):
    return conv(cin, cin, 3, stride, act, groups=cin) + conv(cin, cout, 1, 1, act)


class Net(nn.Module):
    """Two convolutions and three separable ones, the activation behind each."""

    def __init__(self, act):
        super().__init__()
        self.features = nn.Sequential(*conv(1, 16, 3, 2, act), *conv(16, 32, 3, 1, act), *separable(32, 64, 2, act),
                                      *separable(64, 64, 1, act), *separable(64, 96, 1, act))
        self.fc = nn.Linear(96, 10)

    def forward(self, x):
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(self.features(x), 1), 1))


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    right = sum((model(x[i:i + 500]).argmax(1) == y[i:i + 500]).sum().item() for i in range(0, len(x), 500))
    return right / len(x)


def train(model, x, y, epochs, batch, lr):
    opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4, nesterov=True)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, lr, epochs * (len(x) // batch), pct_start=0.3)
    for epoch in range(epochs):
        model.train()
        order, total, start = torch.randperm(len(x)), 0.0, time.time()
        for i in range(0, len(x) - batch + 1, batch):
            idx = order[i:i + batch]
            xb = x[idx]
            flip = torch.rand(len(xb)) < 0.5
            xb[flip] = xb[flip].flip(3)
            loss = F.cross_entropy(model(xb), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item()
        print("epoch %d loss %.4f %.1f s" % (epoch + 1, total / (len(x) // batch), time.time() - start), flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--act", choices=sorted(ACTS), required=True)
    ap.add_argument("--epochs", type=int, default=4)
    ap.add_argument("--batch", type=int, default=128)
    ap.add_argument("--lr", type=float, default=0.1)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--out", default=".")
    args = ap.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    model = Net(ACTS[args.act])
    train(model, *load("train"), args.epochs, args.batch, args.lr)
    stem = os.path.join(args.out, "fmnist_" + args.act)
    model.eval()
    # PRESERVE with a model in eval mode: BatchNormalization stays a node of its own.
    torch.onnx.export(model, torch.zeros(1, 1, 28, 28), stem + ".onnx", opset_version=13,
                      training=torch.onnx.TrainingMode.PRESERVE, input_names=["input"], output_names=["logits"])
    onnx.save(onnx.shape_inference.infer_shapes(onnx.load(stem + ".onnx")), stem + ".onnx")
    report = {"act": args.act, "epochs": args.epochs, "batch": args.batch, "lr": args.lr, "seed": args.seed,
              "parameters": sum(p.numel() for p in model.parameters()),
              "test_accuracy": round(accuracy(model, *load("t10k")), 4), "torch": torch.__version__}
    with open(stem + ".json", "w") as f:
        json.dump(report, f, indent=2, sort_keys=True)
        f.write("\n")


if __name__ == "__main__":
    main()
