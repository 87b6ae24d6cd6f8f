"""What surrounds every `build`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pydl.graph.trace import outside_trace
from pydl.layers.base.context import context, name_scope
from pydl.objects.signatures import signature_of


def building(build: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a class's `build`: outside any trace, in the layer's scope, then built."""

    @functools.wraps(build)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._check_initialized()
        inside = bool(context.names) and context.names[-1] == self.name
        scope: AbstractContextManager[Any]
        scope = nullcontext() if inside else name_scope(self.name)
        with outside_trace(), scope:
            self.path = "/".join(context.names)
            result = build(self, *args, **kwargs)
        self.built = True
        bound = signature_of(build).bind(self, *args, **kwargs)
        self._build_shapes = dict(list(bound.arguments.items())[1:])
        return result

    return wrapper
