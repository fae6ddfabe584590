"""Checkpoints: complete, rotating, loaded without running code from the file.

The last two are kept; a new one is written whole under a temporary name, so the last good one is never the one being
written. Everything random is derived from (seed, interval, position), so no generator state needs saving.
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tessera.errors import RunError
from tessera.workspace import files

logger = logging.getLogger(__name__)

_KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is.

    Attributes:
        digest: hash of the settings that it belongs to.
        interval: clustering that its labels come from.
        batch: training batches of this interval that are done.
        step: training batches of the whole run that are done.
        state: tensors and plain values: encoder, head, both optimisers.
    """

    digest: str
    interval: int
    batch: int
    step: int
    state: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, then drop all but the last two.

    Raises:
        OSError: no space; older checkpoints are untouched.
    """
    buffer = io.BytesIO()
    torch.save(vars(checkpoint), buffer)
    files.write_bytes(folder / f"{checkpoint.step:010d}-{checkpoint.interval:05d}.pt", buffer.getbuffer())
    for old in sorted(folder.glob("*.pt"))[:-_KEPT]:
        old.unlink()


def load_last(folder: Path, digest: str) -> Checkpoint | None:
    """The newest checkpoint that is whole; None when there is none.

    Raises:
        RunError: it belongs to other settings.
    """
    for path in sorted(folder.glob("*.pt"), reverse=True):
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)
            found = Checkpoint(**stored)
        except Exception as error:  # noqa: BLE001 - unpicklers raise anything on damaged bytes; the older one serves
            logger.warning("checkpoint %s is damaged (%s); taking the one before", path.name, error)
            continue
        if found.digest != digest:
            raise RunError(f"{path} belongs to a run with other settings: start a new run")
        return found
    return None
