"""Labelled sets for measuring clusterers: small public ones, and a mixture like an archive.

Unequal classes, heavy tails.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

Labelled = tuple[npt.NDArray[np.floating], npt.NDArray[np.int64]]
SMALL = ("digits", "pendigits", "mice")


def small_set(name: str) -> Labelled:
    """digits (1,797 x 64), pendigits (7,494 x 16) or mice (1,077 x 77), without any preparation.

    Raises:
        FileNotFoundError: the file is not in $TESSERA_DATA/rcc.
    """
    if name == "digits":
        digits = load_digits()
        return digits.data.astype(np.float32), digits.target.astype(np.int64)
    from tessera.demo.demo import data_folder

    folder = data_folder() / "rcc"
    if name == "pendigits":
        table = np.loadtxt(folder / "pendigits_train.csv", delimiter=",")
        return table[:, :-1].astype(np.float32), table[:, -1].astype(np.int64)
    return _matlab(folder / "mice_protein_data.mat").T.astype(np.float32), _matlab(
        folder / "mice_protein_labels.mat"
    ).ravel().astype(np.int64)


def _matlab(path: Path) -> npt.NDArray[np.float64]:
    import h5py

    with h5py.File(path) as stored:
        (name,) = (key for key in stored if not key.startswith("#"))
        return np.asarray(stored[name], np.float64)


def mixture(n: int, *, dim: int = 256, classes: int = 50, seed: int = 0) -> Labelled:
    """Classes of unequal size (log-normal) with heavy tails (Student's t, 8 degrees), and 5 % of stray points.

    Args:
        n: points.
        dim: of a point.
        classes: how many.
        seed: decides everything.

    Returns:
        float32 (n, dim), and labels with -1 for background.
    """
    rng = np.random.default_rng(seed)
    shares = rng.lognormal(0, 1.5, classes)
    labels = rng.choice(classes, n, p=shares / shares.sum())
    centres = rng.normal(size=(classes, dim)).astype(np.float32)
    points = np.empty((n, dim), np.float32)
    for start in range(0, n, 100_000):
        part = slice(start, min(start + 100_000, n))
        size = part.stop - part.start
        tails = np.sqrt(8 / rng.chisquare(8, size)).astype(np.float32)
        points[part] = rng.standard_normal((size, dim), np.float32) * tails[:, None] * 0.6 + centres[labels[part]]
    lost = rng.random(n) < 0.05
    points[lost] = rng.standard_normal((int(lost.sum()), dim), np.float32) * 1.5
    labels[lost] = -1
    return points, labels


def ami(truth: npt.NDArray[np.integer], labels: npt.NDArray[np.integer]) -> float:
    """AMI with the geometric mean, as the RCC paper has it; background is left out."""
    from sklearn.metrics import adjusted_mutual_info_score

    known = truth >= 0
    return float(adjusted_mutual_info_score(truth[known], labels[known], average_method="geometric"))
