"""Operations of the model graph and the nodes their calls leave behind."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self

from pydl import ops, tree
from pydl.layers.base.keras_tensor import KerasHistory, KerasTensor
from pydl.layers.base.output_spec import trace_output_spec
from pydl.objects.naming import auto_name
from pydl.objects.signatures import signature_of


class Node:
    """One call of an operation on symbolic tensors."""

    def __init__(
        self,
        operation: Operation,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        outputs: Any = None,
    ) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs or {}
        self.input_tensors = [
            t for t in tree.flatten((args, self.kwargs)) if is_tensor(t)
        ]
        self.output_tensors: list[KerasTensor] = tree.flatten(outputs)
        self.outputs = outputs
        index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for i, tensor in enumerate(self.output_tensors):
            tensor._keras_history = KerasHistory(operation, index, i)
        for parent in self.parent_nodes:
            parent.operation._outbound_nodes.append(self)

    @property
    def is_input(self) -> bool:
        """Whether the node has no inputs."""
        return not self.input_tensors

    @property
    def index(self) -> int:
        """Which call of its operation this is."""
        return self.operation._inbound_nodes.index(self)

    @property
    def parent_nodes(self) -> list[Node]:
        """The nodes that make the inputs, without repetition."""
        parents: dict[int, Node] = {}
        for tensor in self.input_tensors:
            history = tensor._keras_history
            if history is not None:
                node = history.operation._inbound_nodes[history.node_index]
                parents[id(node)] = node
        return list(parents.values())

    def fill(self, values: dict[int, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call's arguments with each symbolic tensor replaced by its value."""
        if (
            self.args
            and len(self.args) == 1
            and is_tensor(self.args[0])
            and not self.kwargs
        ):
            return (values[id(self.args[0])],), {}

        def swap(x: Any) -> Any:
            return values[id(x)] if is_tensor(x) else x

        return tree.map_structure(swap, self.args), tree.map_structure(
            swap, self.kwargs
        )

    def __repr__(self) -> str:
        return f"<Node {self.operation.name} -> {self.output_tensors}>"


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor of the model graph."""
    return isinstance(x, KerasTensor)


class Operation:
    """Something that maps tensors to tensors and can stand in a model graph."""

    _init_arguments: tuple[tuple[Any, ...], dict[str, Any]]
    name: str

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        instance = super().__new__(cls)
        object.__setattr__(instance, "_init_arguments", (args, kwargs))
        object.__setattr__(instance, "_inbound_nodes", [])
        object.__setattr__(instance, "_outbound_nodes", [])
        return instance

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = auto_name(type(self).__name__)
        if not isinstance(name, str) or not name or "/" in name:
            raise ValueError(
                "Argument `name` must be a non-empty string and cannot contain the "
                f"character `/`. Received: name={name!r} (of type "
                f"{type(name).__name__})"
            )
        self.name = name

    _inbound_nodes: list[Node]
    _outbound_nodes: list[Node]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any(is_tensor(x) for x in tree.flatten((args, kwargs))):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic outputs; leaves a node in the model graph."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the operation computes. Subclasses define it."""
        raise NotImplementedError(
            f"{type(self).__name__} must define a `call()` method"
        )

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Shapes and dtypes of the outputs as KerasTensors, found by tracing `call`."""
        return trace_output_spec(self.call, args, kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as far as they are plain values."""
        return {"name": self.name, **self._auto_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The operation of a `get_config` dict."""
        return cls(**config)

    def _auto_config(self) -> dict[str, Any]:
        """The arguments the constructor was called with, by name."""
        args, kwargs = self._init_arguments
        return _bound_arguments(type(self), args, kwargs)

    @property
    def input(self) -> Any:
        """The symbolic input of the first call."""
        args = self._first_node("input").args
        return args[0] if len(args) == 1 else list(args)

    @property
    def output(self) -> Any:
        """The symbolic output of the first call."""
        return self._first_node("output").outputs

    @property
    def type_name(self) -> str:
        """What kind of operation this is, for summaries."""
        return type(self).__name__

    def _first_node(self, what: str) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(
                f"The layer {self.name} has never been called and thus has no defined "
                f"{what}."
            )
        return self._inbound_nodes[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class OpFunction(Operation):
    """A public op applied to symbolic tensors; each call is an operation of its own."""

    _keras_module = "pydl.layers.base"

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        super().__init__(name or auto_name(function.__name__))
        self.function = function

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @property
    def type_name(self) -> str:
        return "".join(word.title() for word in self.function.__name__.split("_"))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "function": self.function.__name__}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        name = str(config["function"])
        function = getattr(ops, name, None) or getattr(ops.image, name, None)
        if name.startswith("_") or not inspect.isfunction(function):
            raise ValueError(f"{name!r} is not an op of pydl.ops")
        return cls(function, config.get("name"))


def call_op(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """What `pydl.ops` calls when an argument is symbolic."""
    return OpFunction(function).symbolic_call(*args, **kwargs)


def _bound_arguments(cls: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """Constructor arguments by name."""
    bound = signature_of(cls.__init__).bind(None, *args, **kwargs)
    arguments: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            raise NotImplementedError(
                f"{cls.__name__} takes any number of positional arguments: it must "
                "define `get_config()`"
            )
        if kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(value)
        else:
            arguments[name] = value
    return arguments
