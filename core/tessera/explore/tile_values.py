"""What tells tiles apart beside their cluster: slide, patient, site, distance to the centre.

As codes to colour a map by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tessera.errors import ConfigError
from tessera.explore.clustering import Clustering
from tessera.explore.palette import UNNAMED, paint_names
from tessera.explore.sharpness import read_sharpness

SOURCES = ("slide", "patient", "site")
NUMBERS = ("distance", "blur")
_SHADES = 48
_TOLD_APART = 36  # twelve colours in three shapes; the others are grey and have their label
_SHAPES = {"plain": 0, "hatched": 1, "dotted": 2}


@dataclass(frozen=True)
class TileValues:
    """A value of every tile.

    Attributes:
        codes: int32 (N,), row of `entries`, -1 = not known.
        entries: label, #rrggbb and shape (0 dot, 1 square, 2 triangle) of each value, the most frequent first.
        ramp: least and largest value in words where values are shades of a number; empty for others.
    """

    codes: npt.NDArray[np.int32]
    entries: list[tuple[str, str, int]]
    ramp: tuple[str, ...]


def value_kinds(clustering: Clustering) -> list[str]:
    """What the tiles of a clustering can be told apart by: sources that have more than one value, and numbers."""
    with clustering.workspace.ledger.read() as connection:
        rows = connection.execute("SELECT name AS slide, patient, site FROM slide WHERE n_tiles > 0").fetchall()
    found = [kind for kind in SOURCES if len({row[kind] for row in rows if row[kind]}) > 1]
    found.append("distance")
    return [*found, "blur"] if read_sharpness(clustering.workspace) is not None else found


def tile_values(clustering: Clustering, by: str) -> TileValues:
    """What each tile of a clustering is coloured by.

    Args:
        clustering: the clustering.
        by: one of `SOURCES` or `NUMBERS`.

    Raises:
        ConfigError: tiles have no such value.
    """
    if by in SOURCES:
        return _sources(clustering, by)
    if by == "distance":
        return _shades(np.asarray(clustering.distances, np.float32))
    measured = read_sharpness(clustering.workspace) if by == "blur" else None
    if measured is None:
        raise ConfigError(f"tiles cannot be coloured by {by!r}: choose one of {', '.join(value_kinds(clustering))}")
    sharp = np.full(len(clustering.labels), np.nan, np.float32)
    n = min(len(sharp), len(measured))
    sharp[:n] = measured[:n]
    return _shades(sharp)


def values_file(values: TileValues) -> bytes:
    """For the browser: uint32 n, int32 code (n)."""
    return np.array([len(values.codes)], "<u4").tobytes() + values.codes.astype("<i4").tobytes()


def _sources(clustering: Clustering, kind: str) -> TileValues:
    slides = clustering.index.slide[: len(clustering.labels)]
    with clustering.workspace.ledger.read() as connection:
        told = {
            row["id"]: row[kind] for row in connection.execute("SELECT id, name AS slide, patient, site FROM slide")
        }
    counts = np.bincount(slides)
    sizes: dict[str, int] = {}
    for slide in np.flatnonzero(counts).tolist():
        if value := told.get(slide, ""):
            sizes[value] = sizes.get(value, 0) + int(counts[slide])
    labels = sorted(sizes, key=lambda value: (-sizes[value], value))
    row_of = {value: row for row, value in enumerate(labels)}
    table = np.full(len(counts), -1, np.int32)
    for slide in np.flatnonzero(counts).tolist():
        table[slide] = row_of.get(told.get(slide, ""), -1)
    paints = paint_names(labels[:_TOLD_APART])
    entries = [(label, paints[label].colour, _SHAPES[paints[label].pattern]) for label in labels[:_TOLD_APART]]
    return TileValues(table[slides], [*entries, *((label, UNNAMED, 0) for label in labels[_TOLD_APART:])], ())


def _shades(numbers: npt.NDArray[np.float32]) -> TileValues:
    """Shades between the first and the last hundredth of the values."""
    from matplotlib import colormaps

    known = np.isfinite(numbers)
    low, high = np.percentile(numbers[known], (1, 99)) if known.any() else (0.0, 1.0)
    scaled = (np.where(known, numbers, low) - low) / max(float(high - low), 1e-9)
    codes = np.where(known, (scaled * _SHADES).clip(0, _SHADES - 1), -1).astype(np.int32)
    colours = (np.asarray(colormaps["cividis"](np.linspace(0, 1, _SHADES)))[:, :3] * 255).round().astype(int)
    middles = low + (np.arange(_SHADES) + 0.5) / _SHADES * (high - low)
    entries = [
        (f"{value:.3g}", "#{:02x}{:02x}{:02x}".format(*rgb), 0) for value, rgb in zip(middles, colours, strict=True)
    ]
    return TileValues(codes, entries, (f"{low:.3g}", f"{high:.3g}"))
