"""Objects <-> plain dicts that JSON can hold, in Keras's form.

``{"module": "keras.layers", "class_name": "Dense", "config": {...},
"registered_name": None}``. Reading makes only registered classes and pydl's own
public ones; see `pydl.objects.registration`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from pydl.objects.registration import (
    custom_object_scope,
    get_registered_name,
    get_registered_object,
    is_registered,
)

#: Namespaces whose public classes a configuration may name.
_NAMESPACES = (
    "", "activations", "constraints", "initializers", "layers", "layers.base", "losses",
    "metrics", "models", "optimizers", "optimizers.schedules", "random", "regularizers",
)  # fmt: skip

#: Classes of other namespaces.
_ALONE = frozenset({
    ("applications", "CustomScaleLayer"), ("applications", "LayerScale"),
    ("applications", "LocalResponseNormalization"),
    ("dtype_policies", "DTypePolicyMap"), ("utils", "FeatureSpace"),
})  # fmt: skip

_PLAIN = (str, bool, int, float, type(None))


def serialize_keras_object(obj: Any) -> Any:
    """The JSON form of an object, structure, array or plain value."""
    if isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, (list, tuple)):
        items = [serialize_keras_object(item) for item in obj]
        return tuple(items) if isinstance(obj, tuple) else items
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, np.ndarray):
        config = {"value": obj.tolist(), "dtype": obj.dtype.name}
        return {"class_name": "__numpy__", "config": config}
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, slice):
        config = {"start": obj.start, "stop": obj.stop, "step": obj.step}
        return {"class_name": "__slice__", "config": config}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if hasattr(obj, "get_config"):
        return _serialize_instance(obj)
    if hasattr(obj, "numpy"):
        config = {"value": obj.numpy().tolist(), "dtype": str(obj.dtype)}
        return {"class_name": "__tensor__", "config": config}
    if callable(obj) and hasattr(obj, "__name__"):
        return _serialize_function(obj)
    raise ValueError(
        f"cannot serialize {obj!r} of type {type(obj).__name__}: expected a plain "
        "value, an array, a list, a dict, or an object with get_config()"
    )


def _serialize_instance(obj: Any) -> dict[str, Any]:
    data = {
        **_identity(type(obj)),
        "config": {k: serialize_keras_object(v) for k, v in obj.get_config().items()},
    }
    data["registered_name"] = data.pop("registered_name")
    build_config = getattr(obj, "get_build_config", lambda: None)()
    if build_config is not None:
        data["build_config"] = serialize_keras_object(build_config)
    return data


def _identity(cls: type) -> dict[str, Any]:
    if cls.__module__.startswith("pydl.") and not is_registered(cls):
        module = getattr(cls, "_keras_module", None) or keras_module(cls.__module__)
        return {"module": module, "class_name": cls.__name__, "registered_name": None}
    return {
        "module": None,
        "class_name": cls.__name__,
        "registered_name": get_registered_name(cls),
    }


def keras_module(module: str) -> str:
    """``pydl.layers.core.dense`` -> ``keras.layers``: the public namespace."""
    parts = module.split(".")[1:]
    namespaces = [
        n for n in _NAMESPACES if n and n.split(".") == parts[: len(n.split("."))]
    ]
    return f"keras.{max(namespaces, key=len)}" if namespaces else "keras"


def _serialize_function(func: Any) -> dict[str, Any]:
    if func.__name__ == "<lambda>":
        raise ValueError(
            "cannot serialize a lambda: define a named function and register it with "
            "@pydl.saving.register_keras_serializable()"
        )
    return {
        "module": keras_module(func.__module__) if _is_own(func) else "builtins",
        "class_name": "function",
        "config": func.__name__,
        "registered_name": get_registered_name(func)
        if is_registered(func)
        else "function",
    }


def _is_own(target: Any) -> bool:
    return str(target.__module__).startswith("pydl.")


def deserialize_keras_object(
    config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """The object a serialized form stands for.

    Args:
        config: what `serialize_keras_object` returned (possibly through JSON).
        custom_objects: further names the configuration may use.
        safe_mode: accepted for compatibility; nothing in a configuration is ever run.
    """
    if custom_objects:
        with custom_object_scope(custom_objects):
            return deserialize_keras_object(config)
    if isinstance(config, (list, tuple)):
        return type(config)(deserialize_keras_object(item) for item in config)
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: deserialize_keras_object(value) for key, value in config.items()}
    return _deserialize_named(config)


def _deserialize_named(config: dict[str, Any]) -> Any:
    class_name, inner = config["class_name"], config["config"]
    if class_name in _SPECIAL:
        return _SPECIAL[class_name](inner)
    if class_name == "function":
        return find_object(inner, config.get("module"), config.get("registered_name"))
    cls = find_object(class_name, config.get("module"), config.get("registered_name"))
    if not hasattr(cls, "from_config"):
        raise ValueError(f"{class_name!r} cannot be made from a configuration")
    obj = cls.from_config(inner)
    if config.get("build_config") and hasattr(obj, "build_from_config"):
        if not getattr(obj, "built", False):
            obj.build_from_config(config["build_config"])
    return obj


def _tensor(config: dict[str, Any]) -> Any:
    ops = importlib.import_module("pydl.ops")
    return ops.convert_to_tensor(np.array(config["value"], dtype=config["dtype"]))


_SPECIAL: dict[str, Callable[[dict[str, Any]], Any]] = {
    "__numpy__": lambda config: np.array(config["value"], dtype=config["dtype"]),
    "__tensor__": _tensor,
    "__slice__": lambda c: slice(c["start"], c["stop"], c["step"]),
    "__ellipsis__": lambda config: Ellipsis,
}


def find_object(name: str, module: str | None, registered_name: str | None) -> Any:
    """The class or function a configuration names; ValueError if it is not known."""
    for candidate in (registered_name, name):
        found = get_registered_object(candidate) if candidate else None
        if found is not None:
            return found
    found = _own_object(name, module or "")
    if found is None:
        raise ValueError(
            f"could not find {name!r} (module {module!r}, registered name "
            f"{registered_name!r}). If it is yours, decorate it with "
            "@pydl.saving.register_keras_serializable() or pass it in `custom_objects`."
        )
    return found


def _own_object(name: str, module: str) -> Any:
    root, _, namespace = module.partition(".")
    if root not in ("keras", "pydl") or name.startswith("_"):
        return None
    if namespace.startswith("src."):
        namespace = namespace.split(".")[1]
    if namespace not in _NAMESPACES and (namespace, name) not in _ALONE:
        return None
    home = importlib.import_module(f"pydl.{namespace}".rstrip("."))
    found = getattr(home, name, None)
    return found if callable(found) and _is_own(found) else None
