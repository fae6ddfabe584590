"""Ward's merging of clusters that have sizes, with a number of clusters of which none is tiny.

Ward, "Hierarchical grouping to optimize an objective function", JASA 58, 1963, from clusters instead of points: the
price of a merge is n_a n_b / (n_a + n_b) |m_a - m_b|^2. Libraries start from points of size one; here a start has
hundreds of tiles or one. By nearest-neighbour chains (Murtagh 1983) on a matrix of prices, float64 (n, n): 4,000
clusters need 128 MB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import pdist, squareform


@dataclass(frozen=True)
class Tree:
    """The merges of n clusters, cheapest first.

    Attributes:
        n: clusters at the start.
        first: int64 (n-1,), a start cluster of one side of each merge.
        second: int64 (n-1,), one of the other side.
        price: float64 (n-1,), rise of the sum of squares.
    """

    n: int
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    price: npt.NDArray[np.float64]

    def cut(self, k: int) -> npt.NDArray[np.int32]:
        """Group of each start cluster when `k` are left, int32 (n,), numbered by their first member."""
        parent = np.arange(self.n)

        def root(x: int) -> int:
            while parent[x] != x:
                parent[x] = parent[parent[x]]
                x = int(parent[x])
            return x

        for a, b in zip(self.first[: max(self.n - k, 0)], self.second[: max(self.n - k, 0)], strict=True):
            low, high = sorted((root(int(a)), root(int(b))))
            parent[high] = low
        return np.unique([root(x) for x in range(self.n)], return_inverse=True)[1].astype(np.int32)


def ward(means: npt.NDArray[np.floating], sizes: npt.NDArray[np.integer]) -> Tree:
    """Merge clusters until one is left.

    Args:
        means: (n, D).
        sizes: (n,), all above 0.
    """
    mass = sizes.astype(np.float64)
    prices = _prices(means.astype(np.float64), mass)
    alive = np.ones(len(mass), bool)
    merges: list[tuple[float, int, int]] = []
    chain: list[int] = []
    while len(merges) < len(mass) - 1:
        if not chain:
            chain.append(int(alive.argmax()))
        top = chain[-1]
        best = int(prices[top].argmin())
        if len(chain) > 1 and prices[top, chain[-2]] <= prices[top, best]:
            best = chain[-2]  # ties go back, or the chain would not end
            del chain[-2:]
            merges.append((float(prices[top, best]), min(top, best), max(top, best)))
            _join(prices, mass, min(top, best), max(top, best))
            alive[max(top, best)] = False
        else:
            chain.append(best)
    merges.sort(key=lambda merge: merge[0])
    first, second = (np.array([merge[side] for merge in merges], np.int64) for side in (1, 2))
    return Tree(len(mass), first, second, np.array([merge[0] for merge in merges]))


def _prices(means: npt.NDArray[np.float64], mass: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Price of merging each pair, symmetric to the last bit; infinite with itself."""
    squared = squareform(pdist(means, "sqeuclidean"))
    prices: npt.NDArray[np.float64] = squared * (mass[:, None] * mass / (mass[:, None] + mass))
    np.fill_diagonal(prices, np.inf)
    return prices


def _join(prices: npt.NDArray[np.float64], mass: npt.NDArray[np.float64], kept: int, gone: int) -> None:
    """Put cluster `gone` into cluster `kept` (Lance and Williams 1967)."""
    own = prices[kept, gone]
    total = mass[kept] + mass[gone] + mass
    joined = ((mass[kept] + mass) * prices[kept] + (mass[gone] + mass) * prices[gone] - mass * own) / total
    joined[kept] = np.inf
    prices[kept], prices[:, kept] = joined, joined
    prices[gone], prices[:, gone] = np.inf, np.inf
    mass[kept] += mass[gone]
