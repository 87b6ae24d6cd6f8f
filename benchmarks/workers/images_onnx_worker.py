"""ONNX Runtime: ResNet-50 as PyTorch exports it."""

from __future__ import annotations

import io
import os

import onnxruntime
import torch
from serve import Run, repeated, serve
from torch_networks import BUILDS

from benchmarks.conv_cases import NETS, PREDICTS


def predict(batch: int) -> Run:
    net = NETS["resnet50-8"]
    x = net.data()[0][:batch].transpose(0, 3, 1, 2).copy()
    model = BUILDS[net.name](net).eval()
    written = io.BytesIO()
    torch.onnx.export(
        model, (torch.from_numpy(x),), written, input_names=["x"], dynamo=False
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    session = onnxruntime.InferenceSession(
        written.getvalue(), options, providers=["CPUExecutionProvider"]
    )
    return repeated(lambda: session.run(None, {"x": x}), 0.5)


serve(lambda name: predict(PREDICTS[name]) if name in PREDICTS else None)
