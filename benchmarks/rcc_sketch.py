"""What RCC is measured against: our first sketch (numpy, scipy, faiss), and the way of the public Python version.

The sketch solves all columns by warm-started Jacobi-CG on scipy's matrices, in column blocks on threads. The plain way
is what every line of public Python does: all distances in float64 blocks, a sparse LU for every iteration, 99 of them.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import eigsh, spsolve
from tessera.learn.cluster.graph.mutual import mutual_graph
from tessera.learn.cluster.graph.neighbours import Neighbours

_COLUMNS = 32
_GATHERED = 20_000_000

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Dials:
    """Settings of a fit.

    Attributes:
        connect: mst or first.
        lambda_scale: multiplies lambda.
        link: multiplies the linking threshold.
        tolerance: of CG.
        most: outer iterations.
        inner: iterations at one mu.
    """

    connect: str = "mst"
    lambda_scale: float = 1
    link: float = 1
    tolerance: float = 1e-3
    most: int = 100
    inner: int = 4


def faiss_neighbours(points: F32, k: int, *, method: str = "auto") -> Neighbours:
    """The sketch's search: flat to 50,000 points, HNSW above, cosine."""
    import faiss

    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    n, dim = unit.shape
    chosen = ("flat" if n <= 50_000 else "hnsw") if method == "auto" else method
    index = faiss.IndexFlatL2(dim) if chosen == "flat" else faiss.IndexHNSWFlat(dim, 32)
    if chosen == "hnsw":
        index.hnsw.efConstruction, index.hnsw.efSearch = 80, 64
    index.add(unit)
    squared, ids = index.search(unit, k + 1)
    own = ids == np.arange(n)[:, None]
    own[~own.any(axis=1), -1] = True
    kept = (n, k)
    return Neighbours(ids[~own].reshape(kept).astype(np.int32), (squared[~own] / 2).reshape(kept), chosen, 1.0)


def dense_neighbours(points: F32, k: int) -> Neighbours:
    """The plain search: a float64 block of all distances, and an argpartition of it."""
    unit = points.astype(np.float64) / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    ids, distances = np.empty((len(points), k), np.int32), np.empty((len(points), k), np.float32)
    for start in range(0, len(points), 10_000):
        block = 1 - unit[start : start + 10_000] @ unit.T
        rows = np.arange(len(block))
        block[rows, start + rows] = np.inf
        near = np.argpartition(block, k, axis=1)[:, :k]
        order = np.argsort(np.take_along_axis(block, near, axis=1), axis=1)
        near = np.take_along_axis(near, order, axis=1)
        ids[start : start + 10_000] = near
        distances[start : start + 10_000] = np.take_along_axis(block, near, axis=1)
    return Neighbours(ids, distances, "dense", 1.0)


class Sketch:
    """One fit; `labels` afterwards.

    Args:
        dials: its settings.
        solver: cg (the sketch) or lu (the plain way).
        threads: for columns.
    """

    def __init__(self, dials: Dials, *, solver: str = "cg", threads: int = 0) -> None:
        self.dials, self.solver = dials, solver
        self.pool = ThreadPoolExecutor(threads or len(os.sched_getaffinity(0)))
        self.labels: npt.NDArray[np.int32] = np.empty(0, np.int32)

    def fit(self, points: F32, neighbours: Neighbours) -> Sketch:
        """Run it."""
        dials, graph = self.dials, mutual_graph(neighbours, self.dials.connect)
        self.graph, self.weights = graph, graph.weights()
        self._pattern()
        largest = float(np.sqrt(np.linalg.eigvalsh((points.T @ points).astype(np.float64))[-1]))
        mu, delta, epsilon = self._scales(np.sqrt(self._squared(points)), points.shape[1])
        matrix, degree = self._laplacian(self.weights)
        start = np.random.default_rng(0).normal(size=graph.n)
        strength = dials.lambda_scale * largest / self._norm(matrix, start)
        solution, last, count = points.copy(), 0.0, 0
        for _ in range(dials.most):
            squared = self._squared(solution)
            root = mu / (mu + squared)
            line = root * root
            energy = 0.5 * float(np.einsum("ij,ij->", points - solution, points - solution)) + 0.5 * strength * float(
                self.weights @ (line * squared + mu * (root - 1) ** 2)
            )
            matrix, degree = self._laplacian(self.weights * line)
            solution = self._solve(matrix, degree, strength, points, solution)
            count += 1
            if abs(last - energy) < 0.1 or count == dials.inner:
                if mu >= delta:
                    mu /= 2
                elif count == dials.inner:
                    mu = delta / 2
                else:
                    break
                strength, count = dials.lambda_scale * largest / self._norm(matrix, start), 0
            last = energy
        self.labels = graph.components(np.sqrt(self._squared(solution)) < dials.link * epsilon)
        self.pool.shutdown()
        return self

    @staticmethod
    def _scales(lengths: F32, dim: int) -> tuple[float, float, float]:
        kept = np.sort(lengths[lengths / np.sqrt(dim) >= 0.01])
        short = max(1, int(np.ceil(0.01 * len(lengths))))
        return 3.0 * float(kept[-1]) ** 2, float(kept[: min(250, short)].mean()), float(kept[:short].mean())

    def _squared(self, points: F32) -> F32:
        out = np.empty(len(self.graph.first), np.float32)
        step = max(1, _GATHERED // points.shape[1])

        def one(start: int) -> None:
            part = slice(start, start + step)
            difference = points[self.graph.first[part]] - points[self.graph.second[part]]
            out[part] = np.einsum("ij,ij->i", difference, difference)

        list(self.pool.map(one, range(0, len(out), step)))
        return out

    def _pattern(self) -> None:
        n, edges = self.graph.n, np.arange(len(self.graph.first))
        diagonal = np.arange(n, dtype=np.int32)
        rows = np.concatenate([self.graph.first, self.graph.second, diagonal])
        columns = np.concatenate([self.graph.second, self.graph.first, diagonal])
        slots = np.concatenate([edges, edges, len(edges) + np.arange(n)]).astype(np.float64) + 1
        matrix = sp.csr_matrix((slots, (rows, columns)), shape=(n, n))
        matrix.sort_indices()
        self._parts = (matrix.indptr, matrix.indices, (matrix.data - 1).astype(np.int64))

    def _laplacian(self, values: F64) -> tuple[sp.csr_matrix, F64]:
        n, (starts, columns, slots) = self.graph.n, self._parts
        degree = np.bincount(self.graph.first, values, n) + np.bincount(self.graph.second, values, n)
        data = np.concatenate([-values, degree])[slots].astype(np.float32)
        return sp.csr_matrix((data, columns, starts), shape=(n, n)), degree

    @staticmethod
    def _norm(matrix: sp.csr_matrix, start: F64) -> float:
        values, vectors = eigsh(matrix.astype(np.float64), k=1, which="LM", tol=1e-2, v0=start)
        start[:] = vectors[:, 0]
        return float(values[0])

    def _solve(self, matrix: sp.csr_matrix, degree: F64, strength: float, points: F32, solution: F32) -> F32:
        system = (matrix * np.float32(strength) + sp.identity(self.graph.n, np.float32, "csr")).tocsr()
        if self.solver == "lu":
            return np.asarray(spsolve(system.tocsc().astype(np.float64), points.astype(np.float64)), np.float32)
        inverse = (1 / (1 + strength * degree)).astype(np.float32)

        def one(left: int) -> None:
            part = slice(left, left + _COLUMNS)
            solution[:, part] = self._gradients(system, points[:, part], solution[:, part], inverse)

        list(self.pool.map(one, range(0, points.shape[1], _COLUMNS)))
        return solution

    def _gradients(self, system: sp.csr_matrix, target: F32, start: F32, inverse: F32) -> F32:
        target, found = np.ascontiguousarray(target), np.ascontiguousarray(start)
        residual = target - system @ found
        length = np.sqrt(np.einsum("ij,ij->j", target, target)) + 1e-30
        scaled = inverse[:, None] * residual
        direction, rz = scaled.copy(), np.einsum("ij,ij->j", residual, scaled)
        for _ in range(100):
            product = system @ direction
            alpha = rz / np.maximum(np.einsum("ij,ij->j", direction, product), 1e-30)
            found += alpha * direction
            residual -= alpha * product
            if np.max(np.sqrt(np.einsum("ij,ij->j", residual, residual)) / length) < self.dials.tolerance:
                break
            np.multiply(residual, inverse[:, None], out=scaled)
            fresh = np.einsum("ij,ij->j", residual, scaled)
            direction *= fresh / np.maximum(rz, 1e-30)
            direction += scaled
            rz = fresh
        return found
