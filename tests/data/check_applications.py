"""Compares the logits of networks that are too large for a test, by hand.

    KERAS_BACKEND=tensorflow python tests/data/check_applications.py keras FILE [NAME]
    PYTHONPATH=. python tests/data/check_applications.py pydl FILE

The first writes what Keras 3.15 computes to FILE (``.npz``), of the networks named or
of all in `application_cases.LOGITS` that no test covers; the second prints the relative
2-norm of the difference, by default ("highest") and in exact mode, and exits 1 where it
is too large or another class is first.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from application_cases import LOGITS, built, images, weights

#: The first is the default.
LIMITS = {"highest": 2e-4, "exact": 1e-5}


def of_keras(path: str, names: list[str]) -> None:
    from make_applications import logits_of

    found = {}
    for case in LOGITS:
        if case.network in names or not (names or case.tested):
            found[case.key] = logits_of(case)
            print(case.key, flush=True)
            np.savez(path, **found)


def of_pydl(path: str) -> bool:
    import pydl

    fine = True
    print(f"{'network':28}{'highest':>12}{'exact':>12}  same top class")
    with np.load(path) as stored:
        for case in LOGITS:
            if case.key not in stored:
                continue
            expected = stored[case.key].astype("float64")
            model = built(pydl.applications, case)
            model.set_weights(weights((w.name, tuple(w.shape)) for w in model.weights))
            errors, same = [], True
            for precision in LIMITS:
                pydl.config.set_float32_matmul_precision(precision)
                out = np.asarray(model(images(case), training=False), "float64")
                errors.append(np.linalg.norm(out - expected) / np.linalg.norm(expected))
                same &= bool((out.argmax(1) == expected.argmax(1)).all())
            small = all(
                e < limit for e, limit in zip(errors, LIMITS.values(), strict=True)
            )
            fine &= same and small
            print(
                f"{case.key:28}{errors[0]:12.1e}{errors[1]:12.1e}  {same}", flush=True
            )
    return fine


if __name__ == "__main__":
    if sys.argv[1] == "keras":
        of_keras(sys.argv[2], sys.argv[3:])
    elif not of_pydl(sys.argv[2]):
        sys.exit(1)
