"""Keras on TensorFlow through `fit`, and TensorFlow's own convolutions."""

from __future__ import annotations

import os

import keras
import tensorflow as tf
from serve import Run, repeated, serve

from benchmarks.conv_cases import CONVS, NETS, Conv
from benchmarks.networks import build


def conv(layer: Conv, part: str) -> Run:
    x, weight, grad = (tf.constant(a) for a in layer.operands())
    strides = [1, layer.stride, layer.stride, 1]
    sides = [[0, 0], [layer.padding] * 2, [layer.padding] * 2, [0, 0]]
    places = {"strides": strides, "padding": sides}

    @tf.function
    def forward() -> tf.Tensor:
        return tf.nn.conv2d(x, weight, strides, sides)

    @tf.function
    def to_input() -> tf.Tensor:
        return tf.compat.v1.nn.conv2d_backprop_input(x.shape, weight, grad, **places)

    @tf.function
    def to_weight() -> tf.Tensor:
        return tf.compat.v1.nn.conv2d_backprop_filter(x, weight.shape, grad, **places)

    works = {"forward": forward, "input": to_input, "weight": to_weight}
    return repeated(works[part], 0.05)


def network(name: str) -> Run:
    net = NETS[name]
    x, y = net.data()
    model = build(keras, name)

    def run() -> float:
        model.fit(x, y, batch_size=net.batch, verbose=0)
        return net.steps

    return run


def setup(name: str) -> Run | None:
    if name in CONVS:
        return conv(*CONVS[name])
    return network(name) if name in NETS else None


tf.config.threading.set_intra_op_parallelism_threads(int(os.environ["OMP_NUM_THREADS"]))
tf.config.threading.set_inter_op_parallelism_threads(1)
serve(setup)
