"""Features that are kept: computed once for each tile and recipe, shared by all looks, and where a killed look goes on.

    features/<digest>/recipe.json   what makes the features: encoder, digest of its tensors, layers, views, tile_px, ...
    features/<digest>/rows.f16      float16 (N, D), row = tile number; NaN = the tile does not decode
    features/<digest>/done.json     how many rows, from the first on, are durable

Rows are written in order. `done` is raised only after the rows are on the disk, so that a killed pass loses seconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from torch import nn

from tessera.workspace import files

_EVERY_S = 5.0  # between two marks of progress
Rows = npt.NDArray[np.float16]


def state_digest(network: nn.Module) -> str:
    """Hash of all tensors of a network by name, so that features of other weights are never taken for its own."""
    found = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


class Kept:
    """The features of one recipe. A context manager that holds them against other processes.

    Args:
        root: the workspace's folder of features.
        recipe: plain values that decide the features.
        n_tiles: rows wanted.
        dim: length of a row.
        own: used instead of the shared folder while another process holds that.
    """

    def __init__(self, root: Path, recipe: dict[str, Any], n_tiles: int, dim: int, *, own: Path) -> None:
        text = json.dumps(recipe, indent=2, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._shared, self._own, self._text = root / digest, own, text
        self._shape, self._said = (n_tiles, dim), 0.0
        self._lock: Any = None

    def __enter__(self) -> Self:
        """Open the rows, longer than they were when there are more tiles now."""
        self.folder = self._shared if self._held() else self._own
        self.folder.mkdir(parents=True, exist_ok=True)
        files.write_text(self.folder / "recipe.json", self._text)
        path, (n_tiles, dim) = self.folder / "rows.f16", self._shape
        with path.open("ab") as stream:
            stream.truncate(max(stream.tell(), n_tiles * dim * 2))
        self.rows: Rows = np.memmap(path, np.float16, "r+", shape=self._shape)
        self.done = min(self._marked(), n_tiles)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Mark what is done; let others in."""
        self.mark(self.done, now=True)
        del self.rows
        if self._lock is not None:
            self._lock.close()
        if self.folder == self._own and kind is None:
            shutil.rmtree(self._own, ignore_errors=True)

    def mark(self, done: int, *, now: bool = False) -> None:
        """Rows up to `done` are written; they are made durable now and then, or now."""
        self.done = done
        if not now and time.monotonic() - self._said < _EVERY_S:
            return
        if done > self._marked():
            self.rows.flush()  # type: ignore[attr-defined]
            files.write_text(self.folder / "done.json", json.dumps({"done": done}))
        self._said = time.monotonic()

    def _marked(self) -> int:
        try:
            return int(json.loads((self.folder / "done.json").read_text())["done"])
        except (OSError, ValueError, KeyError):
            return 0

    def _held(self) -> bool:
        self._shared.mkdir(parents=True, exist_ok=True)
        lock = (self._shared / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        self._lock = lock
        return True
