"""scikit-learn's MLPClassifier with Adam."""

from __future__ import annotations

import warnings

from serve import Run, serve
from sklearn.neural_network import MLPClassifier

from benchmarks.cases import MLPS, Mlp


def mlp(case: Mlp) -> Run:
    x, y = case.data()
    model = MLPClassifier(case.sizes[1:-1], batch_size=case.batch, max_iter=case.epochs)

    def run() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged after so few epochs
            model.fit(x, y)
        return case.steps

    return run


serve(lambda name: mlp(MLPS[name]) if name in MLPS else None)
