"""Compiled loops of RCC on the CPU.

Edge lengths, conjugate gradients of one column block, the Laplacian times a vector.

Each runs without the interpreter's lock, so that Python threads take one column block each. A block is 16 float32 wide:
one cache line, so gathering a neighbour costs one load.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

WIDTH = 16

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@numba.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def add_squared_lengths(first: I32, second: I32, block: F32, out: F32) -> None:
    """Add |u_p - u_q|^2 of one column block to `out`, float32 (E,).

    Args:
        first: int32 (E,), one end of each edge.
        second: int32 (E,), the other end.
        block: float32 (N, WIDTH).
        out: float32 (E,), changed in place.
    """
    for edge in range(first.shape[0]):
        p, q = first[edge], second[edge]
        total = np.float32(0)
        for column in range(WIDTH):
            difference = block[p, column] - block[q, column]
            total += difference * difference
        out[edge] += total


@numba.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def laplacian_times(starts: I64, columns: I32, values: F32, degree: F32, vector: F32, out: F32) -> None:
    """`out` = A v for the Laplacian with off-diagonal -values, all float32."""
    for row in range(starts.shape[0] - 1):
        total = degree[row] * vector[row]
        for slot in range(starts[row], starts[row + 1]):
            total -= values[slot] * vector[columns[slot]]
        out[row] = total


@numba.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def apply_system(
    starts: I64, columns: I32, values: F32, degree: F32, strength: np.float32, block: F32, out: F32
) -> None:
    """`out` = (I + strength A) block, float32 (N, WIDTH)."""
    for row in range(starts.shape[0] - 1):
        own = np.float32(1) + strength * degree[row]
        for column in range(WIDTH):
            out[row, column] = own * block[row, column]
        for slot in range(starts[row], starts[row + 1]):
            other, value = columns[slot], strength * values[slot]
            for column in range(WIDTH):
                out[row, column] -= value * block[other, column]


@numba.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _begin(
    degree: F32,
    strength: np.float32,
    target: F32,
    product: F32,
    residual: F32,
    direction: F32,
    norm: F64,
    rz: F64,
    left: F64,
) -> None:
    """First residual and direction; adds up |X|^2, r.z and |r|^2 by column."""
    for row in range(target.shape[0]):
        inverse = np.float32(1) / (np.float32(1) + strength * degree[row])
        for column in range(WIDTH):
            x = target[row, column]
            r = x - product[row, column]
            z = inverse * r
            residual[row, column] = r
            direction[row, column] = z
            norm[column] += x * x
            left[column] += r * r
            rz[column] += r * z


@numba.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _advance(
    degree: F32,
    strength: np.float32,
    solution: F32,
    residual: F32,
    direction: F32,
    product: F32,
    rz: F64,
    left: F64,
) -> None:
    """One CG step along `direction`, given its `product` with the system; leaves r.z and |r|^2 by column."""
    n = solution.shape[0]
    curvature, fresh = np.zeros(WIDTH), np.zeros(WIDTH)
    alpha, beta = np.zeros(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    for row in range(n):
        for column in range(WIDTH):
            curvature[column] += direction[row, column] * product[row, column]
    for column in range(WIDTH):
        alpha[column] = rz[column] / curvature[column] if curvature[column] > 1e-30 else 0.0
        left[column] = 0.0
    for row in range(n):
        inverse = np.float32(1) / (np.float32(1) + strength * degree[row])
        for column in range(WIDTH):
            solution[row, column] += alpha[column] * direction[row, column]
            r = residual[row, column] - alpha[column] * product[row, column]
            residual[row, column] = r
            left[column] += r * r
            fresh[column] += r * r * inverse
    for column in range(WIDTH):
        beta[column] = fresh[column] / rz[column] if rz[column] > 1e-30 else 0.0
        rz[column] = fresh[column]
    for row in range(n):
        inverse = np.float32(1) / (np.float32(1) + strength * degree[row])
        for column in range(WIDTH):
            direction[row, column] = inverse * residual[row, column] + beta[column] * direction[row, column]


@numba.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def conjugate_gradients(
    starts: I64,
    columns: I32,
    values: F32,
    degree: F32,
    strength: np.float32,
    target: F32,
    solution: F32,
    work: F32,
    tolerance: float,
    most: int,
) -> tuple[int, float]:
    """Solve (I + strength A) U = X for one column block by Jacobi-preconditioned CG from the U given.

    Args:
        starts: int64 (N+1,), CSR row starts of the off-diagonal part.
        columns: int32 (nnz,), CSR columns.
        values: float32 (nnz,), w l of the edges (positive).
        degree: float32 (N,), row sums of `values`.
        strength: lambda.
        target: float32 (N, WIDTH), X.
        solution: float32 (N, WIDTH), U, changed in place.
        work: float32 (3, N, WIDTH), scratch.
        tolerance: stop when every column's residual is below this share of |X|.
        most: iterations at most.

    Returns:
        Iterations done, and the sum of (X - U)^2.
    """
    residual, direction, product = work[0], work[1], work[2]
    norm, rz, left = np.zeros(WIDTH), np.zeros(WIDTH), np.zeros(WIDTH)
    apply_system(starts, columns, values, degree, strength, solution, product)
    _begin(degree, strength, target, product, residual, direction, norm, rz, left)
    done = 0
    while done < most and np.any(left > tolerance * tolerance * norm + 1e-30):
        done += 1
        apply_system(starts, columns, values, degree, strength, direction, product)
        _advance(degree, strength, solution, residual, direction, product, rz, left)
    distance = 0.0
    for row in range(target.shape[0]):
        for column in range(WIDTH):
            difference = target[row, column] - solution[row, column]
            distance += difference * difference
    return done, distance
