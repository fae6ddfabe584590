"""Four ways to start a run, in words, with the time that each takes here."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tessera.config.run import METHODS
from tessera.runs.rows import Run
from tessera.words import counted

from tessera_app.page import duration

LOOK = "look"
_SIDES_PX = 128  # of the tiles that `Preset.cost` is told for: time grows with their area


@dataclass(frozen=True)
class Preset:
    """A way to start a run.

    Attributes:
        name: on its button.
        words: what it does and when to choose it.
        settings: what differs from the defaults, by dotted name.
        passes: how often it goes over all tiles, training counted as three.
    """

    name: str
    words: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    passes: float = 1.0

    @property
    def trains(self) -> bool:
        """Whether it trains a network."""
        return self.settings.get("method") != LOOK


_ALL = (
    Preset(
        "Look first",
        "Groups the tiles by what a network that is ready already sees in them. Nothing is trained. Begin with this.",
        {"method": LOOK},
    ),
    Preset(
        "Quick",
        "Trains three times over your tiles. Says whether training finds groups that the look does not.",
        {"method": "deepcluster-v2", "epochs": 3},
        3 * 3 + 1,
    ),
    Preset(
        "Standard",
        "Trains ten times. The usual choice once a quick run has helped.",
        {"method": "deepcluster-v2", "epochs": 10},
        3 * 10 + 1,
    ),
    Preset(
        "Thorough",
        "Trains forty times, on tiles of twice the side. For a night, or for a computer with a GPU.",
        {"method": "deepcluster-v2", "epochs": 40, "tile_px": 224},
        (3 * 40 + 1) * 3,
    ),
)


def presets() -> list[Preset]:
    """The ways that this version of the library knows, the shortest first."""
    return [preset for preset in _ALL if preset.trains or LOOK in METHODS]


def time_words(preset: Preset, runs: Sequence[Run], n_tiles: int) -> str:
    """How long a run takes here, from runs that have finished here; says so where there is none.

    Args:
        preset: what is asked for.
        runs: all runs of the workspace.
        n_tiles: tiles that there are now.
    """
    if not n_tiles:
        return "There are no tiles yet."
    rates = [(_trains(run) == preset.trains, each) for run in runs if (each := _seconds_a_tile(run)) is not None]
    alike = [each for same, each in rates if same]
    known = alike or [each for _, each in rates]
    if not known:
        return f"Time for {counted(n_tiles, 'tile')}: known when a first run has finished here."
    return f"About {duration(statistics.median(known) * preset.passes * n_tiles)} here, as earlier runs went."


def _seconds_a_tile(run: Run) -> float | None:
    """Seconds of one pass over one tile of `_SIDES_PX`, as a finished run went; None for others."""
    if run.state != "finished" or not run.started or not run.finished or not run.n_tiles or run.settings is None:
        return None
    trained = _trains(run)
    passes = 3 * run.settings.epochs + 1 if trained else 1
    area = (run.settings.tile_px / _SIDES_PX) ** 2 if trained else 1.0
    return (run.finished - run.started) / (run.n_tiles * passes * area)


def _trains(run: Run) -> bool:
    return run.settings is None or run.settings.method.name != LOOK
