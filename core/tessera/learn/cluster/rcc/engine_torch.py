"""RCC's engine for a GPU (or any torch device).

Sparse CSR times column blocks, Jacobi-preconditioned conjugate gradients.

The graph, X and U live on the device; only sums come back. Needs torch, numpy and scipy, nothing else.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import torch

from tessera.learn.cluster.graph.mutual import Graph
from tessera.learn.cluster.rcc.solver import largest_eigenvalue

F32 = npt.NDArray[np.float32]
WIDTH = 64  # columns solved together: wide enough for coalesced loads, narrow enough for five arrays of N rows
_EDGES = 1 << 20


class TorchEngine:
    """See `tessera.learn.cluster.rcc.solver.Engine`.

    Args:
        points: float32 (N, D), X.
        graph: neighbour graph of the points.
        device: cpu, cuda or cuda:N.
        width: columns of a block.
    """

    def __init__(self, points: F32, graph: Graph, device: str, width: int = WIDTH) -> None:
        self._device = torch.device(device)
        self._n, self._width = len(points), width
        self._first = torch.from_numpy(graph.first.astype(np.int64)).to(self._device)
        self._second = torch.from_numpy(graph.second.astype(np.int64)).to(self._device)
        self._weights = torch.from_numpy(graph.weights().astype(np.float32)).to(self._device)
        self._target = torch.from_numpy(np.ascontiguousarray(points)).to(self._device)
        self._solution = self._target.clone()
        rows, columns = torch.cat([self._first, self._second]), torch.cat([self._second, self._first])
        self._slots = torch.argsort(rows * self._n + columns)
        starts = torch.zeros(self._n + 1, dtype=torch.int64, device=self._device)
        starts[1:] = torch.cumsum(torch.bincount(rows, minlength=self._n), 0)
        self._starts, self._columns = starts, columns[self._slots]
        self._degree = torch.empty(0)
        self._adjacency = torch.empty(0)

    def __enter__(self) -> TorchEngine:
        """The engine."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def lengths(self) -> F32:
        """|u_p - u_q| of every edge, float32 (E,)."""
        found: F32 = self._squared().sqrt().cpu().numpy()
        return found

    def relax(self, mu: float) -> float:
        """Line process and Laplacian."""
        squared = self._squared()
        root = mu / (mu + squared)
        values = self._weights * root * root
        both = torch.cat([values, values])
        self._degree = torch.zeros(self._n, device=self._device)
        self._degree.index_add_(0, self._first, values).index_add_(0, self._second, values)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch says once that its CSR tensors are in beta
            self._adjacency = torch.sparse_csr_tensor(
                self._starts, self._columns, both[self._slots], size=(self._n, self._n), check_invariants=False
            )
        pairs = (values.double() * squared).sum() + mu * (self._weights.double() * (root - 1) ** 2).sum()
        return float(pairs)

    def norm(self) -> float:
        """Largest eigenvalue of A."""

        def times(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            here = torch.from_numpy(vector.astype(np.float32)).to(self._device)[:, None]
            out: npt.NDArray[np.float64] = self._laplacian(here)[:, 0].double().cpu().numpy()
            return out

        return largest_eigenvalue(times, self._n)

    def solve(self, strength: float, tolerance: float, most: int) -> tuple[float, float]:
        """Column blocks one after another."""
        distance, steps = 0.0, []
        for left in range(0, self._target.shape[1], self._width):
            target = self._target[:, left : left + self._width].contiguous()
            start = self._solution[:, left : left + self._width].contiguous()
            found, done = self._gradients(target, start, strength, tolerance, most)
            self._solution[:, left : left + self._width] = found
            distance += float(((target - found) ** 2).sum(dtype=torch.float64))
            steps.append(done)
        return distance, float(np.mean(steps))

    def representatives(self) -> F32:
        """U, float32 (N, D)."""
        found: F32 = self._solution.cpu().numpy()
        return found

    def _laplacian(self, block: torch.Tensor) -> torch.Tensor:
        return self._degree[:, None] * block - self._adjacency @ block

    def _gradients(
        self, target: torch.Tensor, solution: torch.Tensor, strength: float, tolerance: float, most: int
    ) -> tuple[torch.Tensor, int]:
        inverse = (1 / (1 + strength * self._degree))[:, None]
        residual = target - solution - strength * self._laplacian(solution)
        direction = inverse * residual
        rz = (residual * direction).sum(dim=0)
        enough = tolerance**2 * (target**2).sum(dim=0) + 1e-30
        done = 0
        while done < most and bool(((residual**2).sum(dim=0) > enough).any()):
            done += 1
            product = direction + strength * self._laplacian(direction)
            curvature = (direction * product).sum(dim=0)
            alpha = torch.where(curvature > 1e-30, rz / curvature.clamp(min=1e-30), torch.zeros_like(rz))
            solution = torch.addcmul(solution, direction, alpha)
            residual = torch.addcmul(residual, product, alpha, value=-1)
            fresh = (residual**2 * inverse).sum(dim=0)
            beta = torch.where(rz > 1e-30, fresh / rz.clamp(min=1e-30), torch.zeros_like(rz))
            direction = torch.addcmul(inverse * residual, direction, beta)
            rz = fresh
        return solution, done

    def _squared(self) -> torch.Tensor:
        out = torch.empty(len(self._first), device=self._device)
        for start in range(0, len(out), _EDGES):
            part = slice(start, start + _EDGES)
            difference = self._solution[self._first[part]] - self._solution[self._second[part]]
            out[part] = (difference**2).sum(dim=1)
        return out
