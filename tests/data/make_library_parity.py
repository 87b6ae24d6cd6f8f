"""Writes ``library_parity.json``: losses and metrics as Keras computes them.

    KERAS_BACKEND=jax python tests/data/make_library_parity.py

Needs keras 3.15. Arrays are stored as ``{"shape", "dtype", "values"}``.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

OUT = Path(__file__).with_name("library_parity.json")
RANDOM = np.random.default_rng(7)


def numbers(array: Any) -> Any:
    """An array, short and exact enough for float32."""
    array = np.asarray(array)
    if array.dtype.kind == "f":
        values = [float(f"{v:.9g}") for v in array.astype("float64").ravel()]
    else:
        values = [int(v) for v in array.ravel()]
    return {"shape": array.shape, "dtype": array.dtype.name, "values": values}


def data() -> dict[str, np.ndarray]:
    """Labels and predictions of every kind."""
    floats = RANDOM.normal(size=(6, 4)).astype("float32")
    positive = np.abs(RANDOM.normal(size=(6, 4))).astype("float32")
    scores = RANDOM.uniform(0.02, 0.98, size=(6, 4)).astype("float32")
    shares = scores / scores.sum(-1, keepdims=True)
    labels = RANDOM.integers(0, 4, 6).astype("int32")
    units = floats / np.linalg.norm(floats, axis=-1, keepdims=True)
    weights = RANDOM.uniform(0, 2, 6).astype("float32")
    return {
        "floats": floats,
        "others": RANDOM.normal(size=(6, 4)).astype("float32"),
        "positive": positive,
        "counts": RANDOM.integers(0, 5, (6, 4)).astype("float32"),
        "scores": scores,
        "shares": shares.astype("float32"),
        "binary": RANDOM.integers(0, 2, (6, 4)).astype("float32"),
        "onehot": np.eye(4, dtype="float32")[labels],
        "labels": labels,
        "guesses": RANDOM.integers(0, 4, 6).astype("int32"),
        "pairs": np.array([0, 0, 1, 1, 2, 2], "int32"),
        "units": units.astype("float32"),
        "row": RANDOM.uniform(size=6).astype("float32"),
        "row_binary": np.array([0, 1, 0, 1, 1, 0], "float32"),
        "weights": weights,
        "whole_weights": np.array([1, 2, 0, 1, 3, 1], "int32"),
    }


def loss_cases() -> list[tuple[str, dict[str, Any], str, str]]:
    """Class, arguments, labels, predictions."""
    return [
        ("MeanAbsolutePercentageError", {}, "floats", "others"),
        ("MeanSquaredLogarithmicError", {}, "positive", "scores"),
        ("CosineSimilarity", {}, "floats", "others"),
        ("CosineSimilarity", {"axis": 0}, "floats", "others"),
        ("Huber", {}, "floats", "others"),
        ("Huber", {"delta": 0.3}, "floats", "others"),
        ("LogCosh", {}, "floats", "others"),
        ("Hinge", {}, "binary", "floats"),
        ("Hinge", {}, "floats", "others"),
        ("SquaredHinge", {}, "binary", "floats"),
        ("CategoricalHinge", {}, "onehot", "floats"),
        ("KLDivergence", {}, "shares", "scores"),
        ("Poisson", {}, "counts", "positive"),
        ("BinaryFocalCrossentropy", {}, "binary", "scores"),
        ("BinaryFocalCrossentropy", {
            "apply_class_balancing": True, "alpha": 0.4, "gamma": 1.5,
            "from_logits": True, "label_smoothing": 0.1,
        }, "binary", "floats"),
        ("CategoricalFocalCrossentropy", {}, "onehot", "shares"),
        ("CategoricalFocalCrossentropy", {
            "alpha": 0.4, "gamma": 1.0, "from_logits": True, "label_smoothing": 0.1,
        }, "onehot", "floats"),
        ("CategoricalGeneralizedCrossEntropy", {}, "labels", "shares"),
        ("CategoricalGeneralizedCrossEntropy", {"q": 0.2}, "labels", "shares"),
        ("Dice", {}, "binary", "scores"),
        ("Dice", {"axis": 1}, "binary", "scores"),
        ("Tversky", {"alpha": 0.3, "beta": 0.6}, "binary", "scores"),
        ("Tversky", {"axis": 1}, "binary", "scores"),
        ("Circle", {"gamma": 4.0}, "pairs", "units"),
        ("Circle", {"gamma": 2.0, "remove_diagonal": False}, "labels", "units"),
    ]  # fmt: skip


def metric_cases() -> list[tuple[str, dict[str, Any], str, str]]:
    """Class, arguments, labels, predictions."""
    flat = ("row_binary", "row")
    many = ("binary", "scores")
    return [
        *((name, arguments, *pair)
          for name in ("TruePositives", "TrueNegatives", "FalsePositives",
                       "FalseNegatives")
          for arguments, pair in (
              ({}, flat), ({"thresholds": [0.2, 0.7]}, many),
              ({"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, many))),
        *((name, arguments, *pair)
          for name in ("Precision", "Recall")
          for arguments, pair in (
              ({}, flat), ({"thresholds": [0.2, 0.7]}, many), ({"top_k": 2}, many),
              ({"class_id": 1, "thresholds": 0.4}, many),
              ({"top_k": 2, "class_id": 2}, many))),
        ("SensitivityAtSpecificity", {"specificity": 0.5}, *flat),
        ("SpecificityAtSensitivity", {"sensitivity": 0.5}, *many),
        ("PrecisionAtRecall", {"recall": 0.6, "num_thresholds": 50}, *many),
        ("RecallAtPrecision", {"precision": 0.6}, *many),
        ("RecallAtPrecision", {"precision": 0.6, "class_id": 3}, *many),
        ("RecallAtPrecision", {"precision": 0.6, "num_thresholds": 1}, *many),
        *(("AUC", {"curve": curve, "summation_method": how}, *many)
          for curve in ("ROC", "PR", "PRGAIN")
          for how in ("interpolation", "minoring", "majoring")),
        ("AUC", {"num_thresholds": 5}, *flat),
        ("AUC", {"thresholds": [0.1, 0.35, 0.8]}, *many),
        ("AUC", {"thresholds": [0.25, 0.5, 0.75]}, *many),
        ("AUC", {"multi_label": True}, *many),
        ("AUC", {"multi_label": True, "curve": "PR", "num_labels": 4,
                 "label_weights": [1.0, 0.5, 2.0, 1.0]}, *many),
        ("AUC", {"multi_label": True, "thresholds": [0.1, 0.35, 0.8]}, *many),
        ("AUC", {"label_weights": [1.0, 0.5, 2.0, 1.0]}, *many),
        ("AUC", {"from_logits": True}, "binary", "floats"),
    ]  # fmt: skip


def score_cases() -> list[tuple[str, dict[str, Any], str, str]]:
    """The same, of metrics without thresholds."""
    many = ("binary", "scores")
    return [
        ("IoU", {"num_classes": 4, "target_class_ids": [0, 2]}, "labels", "guesses"),
        ("IoU", {"num_classes": 4, "target_class_ids": [0, 2], "ignore_class": 1,
                 "sparse_y_pred": False}, "labels", "scores"),
        ("MeanIoU", {"num_classes": 4}, "labels", "guesses"),
        ("BinaryIoU", {"threshold": 0.3}, *many),
        ("OneHotIoU", {"num_classes": 4, "target_class_ids": [0, 1]}, "onehot",
         "scores"),
        ("OneHotMeanIoU", {"num_classes": 4}, "onehot", "scores"),
        *((name, arguments, *many)
          for name in ("F1Score", "FBetaScore")
          for arguments in ({}, {"average": "micro"}, {"average": "macro"},
                            {"average": "weighted", "threshold": 0.5})),
        ("FBetaScore", {"beta": 2.0, "threshold": 0.5}, *many),
        ("R2Score", {}, "floats", "others"),
        ("R2Score", {"class_aggregation": None}, "floats", "others"),
        ("R2Score", {"class_aggregation": "variance_weighted_average",
                     "num_regressors": 2}, "floats", "others"),
        ("RootMeanSquaredError", {}, "floats", "others"),
        ("CosineSimilarity", {}, "floats", "others"),
        ("PearsonCorrelation", {}, "floats", "others"),
        ("ConcordanceCorrelation", {}, "floats", "others"),
        ("LogCoshError", {}, "floats", "others"),
        ("MeanAbsolutePercentageError", {}, "floats", "others"),
        ("MeanSquaredLogarithmicError", {}, "positive", "scores"),
        ("Hinge", {}, "binary", "floats"),
        ("SquaredHinge", {}, "binary", "floats"),
        ("CategoricalHinge", {}, "onehot", "floats"),
        ("KLDivergence", {}, "shares", "scores"),
        ("Poisson", {}, "counts", "positive"),
        ("TopKCategoricalAccuracy", {"k": 2}, "onehot", "scores"),
        ("SparseTopKCategoricalAccuracy", {"k": 3}, "labels", "scores"),
        ("SparseTopKCategoricalAccuracy", {"k": 1, "from_sorted_ids": True}, "labels",
         "labels_as_ids"),
    ]  # fmt: skip


def loss_case(
    arrays: dict[str, np.ndarray], name: str, arguments: dict[str, Any], *pair: str
) -> list[dict[str, Any]]:
    cases = []
    for reduction in ("sum_over_batch_size", "none", "sum"):
        for weights in (None, "weights"):
            if weights and name in ("Dice", "Tversky") or arguments.get("axis") == 0:
                weights = None
            loss = getattr(keras.losses, name)(reduction=reduction, **arguments)
            value = loss(*(arrays[p] for p in pair), sample_weight=arrays.get(weights))
            cases.append({
                "cls": name, "arguments": arguments, "reduction": reduction,
                "pair": pair, "weights": weights, "value": numbers(value),
            })  # fmt: skip
    return cases


def metric_case(
    arrays: dict[str, np.ndarray], name: str, arguments: dict[str, Any], *pair: str
) -> dict[str, Any]:
    """Results after a batch, a weighted one, and the configuration."""
    metric = getattr(keras.metrics, name)(**arguments)
    y_true, y_pred = (arrays[p] for p in pair)
    weights = "whole_weights" if "IoU" in name else "weights"
    if name == "BinaryIoU":
        weights = None
    results = []
    for chosen in (None, weights):
        metric.update_state(y_true, y_pred, arrays.get(chosen))
        results.append(numbers(metric.result()))
    config = metric.get_config()
    if config.get("label_weights") is not None:
        config["label_weights"] = np.asarray(config["label_weights"]).tolist()
    return {
        "cls": name, "arguments": arguments, "pair": pair, "weights": weights,
        "results": results, "config": config,
    }  # fmt: skip


def main() -> None:
    """Write the file."""
    warnings.simplefilter("ignore")
    arrays = data()
    arrays["labels_as_ids"] = np.stack([arrays["guesses"]] * 2, 1).astype("int32")
    content = {
        "keras": keras.__version__,
        "data": {name: numbers(array) for name, array in arrays.items()},
        "losses": [c for case in loss_cases() for c in loss_case(arrays, *case)],
        "metrics": [
            metric_case(arrays, *case) for case in [*metric_cases(), *score_cases()]
        ],
    }
    OUT.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
