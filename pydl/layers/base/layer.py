"""`Layer`: weights made in `build`, the computation in `call`."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, Self

from pydl import dtype_policies, ops, regularizers, tree
from pydl.layers.base.arguments import accepted, config_is_own, is_plain
from pydl.layers.base.building import building
from pydl.layers.base.context import (
    CallArguments,
    call_with_shapes,
    calling,
    context,
    is_any_tensor,
    name_layer,
)
from pydl.layers.base.input_spec import assert_input_compatibility
from pydl.layers.base.keras_tensor import KerasTensor, map_shapes
from pydl.layers.base.masks import hand_on, keep_mask, mask_arguments, previous_mask
from pydl.layers.base.operation import Node, Operation
from pydl.layers.base.remat import Rematerialized
from pydl.layers.base.state_access import StateAccess
from pydl.layers.base.stateless import StatelessCall
from pydl.objects.serialization import deserialize_keras_object
from pydl.objects.signatures import method_signature
from pydl.runtime.autocast import autocast


class Layer(StateAccess, StatelessCall, Rematerialized, Operation):
    """The base of all layers.

    Subclasses make weights in ``build(input_shape)`` (or `__init__`) and compute in
    ``call(inputs)``. Layers and variables set as attributes, also inside lists and
    dicts, are found by themselves.

    Args:
        activity_regularizer: penalty on the layer's output.
        trainable: whether the weights are updated.
        dtype: name of a dtype, or a `DTypePolicy`.
        autocast: whether float inputs are cast to the layer's dtype.
        name: the layer's name; None makes one of the class's name and a number.

    >>> class Scale(pydl.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    """

    #: Attributes that are stored as they are, not searched for layers and variables.
    _untracked: ClassVar[frozenset[str]] = frozenset(
        {"_build_shapes", "_losses", "_call_signature"}
    )

    #: What `call` accepts as its first argument: an `InputSpec`, or several.
    input_spec: Any = None
    #: Whether masks pass through the layer.
    supports_masking: bool = False
    #: Whether sublayers look after the masks.
    _holds_masking_layers: ClassVar[bool] = False
    #: Where the layer was built, such as ``"model/dense"``; None before.
    path: str | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        instance = super().__new__(cls, *args, **kwargs)
        instance._init_tracking()
        return instance

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = building(cls.__dict__["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name)
        self._input_shape_arg = _input_shape_argument(kwargs)
        if kwargs:
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: "
                f"{kwargs}"
            )
        if not isinstance(trainable, bool):
            raise ValueError(
                "Expected `trainable` to be a boolean. Received: "
                f"trainable={trainable!r} (of type {type(trainable).__name__})"
            )
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._dtype_policy = dtype_policies.get(dtype)
        self.autocast = autocast
        self.built = False
        self._trainable = trainable
        self._convert_input_args = True
        self._makes_masks = type(self).compute_mask is not Layer.compute_mask
        self.supports_masking = self.supports_masking or self._makes_masks
        self._losses = []
        self._build_shapes: dict[str, Any] | None = None
        self._call_signature = method_signature(self.call)
        parameters = self._call_signature.parameters
        self._takes_training = "training" in parameters
        self._takes_masks = any(name.endswith("mask") for name in parameters)
        self._ignores_training = not self._takes_training and not any(
            p.kind is p.VAR_KEYWORD for p in parameters.values()
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._untracked:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    # -- dtypes ---------------------------------------------------------------------

    @property
    def dtype_policy(self) -> dtype_policies.DTypePolicy:
        """Which dtypes the layer uses."""
        return self._dtype_policy

    @property
    def dtype(self) -> str:
        """The dtype of weights."""
        return self.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self._dtype_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computation."""
        return self._dtype_policy.compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype float inputs are cast to."""
        return self.compute_dtype

    # -- calling --------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Check the inputs, build if needed, and `call`."""
        self._check_initialized()
        given, given_kwargs, kwargs = args, kwargs, dict(kwargs)
        if self._convert_input_args:
            args = tree.map_structure(self._convert_input, args)
            kwargs = tree.map_structure(self._convert_input, kwargs)
            self._check_positional(args)
        training = kwargs.pop("training", None) if self._ignores_training else None
        call = self._bind(args, kwargs)
        if self.input_spec is not None:
            assert_input_compatibility(self.input_spec, call.first, self.name)
        if not self.built:
            self._build_for(call)
        training = call.training() if training is None else bool(training)
        if context.depth == 0:
            self._clear_losses()
        if self._takes_masks:
            kwargs.update(mask_arguments(call, self._call_signature))
        with calling(self.name, training):
            if self._takes_training and training is not None:
                kwargs = {**kwargs, "training": training}
                args = args[: _position(self._call_signature, "training")]
            return self._run(call, args, kwargs, given, given_kwargs)

    def _run(
        self, call: CallArguments, args: Any, kwargs: Any, given: Any, given_kwargs: Any
    ) -> Any:
        mask = previous_mask(call, kwargs)
        mixed = self.autocast and self.compute_dtype != self.variable_dtype
        reads = self.compute_dtype if mixed else None
        try:
            with autocast(reads):
                if any(
                    isinstance(x, KerasTensor) for x in tree.flatten((args, kwargs))
                ):
                    outputs = self.compute_output_spec(*args, **kwargs)
                    if mask is not None or self._makes_masks:
                        hand_on(self, call.first, outputs, mask)
                    Node(self, given, given_kwargs, outputs)
                    return outputs
                run = self.rematerialized_call(self.call, *args, **kwargs)
                outputs = run(*args, **kwargs)
        except (ValueError, TypeError) as error:
            name_layer(error, self, call)
            raise
        if mask is not None or self._makes_masks:
            hand_on(self, call.first, outputs, mask)
        if self.activity_regularizer is not None:
            self._add_activity_losses(outputs)
        return outputs

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes. Subclasses define it."""
        raise NotImplementedError(
            f"Layer {type(self).__name__} does not have a `call()` method implemented."
        )

    def _bind(self, args: Any, kwargs: Any) -> CallArguments:
        try:
            return CallArguments(self._call_signature, args, kwargs)
        except TypeError as error:
            raise TypeError(
                f"layer '{self.name}' ({type(self).__name__}): {error}; `call` takes "
                f"{self._call_signature}"
            ) from None

    def _convert_input(self, x: Any) -> Any:
        if not is_any_tensor(x):
            if isinstance(x, (str, bool, int, float)) or not hasattr(x, "__array__"):
                return x
            x = ops.convert_to_tensor(x)
        if (
            not self.autocast
            or "float" not in str(x.dtype)
            or x.dtype == self.input_dtype
        ):
            return x
        if isinstance(x, KerasTensor):  # the node keeps the tensor as it was given
            return KerasTensor(x.shape, self.input_dtype, name=x.name)
        return keep_mask(ops.cast(x, self.input_dtype), x)

    def _check_positional(self, args: Any) -> None:
        for x in tree.flatten(args):
            if x is not None and not is_any_tensor(x):
                raise ValueError(
                    f"layer '{self.name}': only tensors and arrays may be passed as "
                    "positional arguments; pass this one as a keyword argument: "
                    f"{x!r} (of type {type(x).__name__})"
                )

    def _check_initialized(self) -> None:
        if "_call_signature" not in self.__dict__:
            raise RuntimeError(
                f"In layer {type(self).__name__}, you forgot to call "
                "`super().__init__()` as the first statement in the `__init__()` "
                "method. Go add it!"
            )

    # -- building -------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights, for this shape of input. Subclasses define it."""
        self._check_initialized()
        self.built = True

    def _build_for(self, call: CallArguments) -> None:
        shapes = call.shapes()
        if type(self).build is Layer.build:
            self.path = self._scope()
            self.built = True
        elif shapes:
            call_with_shapes(self.build, shapes)

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes `build` was called with, None if there were none."""
        shapes = self._build_shapes
        if not shapes:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": shapes}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build with the shapes of a `get_build_config` dict."""
        if config.get("input_shape") is not None:
            self.build(_shape_tuples(config["input_shape"]))
        elif config.get("shapes_dict"):
            shapes = config["shapes_dict"].items()
            self.build(**{name: _shape_tuples(shape) for name, shape in shapes})

    # -- shapes ---------------------------------------------------------------------

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Shapes and dtypes of the outputs, as KerasTensors."""
        known = type(self).compute_output_shape is not Layer.compute_output_shape
        if not known or not all(layer.built for layer in self._flatten_layers()):
            return super().compute_output_spec(*args, **kwargs)  # builds sublayers too
        shapes = self._bind(args, kwargs).shapes()
        output_shape = call_with_shapes(self.compute_output_shape, shapes)
        return map_shapes(lambda s: KerasTensor(s, self.compute_dtype), output_shape)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The output shape(s) for these input shape(s)."""

        def symbolic(shape: Any) -> Any:
            return map_shapes(lambda s: KerasTensor(s, self.compute_dtype), shape)

        if not self.built and type(self).build is not Layer.build:
            self.build(*args, **kwargs)
        outputs = self.compute_output_spec(
            *(symbolic(shape) for shape in args),
            **{
                name.removesuffix("_shape"): symbolic(shape)
                for name, shape in kwargs.items()
            },
        )
        return tree.map_structure(lambda t: t.shape, outputs)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the output; the input's unless a subclass changes it."""
        return previous_mask

    # -- structure ------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self._dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(
                self.activity_regularizer
            )
        if config_is_own(type(self)):
            return config
        return {**self._auto_arguments(), **accepted(type(self), config)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The layer of a `get_config` dict."""
        if not config_is_own(cls):
            config = {name: deserialize_keras_object(v) for name, v in config.items()}
        return cls(**config)

    def _auto_arguments(self) -> dict[str, Any]:
        """Arguments of a subclass's `__init__` when it does not define `get_config`."""
        for name, value in self._auto_config().items():
            if not is_plain(value):
                raise NotImplementedError(
                    f"Layer {type(self).__name__} was created with the argument "
                    f"{name}={value!r}, which JSON cannot hold: the class must define "
                    "`get_config()`."
                )
        return self._auto_config()

    def __reduce__(self) -> Any:
        """Copies and pickles are made of configuration, shapes and weights."""
        weights = self.get_weights() if self.built else None
        state = (self.get_config(), self.get_build_config(), weights)
        return restore_layer, (type(self), *state)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def restore_layer(
    cls: type[Layer], config: Any, build_config: Any, weights: Any
) -> Layer:
    """The layer that `Layer.__reduce__` describes."""
    layer = cls.from_config(config)
    if weights is not None:
        if not layer.built and build_config is not None:
            layer.build_from_config(build_config)
        if weights:
            layer.set_weights(weights)
    return layer


def _input_shape_argument(kwargs: dict[str, Any]) -> Any:
    """Keras 2's way to give a first layer its input: taken out of the arguments."""
    size = kwargs.pop("input_dim", None)
    shape = kwargs.pop("input_shape", None)
    return (size,) if size is not None else shape


def _position(signature: inspect.Signature, name: str) -> int:
    return list(signature.parameters).index(name)


def _shape_tuples(shapes: Any) -> Any:
    return map_shapes(lambda shape: shape, shapes)
