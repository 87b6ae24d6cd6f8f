"""What layers and models are made of: operations, nodes, symbolic tensors, `Layer`."""

from pydl.layers.base.input_spec import InputSpec
from pydl.layers.base.keras_tensor import KerasTensor, is_keras_tensor
from pydl.layers.base.layer import Layer
from pydl.layers.base.operation import Node, Operation, OpFunction, call_op
from pydl.ops.public import register_symbolic

register_symbolic(KerasTensor, call_op)

__all__ = [
    "InputSpec", "KerasTensor", "Layer", "Node", "OpFunction", "Operation",
    "is_keras_tensor",
]  # fmt: skip
