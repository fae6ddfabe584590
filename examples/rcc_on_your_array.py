"""Robust Continuous Clustering of an array of your own; it finds the number of clusters.

    python examples/rcc_on_your_array.py [features.npy]

Without a file, five drawn blobs are clustered. Rows are points, columns are features of any kind.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
import tessera


def blobs(n: int = 200, seed: int = 0) -> npt.NDArray[np.float32]:
    """Five groups of n points around centres that are well apart, float32 (5 n, 16)."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, 16)) * 4
    return np.concatenate([centre + rng.normal(size=(n, 16)) for centre in centres]).astype(np.float32)


def main() -> None:
    """Cluster, say what was found, and cut finer without solving again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", nargs="?", help=".npy file, float (N, D)")
    options = parser.parse_args()
    points = blobs() if options.features is None else np.load(options.features)
    model = tessera.RCC().fit(points)
    sizes = np.bincount(model.labels_)
    print(f"{len(points)} points: {(sizes >= 5).sum()} clusters of 5 or more, {model.n_iter_} solves")
    print("sizes of the largest:", sizes[:10].tolist())
    for link in (0.2, 0.5, 1.0):  # a finer or coarser cut of the same solution
        print(f"link {link}: {len(np.unique(model.relink(link)))} clusters")


if __name__ == "__main__":
    main()
