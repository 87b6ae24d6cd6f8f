"""Process-wide settings, and what they change."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import pydl.config as config
import pydl.ops as ops


@pytest.fixture(autouse=True)
def defaults() -> Iterator[None]:
    yield
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")


def test_floatx_is_the_dtype_of_python_floats() -> None:
    config.set_floatx("float64")
    assert ops.convert_to_tensor(1.5).dtype == ops.zeros((2,)).dtype == "float64"
    assert ops.exp(np.arange(3)).dtype == "float64"
    assert ops.add(np.float32(1), 1.5).dtype == "float32"


def test_epsilon_guards_binary_crossentropy() -> None:
    config.set_epsilon(0.1)
    loss = ops.binary_crossentropy([1.0], [0.0])
    np.testing.assert_allclose(loss.numpy(), -np.log(0.1), rtol=1e-6)


def test_image_data_format() -> None:
    config.set_image_data_format("channels_first")
    assert config.standardize_data_format(None) == "channels_first"
    assert config.standardize_data_format("Channels_Last") == "channels_last"


def test_errors() -> None:
    with pytest.raises(ValueError, match="received 'int32'"):
        config.set_floatx("int32")
    with pytest.raises(ValueError, match="received 'channels_middle'"):
        config.set_image_data_format("channels_middle")
