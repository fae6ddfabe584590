"""A slide cut by a child process: the parent's side. A slide that crashes, hangs or takes too much fails alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tessera.config import IngestConfig, as_dict
from tessera.ingest.slide_task import CutTile
from tessera.slides.child.child import Budget
from tessera.slides.child.children import Children

_TASK = "tessera.ingest.slide_task:task"


@dataclass(frozen=True)
class Wanted:
    """A slide to be cut.

    Attributes:
        path: the slide.
        sha256: hash of its bytes, which decides the capped choice.
        mpp: um per pixel as the user says, against the file; or None.
        stain: as the user says, or empty.
    """

    path: Path
    sha256: str
    mpp: float | None = None
    stain: str = ""


@dataclass(frozen=True)
class CutSlide:
    """A slide after its task.

    Attributes:
        columns: columns of the slide table.
        header: patient and site as the file says, where it does.
        codes: uint8 (rows, columns), `Reason` of every grid position.
        tiles: kept tiles in grid order.
        thumbnail: JPEG.
        mask: tissue on the thumbnail, PNG.
    """

    columns: dict[str, Any]
    header: dict[str, str]
    codes: npt.NDArray[np.uint8]
    tiles: list[CutTile]
    thumbnail: bytes
    mask: bytes

    @property
    def side0(self) -> int:
        """Side of its tiles, level-0 pixels."""
        return int(self.columns["side0"])


def cut(
    children: Children,
    wanted: Wanted,
    config: IngestConfig,
    told: Callable[[int, int], None] | None = None,
) -> CutSlide:
    """Have a slide cut by a child.

    Args:
        children: who does it.
        wanted: the slide.
        config: how, and what it may take.
        told: called with (positions done, positions in all).

    Raises:
        NoResolutionError: the slide records no mpp and there is no default.
        PoisonError: two processes died of it.
        SlideError: the slide does not open, takes more than its budget, or does not decode.
    """
    tiles: dict[int, CutTile] = {}

    def hear(word: dict[str, Any], buffers: list[bytes]) -> None:
        if "begins" in word:
            tiles.clear()  # of a first try that died
            return
        start = 0
        for position, x0, y0, size in word["tiles"]:
            tiles[position] = CutTile(x0, y0, buffers[0][start : start + size])
            start += size
        if told is not None:
            told(word["done"], word["total"])

    budget = Budget(seconds=config.slide_seconds, silence=config.slide_silence, memory=config.slide_memory)
    arguments = {
        "path": str(wanted.path),
        "sha256": wanted.sha256,
        "mpp": wanted.mpp,
        "stain": wanted.stain,
        "config": as_dict(config),
    }
    answer, (codes, thumbnail, mask) = children.ask(_TASK, arguments, budget, hear)
    grid = np.frombuffer(codes, np.uint8).reshape(answer["shape"])
    kept = [tiles[position] for position in sorted(tiles)]
    return CutSlide(answer["columns"], answer["header"], grid, kept, thumbnail, mask)
