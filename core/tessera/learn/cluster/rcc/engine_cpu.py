"""RCC's engine for the CPU: column blocks of 16, one thread each, on a graph numbered so that neighbours lie close.

Memory beside X and U: three N x 16 arrays a thread, and the graph. Each block is solved by one thread from start to
end, so the result does not depend on the number of threads.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import reverse_cuthill_mckee

from tessera.learn.cluster.graph.mutual import Graph
from tessera.learn.cluster.rcc.solver import largest_eigenvalue

F32 = npt.NDArray[np.float32]


class CpuEngine:
    """See `tessera.learn.cluster.rcc.solver.Engine`. A context manager that ends its threads.

    Args:
        points: float32 (N, D), X.
        graph: neighbour graph of the points.
        threads: 0 takes one per core that this process may use.
    """

    def __init__(self, points: F32, graph: Graph, threads: int = 0) -> None:
        from tessera.learn.cluster.rcc import kernels

        self._kernels = kernels
        self._n, self._size = points.shape
        self._order = _ordering(graph)
        place = np.empty(self._n, np.int32)
        place[self._order] = np.arange(self._n, dtype=np.int32)
        self._first, self._second = place[graph.first], place[graph.second]
        self._weights = graph.weights().astype(np.float32)
        self._build_pattern()
        self._target = _blocks(points, self._order, kernels.WIDTH)  # (blocks, N, WIDTH)
        self._solution = self._target.copy()
        n_threads = min(threads or len(os.sched_getaffinity(0)), len(self._target))
        self._pool = ThreadPoolExecutor(n_threads)
        self._work = [np.empty((3, self._n, kernels.WIDTH), np.float32) for _ in range(n_threads)]

    def __enter__(self) -> CpuEngine:
        """The engine."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads."""
        self._pool.shutdown()

    def lengths(self) -> F32:
        """|u_p - u_q| of every edge, float32 (E,)."""
        return np.sqrt(self._squared())

    def relax(self, mu: float) -> float:
        """Line process and Laplacian."""
        squared = self._squared()
        root = np.float32(mu) / (np.float32(mu) + squared)
        values = self._weights * root * root
        self._values[self._forward], self._values[self._backward] = values, values
        self._degree = np.add.reduceat(np.append(self._values, np.float32(0)), self._starts[:-1]).astype(np.float32)
        self._degree[np.diff(self._starts) == 0] = 0
        pairs = values.astype(np.float64) @ squared + mu * (self._weights.astype(np.float64) @ (root - 1) ** 2)
        return float(pairs)

    def norm(self) -> float:
        """Largest eigenvalue of A."""

        def times(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            out = np.empty(self._n, np.float32)
            self._kernels.laplacian_times(
                self._starts, self._columns, self._values, self._degree, vector.astype(np.float32), out
            )
            return out.astype(np.float64)

        return largest_eigenvalue(times, self._n)

    def solve(self, strength: float, tolerance: float, most: int) -> tuple[float, float]:
        """Column blocks by conjugate gradients, one thread each."""
        free = list(self._work)

        def one(block: int) -> tuple[int, float]:
            work = free.pop()
            try:
                done, distance = self._kernels.conjugate_gradients(
                    self._starts,
                    self._columns,
                    self._values,
                    self._degree,
                    np.float32(strength),
                    self._target[block],
                    self._solution[block],
                    work,
                    tolerance,
                    most,
                )
            finally:
                free.append(work)
            return int(done), float(distance)

        found = list(self._pool.map(one, range(len(self._target))))
        return sum(distance for _, distance in found), float(np.mean([done for done, _ in found]))

    def representatives(self) -> F32:
        """U in the order of the points, float32 (N, D)."""
        out = np.empty((self._n, self._size), np.float32)
        width = self._target.shape[2]
        for block, values in enumerate(self._solution):
            columns = slice(block * width, min((block + 1) * width, self._size))
            out[self._order, columns] = values[:, : columns.stop - columns.start]
        return out

    def _squared(self) -> F32:
        squared = np.zeros(len(self._first), np.float32)
        parts = np.array_split(np.arange(len(squared)), len(self._work))
        bounds = [slice(int(part[0]), int(part[-1]) + 1) for part in parts if len(part)]

        def one(part: slice) -> None:
            for block in self._solution:
                self._kernels.add_squared_lengths(self._first[part], self._second[part], block, squared[part])

        list(self._pool.map(one, bounds))
        return squared

    def _build_pattern(self) -> None:
        """CSR of both directions of every edge, and where each edge's value goes in it."""
        n_edges = len(self._first)
        rows, columns = np.concatenate([self._first, self._second]), np.concatenate([self._second, self._first])
        order = np.lexsort((columns, rows))
        self._columns = columns[order]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=self._n))]).astype(np.int64)
        slots = np.empty(2 * n_edges, np.int64)
        slots[order] = np.arange(2 * n_edges)
        self._forward, self._backward = slots[:n_edges], slots[n_edges:]
        self._values = np.empty(2 * n_edges, np.float32)
        self._degree = np.empty(self._n, np.float32)


def _ordering(graph: Graph) -> npt.NDArray[np.int32]:
    """Points so that neighbours have near numbers: gathers then hit the cache."""
    ones = np.ones(len(graph.first), np.int8)
    links = sp.coo_matrix((ones, (graph.first, graph.second)), shape=(graph.n, graph.n)).tocsr()
    return np.asarray(reverse_cuthill_mckee((links + links.T).tocsr(), symmetric_mode=True), np.int32)


def _blocks(points: F32, order: npt.NDArray[np.int32], width: int) -> F32:
    """Columns in blocks of `width`, rows in order; the last block is filled with zeros."""
    n, size = points.shape
    out = np.zeros((-(-size // width), n, width), np.float32)
    for block in range(len(out)):
        part = points[:, block * width : (block + 1) * width]
        out[block, :, : part.shape[1]] = part[order]
    return out
