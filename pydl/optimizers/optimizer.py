"""The base of optimizers: slots, learning rate, clipping, decay, the update.

A subclass says which opcode it is, which slots each variable has and which attributes
the rule takes (``docs/opcodes.md``, "optimizer"). Everything that changes from step to
step, the learning rate and the step count first of all, is a value in memory, never
part of a plan.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from pydl import ops
from pydl.graph.trace import outside_trace
from pydl.lookup import serialize_object, snake_case
from pydl.optimizers.accumulation import Accumulation
from pydl.optimizers.averaging import MovingAverage
from pydl.optimizers.clipping import check_clipping
from pydl.optimizers.rows import note_whole_tables
from pydl.optimizers.schedules import LearningRateSchedule
from pydl.optimizers.state_access import StateAccess
from pydl.optimizers.stateless import StatelessApply
from pydl.optimizers.update import update_all, update_each
from pydl.optimizers.weight_decay import WeightDecay
from pydl.runtime.variable import Variable


class Optimizer(StateAccess, StatelessApply, WeightDecay):
    """What all optimizers share.

    Args:
        learning_rate: a float, a `LearningRateSchedule`, or a callable without
            arguments.
        weight_decay: each step takes this share times the learning rate off the
            weights.
        clipnorm: the gradient of each variable is scaled down to this norm.
        clipvalue: gradients are clipped to plus or minus this.
        global_clipnorm: all gradients are scaled down together to this norm.
        use_ema: keep an exponential moving average of the weights, which `fit` puts in
            place of them when it ends.
        ema_momentum: the share of the old average kept each step.
        ema_overwrite_frequency: put the average in place of the weights every so many
            steps.
        loss_scale_factor: the loss is multiplied by this and gradients divided by it.
        gradient_accumulation_steps: an int >= 2: gradients of so many steps are added
            up, and the variables are updated once by their mean. `iterations` then
            counts updates.
        name: name in files and logs.
    """

    #: The update opcode of the subclass; without one `update_step` is called.
    opcode: ClassVar[str] = ""
    #: The opcode that updates only the rows of a table that were looked up.
    row_opcode: ClassVar[str] = ""

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.name = name or snake_case(type(self).__name__)
        if kwargs:
            raise ValueError(f"{self.name}: unknown arguments: {', '.join(kwargs)}")
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        check_clipping(self)
        self._average: MovingAverage | None = None
        if use_ema:
            self._average = MovingAverage(self, ema_momentum, ema_overwrite_frequency)
        self._accumulation: Accumulation | None = None
        if gradient_accumulation_steps is not None:
            self._accumulation = Accumulation(self, gradient_accumulation_steps)
        self._no_decay: set[int] = set()
        self._no_decay_names: list[str] = []
        self._start_state(learning_rate)

    def _start_state(self, learning_rate: Any) -> None:
        self.built = False
        self._slots: list[list[Variable]] = []
        self._trainable: list[Variable] = []
        self._index: dict[Any, int] = {}
        self._variables: list[Variable] = []
        self._iterations = self.add_variable((), dtype="int64", name="iteration")
        self._set_learning_rate(learning_rate)

    # -- what a subclass says ----------------------------------------------------------

    def slot_names(self) -> Sequence[str]:
        """The slots of each variable, in the opcode's order."""
        return ()

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        """For subclasses without an opcode: update one variable, with ops."""
        raise NotImplementedError(
            f"{type(self).__name__} must define update_step(gradient, variable, "
            "learning_rate)"
        )

    def begin_update(self) -> None:
        """For subclasses without an opcode: called once before the variables."""

    def step_count(self) -> Any:
        """The number of the present step, from 1, as float32."""
        return ops.cast(ops.convert_to_tensor(self.iterations), "float32") + 1.0

    def attributes(self) -> dict[str, Any]:
        """The attributes of the update rule."""
        return {}

    def row_attributes(self) -> dict[str, Any]:
        """The attributes of `row_opcode`."""
        return self.attributes()

    def moves_all_rows(self, variable: Variable) -> str:
        """Why rows that no gradient reaches change too; "" if they do not."""
        if not self.row_opcode:
            return f"{type(self).__name__} moves rows without a gradient too"
        return "weight decay moves all rows" if self.decays(variable) else ""

    def step_size(self, learning_rate: Any) -> Any:
        """What the rule multiplies steps by, from the learning rate."""
        return learning_rate

    def slot_start(self, name: str) -> float:
        """The value a slot is filled with at first."""
        return 0.0

    # -- state -------------------------------------------------------------------------

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of these variables. Later calls do nothing."""
        if self.built:
            return
        self._trainable = list(variables)
        self._index = {id(v): i for i, v in enumerate(self._trainable)}
        with outside_trace():
            if self._average is not None:
                self._average.build(self._trainable)
            if self._accumulation is not None:
                self._accumulation.build(self._trainable)
            self._slots = self._make_slots()
        self.built = True

    def _make_slots(self) -> list[list[Variable]]:
        """Slots by variable; in `variables` they stand variable by variable."""
        return [
            [
                self.add_variable_from_reference(v, name, self.slot_start(name))
                for name in self.slot_names()
            ]
            for v in self._trainable
        ]

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """A Variable of the optimizer's state; `initializer`: "zeros" or a number."""
        start = 0.0 if initializer == "zeros" else float(initializer)
        dtype = dtype or "float32"
        with outside_trace():
            variable = Variable(
                np.full(tuple(shape), start, dtype),
                dtype=dtype,
                trainable=False,
                name=name,
            )
        variable.path = f"{self.name}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(
        self,
        reference_variable: Variable,
        name: str | None = None,
        initializer: Any = "zeros",
    ) -> Variable:
        """A slot: a Variable of the shape and dtype of a model's variable."""
        path = reference_variable.path
        slot = self.add_variable(
            reference_variable.shape,
            initializer,
            reference_variable.dtype,
            name=f"{path.replace('/', '_')}_{name}",
        )
        slot.path = f"{self.name}/{path}/{name}"
        return slot

    @property
    def variables(self) -> list[Variable]:
        """The whole state: iteration, learning rate, slots."""
        return list(self._variables)

    @property
    def iterations(self) -> Any:
        """The number of updates made so far."""
        if self._accumulation is not None:
            return self._accumulation.groups(ops.convert_to_tensor(self._iterations))
        return self._iterations

    def slots_of(self, variable: Variable) -> list[Variable]:
        """The slots of a model's variable, in the opcode's order."""
        return self._slots[self._index[id(variable)]]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Put arrays in place of the state, in the order of `variables`."""
        if not self.built:
            raise ValueError(
                f"{self.name}: set_weights needs the slots: call "
                "`optimizer.build(trainable_variables)` first"
            )
        if len(weights) != len(self._variables):
            raise ValueError(
                f"{self.name}: expected {len(self._variables)} arrays, received "
                f"{len(weights)}"
            )
        for variable, weight in zip(self._variables, weights, strict=True):
            if tuple(np.shape(weight)) != tuple(variable.shape):
                raise ValueError(
                    f"{self.name}: variable {variable.name!r}: expected shape "
                    f"{tuple(variable.shape)}, received {tuple(np.shape(weight))}"
                )
            variable.assign(weight)

    # -- learning rate -----------------------------------------------------------------

    def _set_learning_rate(self, rate: Any) -> None:
        if isinstance(rate, dict):
            from pydl.optimizers.schedules import deserialize

            rate = deserialize(rate)
        if callable(rate):
            self._rate: Any = rate
            return
        if isinstance(rate, bool) or not isinstance(rate, (int, float, np.number)):
            raise ValueError(
                f"{self.name}: learning_rate: expected a float, a LearningRateSchedule "
                f"or a callable, received {rate!r}"
            )
        self._rate = self.add_variable((), float(rate), name="learning_rate")

    @property
    def learning_rate(self) -> Any:
        """The rate at the present step; a Variable unless a schedule was given."""
        if isinstance(self._rate, LearningRateSchedule):
            return self._rate(self.iterations)
        if isinstance(self._rate, Variable):
            return self._rate
        return self._rate()

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if callable(rate) and not isinstance(rate, Variable):
            self._rate = rate
        elif isinstance(self._rate, Variable):
            self._rate.assign(np.asarray(rate, "float32").reshape(()))
        else:
            raise TypeError(
                f"{self.name} was made with a schedule as its learning_rate, so the "
                "rate cannot be set. Make the optimizer with a float to set it later."
            )

    # -- the update --------------------------------------------------------------------

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """Update variables, given (gradient, variable) pairs."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self.iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Update variables by their gradients: one instruction for all of them."""
        if len(grads) == 0:
            return
        variables = self._known(grads, trainable_variables)
        pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        if not pairs:
            raise ValueError("No gradients provided for any variable.")
        if len(pairs) < len(variables):
            names = [v.name for g, v in zip(grads, variables, strict=True) if g is None]
            warnings.warn(f"Gradients do not exist for variables {names}", stacklevel=2)
        gradients, touched = [g for g, _ in pairs], [v for _, v in pairs]
        if self._accumulation is None:
            self._update(gradients, touched)
        else:
            self._accumulation.apply(gradients, touched, self._update)
        for _, variable in pairs:
            if getattr(variable, "constraint", None) is not None:
                variable.assign(variable.constraint(ops.convert_to_tensor(variable)))
        if self._average is not None:
            self._average.update(self.iterations)
        self._iterations.assign_add(np.asarray(1, "int64"))

    def _update(self, grads: Sequence[Any], variables: Sequence[Variable]) -> None:
        own_rule = type(self).update_step is not Optimizer.update_step
        if own_rule or not self.opcode:
            note_whole_tables(self, variables)
            update_each(self, grads, variables)
        else:
            update_all(self, grads, variables)

    def changing_state(self) -> list[Variable]:
        """The state an update writes: not the counter, the rate, averages or sums."""
        others = {id(self._iterations), id(self._rate)}
        for part in (self._average, self._accumulation):
            others |= {id(variable) for variable in part.state} if part else set()
        return [v for v in self._variables if id(v) not in others]

    def _known(self, grads: Sequence[Any], wanted: Any) -> list[Variable]:
        if wanted is None:
            if not self.built:
                raise ValueError(
                    f"{self.name}: apply(grads) without variables needs "
                    "`optimizer.build(trainable_variables)` first"
                )
            wanted = self._trainable
        variables: list[Variable] = list(wanted)
        if len(grads) != len(variables):
            raise ValueError(
                f"{self.name}: expected one gradient for each of {len(variables)} "
                f"variables, received {len(grads)}"
            )
        self.build(variables)
        for variable in variables:
            if id(variable) not in self._index:
                raise ValueError(
                    f"{self.name}: unknown variable {variable.name!r}. The optimizer "
                    "was built for other variables; make a new one."
                )
        return variables

    # -- loss scale, averages, configs -------------------------------------------------

    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`; gradients are divided by it again."""
        factor = self.loss_scale_factor
        return loss if factor is None else ops.multiply(loss, float(factor))

    def finalize_variable_values(self, var_list: Any) -> None:
        """Put the moving average in place of the weights, as `fit` does at its end."""
        if self._average is not None:
            self._average.overwrite()

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this optimizer again."""
        if isinstance(self._rate, LearningRateSchedule):
            rate: Any = serialize_object(self._rate, "keras.optimizers.schedules")
        else:
            rate = float(np.asarray(self.learning_rate))
        return {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """An optimizer from what `get_config` gave."""
        return cls(**config)
