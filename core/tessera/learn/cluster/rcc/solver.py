"""The minimisation of RCC: alternate line process and representatives while the estimator hardens.

Shah and Koltun, "Robust continuous clustering", PNAS 114(37), 2017. Over representatives U of points X,
1/2 sum_p |x_p - u_p|^2 + lambda/2 sum_pq w_pq rho(|u_p - u_q|), rho(y) = mu y^2 / (mu + y^2), is lowered for falling
mu. What is done to N x D numbers stands behind `Engine`; this file holds the schedule, which is the same on every
device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tessera.learn.cluster.graph.mutual import Graph
from tessera.learn.cluster.vectors import chunks

_LANCZOS_STEPS = 25
_CG_STEPS = 100
_FEW = 250
_SHORT_SHARE = 0.01
_TYPICAL = 2.0  # |X|_2 / sqrt(N) of rows of length sqrt(d) lies between 1, whitened, and sqrt(d)
_DUPLICATE = 0.01  # edges shorter than this times sqrt(D) say nothing of scale

F32 = npt.NDArray[np.float32]


class Engine(Protocol):
    """Holds X, U, the graph and its weights on some device."""

    def lengths(self) -> F32:
        """|u_p - u_q| of every edge, float32 (E,), in the order of the graph."""

    def relax(self, mu: float) -> float:
        """Set l_pq = (mu / (mu + |u_p - u_q|^2))^2 and the Laplacian A of w l.

        Returns:
            sum w (l |u_p - u_q|^2 + mu (sqrt(l) - 1)^2), the pairwise part of the objective.
        """

    def norm(self) -> float:
        """Largest eigenvalue of A."""

    def solve(self, strength: float, tolerance: float, most: int) -> tuple[float, float]:
        """Solve (I + strength A) U = X from the present U.

        Returns:
            |X - U|^2, and the mean number of steps of a column block.
        """

    def representatives(self) -> F32:
        """U, float32 (N, D), in the order of the points."""


@dataclass(frozen=True)
class Constants:
    """The numbers that RCC reads off the data. Held from one clustering to the next, they keep K from drifting.

    Attributes:
        strength: lambda times |A|_2: the largest singular value of X, or what is typical of it, times the lambda
            factor.
        mu: at the start; 3 times a long edge squared.
        delta: mu below which the last level is reached, a short edge.
        epsilon: links shorter than (the link factor times) this join points, the mean of the shortest 1 % of edges.
    """

    strength: float
    mu: float
    delta: float
    epsilon: float


@dataclass(frozen=True)
class Schedule:
    """When mu falls and when to stop.

    Attributes:
        inner: iterations at one mu at most.
        most: iterations in all at most.
        change: a smaller change of the objective counts as none (absolute: RCC's 0.1).
        tolerance: relative tolerance of the linear systems.
        to_the_end: leave the last level only when the objective rests, as RCC does; it never rests at large N.
    """

    inner: int
    most: int
    change: float
    tolerance: float
    to_the_end: bool


@dataclass
class Trace:
    """What happened, iteration by iteration."""

    energy: list[float] = field(default_factory=list)
    strength: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)


def read_constants(points: F32, lengths: F32, *, factor: float, quantile: float, spectral: bool) -> Constants:
    """Constants of a data set (reference/rcc.md, 1.4).

    Args:
        points: float32 (N, D), X.
        lengths: float32 (E,), Euclidean length of every edge.
        factor: multiplies lambda.
        quantile: of the edges whose length sets mu: 1 is RCC's longest edge, which one outlier decides; .999 is robust.
        spectral: whether lambda follows the largest singular value of X, or what is typical of it, 2 sqrt(N).
    """
    size = points.shape[1]
    kept = np.sort(lengths[lengths / np.sqrt(size) >= _DUPLICATE].astype(np.float64))
    if not len(kept):
        kept = np.sort(lengths.astype(np.float64))
    short = max(1, int(np.ceil(_SHORT_SHARE * len(lengths))))
    largest = _largest_singular_value(points) if spectral else _TYPICAL * float(np.sqrt(len(points)))
    longest = float(kept[-1]) if quantile >= 1 else float(np.quantile(kept, quantile))
    return Constants(
        factor * largest, 3 * longest**2, float(kept[: min(_FEW, short)].mean()), float(kept[:short].mean())
    )


def _largest_singular_value(points: F32) -> float:
    gram = np.zeros((points.shape[1], points.shape[1]))
    for part in chunks(len(points)):
        chunk = points[part]
        gram += chunk.T.astype(np.float64) @ chunk
    return float(np.sqrt(max(np.linalg.eigvalsh(gram)[-1], 0.0)))


def minimise(engine: Engine, constants: Constants, schedule: Schedule) -> Trace:
    """Lower the objective until mu has passed delta.

    Args:
        engine: its U is the start, and the result.
        constants: of this data, or held.
        schedule: when mu falls.
    """
    trace, mu, count = Trace(), constants.mu, 0
    distance, last, strength = 0.0, 0.0, 0.0
    for iteration in range(schedule.most):
        pairs = engine.relax(mu)
        if iteration == 0:
            strength = constants.strength / engine.norm()
        energy = 0.5 * distance + 0.5 * strength * pairs
        distance, steps = engine.solve(strength, schedule.tolerance, _CG_STEPS)
        trace.energy.append(energy)
        trace.strength.append(strength)
        trace.steps.append(steps)
        count += 1
        rests = abs(last - energy) < schedule.change
        last = energy
        if not rests and count < schedule.inner:
            continue
        if mu >= constants.delta:
            mu /= 2
        elif count == schedule.inner and schedule.to_the_end:
            mu = constants.delta / 2
        else:
            break
        strength, count = constants.strength / engine.norm(), 0
    return trace


def largest_eigenvalue(times: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], n: int) -> float:
    """Largest eigenvalue of a symmetric operator by Lanczos, within a percent (the authors use `eigs` at 1e-2).

    Args:
        times: the operator on float64 (n,).
        n: its size.
    """
    vector = np.random.default_rng(0).normal(size=n)  # any start that is not orthogonal to the top will do
    vector /= np.linalg.norm(vector)
    before, beta = np.zeros(n), 0.0
    diagonal: list[float] = []
    off: list[float] = []
    for _ in range(min(_LANCZOS_STEPS, n)):
        product = times(vector) - beta * before
        alpha = float(product @ vector)
        product -= alpha * vector
        diagonal.append(alpha)
        beta = float(np.linalg.norm(product))
        if beta < 1e-9 * max(1.0, abs(alpha)):
            break
        off.append(beta)
        before, vector = vector, product / beta
    size = len(diagonal)
    tridiagonal = np.diag(diagonal) + np.diag(off[: size - 1], 1) + np.diag(off[: size - 1], -1)
    return float(np.linalg.eigvalsh(tridiagonal)[-1])


def edge_lengths(points: F32, graph: Graph, chunk: int = 1 << 18) -> F32:
    """Euclidean length of every edge, float32 (E,), in chunks."""
    out = np.empty(len(graph.first), np.float32)
    for start in range(0, len(out), chunk):
        part = slice(start, start + chunk)
        difference = points[graph.first[part]] - points[graph.second[part]]
        out[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return out
