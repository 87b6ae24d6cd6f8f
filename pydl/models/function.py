"""A graph of operations as one operation."""

from __future__ import annotations

from typing import Any, ClassVar

from pydl import tree
from pydl.layers.base import KerasTensor, Operation
from pydl.models.graph import graph_nodes, run_nodes


class Function(Operation):
    """What leads from symbolic inputs to symbolic outputs, to be computed again on
    other inputs. It has no state, and is no layer.

    Args:
        inputs: symbolic tensors: one, or a structure of them.
        outputs: what is made of them.
        name: the function's name.

    Raises:
        ValueError: no inputs or no outputs, or outputs that need other inputs.

    >>> a, b = pydl.KerasTensor((None, 2)), pydl.KerasTensor((None, 2))
    >>> function = pydl.Function([a, b], pydl.ops.add(a, b))
    >>> function([np.ones((1, 2)), np.ones((1, 2))]).tolist()
    [[2.0, 2.0]]
    """

    _keras_module: ClassVar[str] = "keras"

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        for what, value in (("inputs", inputs), ("outputs", outputs)):
            if not tree.flatten(value):
                raise ValueError(
                    f"`{what}` argument cannot be empty. Received:\n"
                    f"inputs={inputs}\noutputs={outputs}"
                )
        self._inputs, self._outputs = inputs, outputs
        self._nodes = graph_nodes(self.inputs, self.outputs)

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs in order."""
        return tree.flatten(self._inputs)

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs in order."""
        return tree.flatten(self._outputs)

    @property
    def operations(self) -> list[Operation]:
        """Layers and ops in the order they are called in."""
        return list({id(n.operation): n.operation for n in self._nodes}.values())

    def call(self, inputs: Any) -> Any:
        values = tree.flatten(inputs)
        if len(values) != len(self.inputs):
            raise ValueError(
                f"Function '{self.name}' expects {len(self.inputs)} inputs, received "
                f"{len(values)}"
            )
        known = {id(t): v for t, v in zip(self.inputs, values, strict=True)}
        run_nodes(self._nodes, known)
        return tree.map_structure(lambda t: known[id(t)], self._outputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for shapes of the inputs."""
        shapes: list[Any] = []
        tree.map_shape_structure(shapes.append, input_shape)
        inputs = [
            KerasTensor(shape, known.dtype)
            for shape, known in zip(shapes, self.inputs, strict=True)
        ]
        packed = tree.pack_sequence_as(self._inputs, inputs)
        return tree.map_structure(lambda t: t.shape, self.compute_output_spec(packed))
