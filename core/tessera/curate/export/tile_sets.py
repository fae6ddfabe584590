"""Lists of tiles that decisions speak of, kept beside the run.

A row of the ledger names a file, never a million numbers.

Files are named by their contents and written whole before the row that names them; a file without a row is harmless.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from tessera.errors import DecisionError
from tessera.workspace import files
from tessera.workspace.run_folder import RunFolder

Tiles = npt.NDArray[np.int64]


def save(folder: RunFolder, tiles: Tiles, parts: npt.NDArray[np.int32] | None = None) -> str:
    """Keep a list of tiles.

    Args:
        folder: folder of the run.
        tiles: int64 (M,), tile numbers, ascending.
        parts: int32 (M,), which part of a split each goes to.

    Returns:
        The name to load it by.
    """
    which = np.zeros(0, np.int32) if parts is None else parts.astype(np.int32)
    name = hashlib.sha256(tiles.astype(np.int64).tobytes() + which.tobytes()).hexdigest()[:24]
    path = folder.root / "curation" / f"{name}.npz"
    if not path.is_file():
        files.write_npz(path, tiles=tiles.astype(np.int64), parts=which)
    return name


def load(folder: RunFolder, name: str) -> tuple[Tiles, npt.NDArray[np.int32]]:
    """Tiles int64 (M,) and parts int32 (M,), empty when it has none.

    Raises:
        DecisionError: the file is gone.
    """
    path = folder.root / "curation" / f"{name}.npz"
    if not path.is_file():
        raise DecisionError(f"the tiles of a decision are missing: {path} is missing; restore it from a backup")
    with np.load(path, allow_pickle=False) as stored:
        return stored["tiles"], stored["parts"]
