"""How far clusterings of the same tiles agree, how large their clusters are, and how steady each method is."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from tessera.errors import RunError
from tessera.learn.evaluate import metrics
from tessera.learn.evaluate.stability import Stability
from tessera.learn.evaluate.stability import stability as measure_stability
from tessera.learn.train.randomness import Stream
from tessera.learn.train.reporter import Reporter
from tessera.runs import control
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress, Silent

_KINDS = [field.name for field in dataclasses.fields(Stability)]

Labels = npt.NDArray[np.int32]


def comparable(workspace: Workspace, name: str) -> list[str]:
    """Runs with clusters of the same tiles as those of a run, itself among them, oldest first."""
    n_tiles = control.get(workspace, name).n_tiles
    return [run.name for run in control.list_runs(workspace) if run.interval >= 0 and run.n_tiles == n_tiles]


def compare(
    workspace: Workspace, names: list[str], *, stability: bool = False, progress: Progress | None = None
) -> dict[str, Any]:
    """Agreement of the last clusterings of runs on the same tiles.

    Args:
        workspace: the workspace they belong to.
        names: two or more runs, or one with `stability`.
        stability: also cluster disturbed features of each again (see `tessera.learn.evaluate.stability`), and keep the
            figures.
        progress: is told of each phase.

    Returns:
        runs (names), ami (matrix as lists), sizes (by run), and stability (by run, of those where it is known).

    Raises:
        RunError: a run has no clustering, or they are of different tiles.
    """
    told = progress or Silent()
    rows = [control.get(workspace, name) for name in names]
    for run in rows:
        if run.interval < 0:
            raise RunError(f"{run.name} has no clusters yet: wait for its first interval")
    if len({run.n_tiles for run in rows}) > 1:
        raise RunError("these runs are of different tiles: compare runs that were started on the same ones")
    for done, run in enumerate(rows if stability else []):
        told.update("clustering disturbed features", done, len(rows))
        bank = workspace.run_folder(run.name).open_bank()
        measured = measure_stability(bank, run.config, np.random.default_rng((run.config.seed, 0, Stream.STABILITY)))
        figures = {f"stability_{kind}": value for kind, value in dataclasses.asdict(measured).items()}
        Reporter(workspace, run).figures(run.interval, 0, figures)
    labels = [workspace.run_folder(run.name).assignment(run.interval) for run in rows]
    return {
        "runs": names,
        "ami": agreement(labels).tolist(),
        "sizes": {
            run.name: metrics.size_figures(np.bincount(own[own >= 0])) for run, own in zip(rows, labels, strict=True)
        },
        "stability": {run.name: known for run in rows if (known := _known_stability(workspace, run))},
    }


def _known_stability(workspace: Workspace, run: control.Run) -> dict[str, float]:
    """What was measured of the run's last clustering; empty when nothing was."""
    names = {f"stability_{kind}": kind for kind in _KINDS}
    rows = control.metrics(workspace, run.name)
    return {names[row.name]: row.value for row in rows if row.interval == run.interval and row.name in names}


def agreement(labellings: list[Labels]) -> npt.NDArray[np.float64]:
    """AMI of every pair, float64 (P, P); 1 on the diagonal."""
    table = np.eye(len(labellings))
    for row, first in enumerate(labellings):
        for column, second in enumerate(labellings[:row]):
            table[row, column] = table[column, row] = metrics.ami(first, second, np.random.default_rng(0))
    return table


def describe(found: dict[str, Any]) -> str:
    """A comparison as a table for a terminal."""
    names, width = found["runs"], max(len(name) for name in found["runs"])
    cell = max(width, 8) + 2
    lines = [f"{'AMI':{width}}" + "".join(f"{name:>{cell}}" for name in names)]
    lines += [
        f"{name:{width}}" + "".join(f"{round(value, 3) + 0.0:{cell}.3f}" for value in row)
        for name, row in zip(names, found["ami"], strict=True)
    ]
    for name, sizes in found["sizes"].items():
        words = (
            f"{sizes['clusters']:.0f} clusters, largest {sizes['largest_share']:.1%}, median {sizes['size_p50']:.0f} "
            "tiles"
        )
        if own := found["stability"].get(name):
            words += (
                f"; the method with itself: {own['drift']:.3f} moved a little, {own['bootstrap']:.3f} tiles drawn "
                f"anew, {own['seed']:.3f} other seed"
            )
        lines.append(f"{name:{width}}  {words}")
    return "\n".join(lines)
