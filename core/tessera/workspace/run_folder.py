"""The files of one run: what training writes and exploring reads, and nothing else.

    assignment/0003.h0.npy   int32 (N,): persistent cluster id of every tile at interval 3 by head 0, -1 = unassigned
    distance/0003.npy        float16 (N,): distance of every tile to its own centroid (head 0), NaN = unassigned
    clusters/0003.h0.npz     ids int32 (K,), sizes int64 (K,), centroids float32 (K, D) in the clustered space
    bank.f16                 float16 (N, D): last features, row = tile number; its shape is in bank.json
    points.f16               float16 (N, d): the bank normalised, when deepcluster-v2 does that; scratch
    projection/0003.npy      float32 (N, 2): UMAP
    tiles.npy                int64 (B,): the tiles that it learns from, when not all; rows of the bank are then theirs
    curation/, proposals/    see tessera.curate
    checkpoint/              see tessera.learn.train.checkpoint
    start.npy                int32 (N,): labels that the first clustering starts from, when it does
    encoder.json             where the encoder's weights come from, their licence, what did not fit
    recipe.json              of a look: what makes its features
    config.json, worker.log

Every file but the bank is written whole under a temporary name and renamed.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tessera.errors import RunError
from tessera.workspace import files

Bank = np.memmap[tuple[int, int], np.dtype[np.float16]]


@dataclass(frozen=True)
class Clusters:
    """The clusters of one interval.

    Attributes:
        ids: int32 (K,), persistent ids: a cluster that continues keeps its id from interval to interval.
        sizes: int64 (K,), tiles in each.
        centroids: float32 (K, D), in the space that was clustered.
    """

    ids: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int64]
    centroids: npt.NDArray[np.float32]


class Features:
    """Features of some tiles, read from the bank when they are asked for.

    Args:
        bank: float16 (B, D).
        rows: int64 (N,), row of the bank of each tile.
    """

    def __init__(self, bank: npt.NDArray[np.float16], rows: npt.NDArray[np.int64]) -> None:
        self._bank, self._rows = bank, rows
        self.shape = (len(rows), bank.shape[1])

    def __len__(self) -> int:
        """Number of tiles."""
        return len(self._rows)

    def __getitem__(self, key: slice | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Features of a slice of the tiles, or of tiles by their place among them, float32 (n, D)."""
        return np.asarray(self._bank[self._rows[key]], np.float32)


class RunFolder:
    """Paths of a run and the arrays in them.

    Args:
        root: `workspace/runs/<name>`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def name(self) -> str:
        """The run's name."""
        return self.root.name

    @property
    def log_path(self) -> Path:
        """Where the worker process writes its log."""
        return self.root / "worker.log"

    @property
    def checkpoint_path(self) -> Path:
        """Where checkpoints rotate."""
        return self.root / "checkpoint"

    def intervals(self) -> list[int]:
        """Intervals with an assignment of head 0, ascending."""
        return sorted(int(path.name.split(".")[0]) for path in (self.root / "assignment").glob("[0-9]*.h0.npy"))

    def save_interval(self, interval: int, labels: npt.NDArray[np.int32], clusters: Clusters, *, head: int = 0) -> None:
        """Write assignment and clusters of one interval and head.

        Args:
            interval: number from 0.
            labels: int32 (N,), persistent cluster ids, -1 = unassigned.
            clusters: the clusters that `labels` speaks of.
            head: which of several clusterings.
        """
        files.write_npz(
            self.root / "clusters" / f"{interval:04d}.h{head}.npz",
            ids=clusters.ids.astype(np.int32),
            sizes=clusters.sizes.astype(np.int64),
            centroids=clusters.centroids.astype(np.float32),
        )
        files.write_npy(self.root / "assignment" / f"{interval:04d}.h{head}.npy", labels.astype(np.int32))

    def assignment(self, interval: int, *, head: int = 0) -> npt.NDArray[np.int32]:
        """Cluster ids of all tiles, memory-mapped, int32 (N,).

        Raises:
            RunError: the interval was never written.
        """
        return np.asarray(self._load(f"assignment/{interval:04d}.h{head}.npy"), dtype=np.int32)

    def clusters(self, interval: int, *, head: int = 0) -> Clusters:
        """Ids, sizes and centroids of an interval.

        Raises:
            RunError: the interval was never written.
        """
        path = self.root / "clusters" / f"{interval:04d}.h{head}.npz"
        if not path.is_file():
            raise RunError(f"run {self.name} has no clusters of interval {interval}")
        with np.load(path, allow_pickle=False) as stored:
            return Clusters(ids=stored["ids"], sizes=stored["sizes"], centroids=stored["centroids"])

    def save_distances(self, interval: int, distances: npt.NDArray[np.floating]) -> None:
        """Write float16 (N,) distances of tiles to their own centroid (head 0)."""
        files.write_npy(self.root / "distance" / f"{interval:04d}.npy", distances.astype(np.float16))

    def distances(self, interval: int) -> npt.NDArray[np.float16]:
        """Distances of tiles to their centroid, float16 (N,).

        Raises:
            RunError: the interval was never written.
        """
        return np.asarray(self._load(f"distance/{interval:04d}.npy"), dtype=np.float16)

    def save_projection(self, interval: int, xy: npt.NDArray[np.float32]) -> None:
        """Write float32 (N, 2) map coordinates."""
        files.write_npy(self.root / "projection" / f"{interval:04d}.npy", xy.astype(np.float32))

    def projections(self) -> list[int]:
        """Intervals with a map, ascending."""
        return sorted(int(path.stem) for path in (self.root / "projection").glob("[0-9]*.npy"))

    def projection(self, interval: int) -> npt.NDArray[np.float32]:
        """Map coordinates, float32 (N, 2), memory-mapped.

        Raises:
            RunError: the interval has no map yet.
        """
        return np.asarray(self._load(f"projection/{interval:04d}.npy"), dtype=np.float32)

    def open_bank(self, shape: tuple[int, int] | None = None) -> Bank:
        """Memory-map the feature bank, float16 (N, D); NaN rows have not been seen yet.

        Args:
            shape: create it with this shape, all NaN, when it does not exist; None opens it for reading only.

        Raises:
            RunError: there is no bank, or it has another shape.
            OSError: no space for it.
        """
        path, about = self.root / "bank.f16", self.root / "bank.json"
        if not about.is_file():
            if shape is None:
                raise RunError(f"run {self.name} has no features yet")
            self.root.mkdir(parents=True, exist_ok=True)
            _reserve(path, shape[0] * shape[1] * 2)
            empty = _for_single_rows(np.memmap(path, np.float16, "r+", shape=shape))
            for start in range(0, shape[0], 1 << 16):
                empty[start : start + (1 << 16)] = np.nan
            empty.flush()
            files.write_text(about, json.dumps({"shape": shape}))
        stored: tuple[int, int] = tuple(json.loads(about.read_text())["shape"])
        if shape is not None and stored != tuple(shape):
            raise RunError(f"the feature bank of run {self.name} has shape {stored}, the config asks for {shape}")
        return _for_single_rows(np.memmap(path, np.float16, "r" if shape is None else "r+", shape=stored))

    def scratch(self, name: str, shape: tuple[int, int], *, new: bool = True) -> Bank:
        """A float16 file of a run's own that may be lost at any time: it is written anew whenever it is needed.

        Args:
            name: name of the file.
            shape: of the array.
            new: begin with zeros; otherwise what another process has written is opened.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        return np.memmap(self.root / name, np.float16, "w+" if new else "r+", shape=shape)

    def memory(self, name: str, shape: tuple[int, int]) -> Bank:
        """A float16 file of a run's own that lasts as long as the run.

        Opened when it is there, else begun with zeros.
        """
        path = self.root / name
        self.root.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.stat().st_size != shape[0] * shape[1] * 2:
            return np.memmap(path, np.float16, "w+", shape=shape)
        return np.memmap(path, np.float16, "r+", shape=shape)

    def tiles(self) -> npt.NDArray[np.int64] | None:
        """The tiles that the run learns from, int64 (B,), ascending: row of the bank to tile number; None = all."""
        path = self.root / "tiles.npy"
        return np.load(path, allow_pickle=False) if path.is_file() else None

    def save_tiles(self, tiles: npt.NDArray[np.int64]) -> None:
        """Let the run learn from these tiles only; all others have label -1 at every interval."""
        files.write_npy(self.root / "tiles.npy", np.unique(tiles).astype(np.int64))

    def features(self, tiles: npt.NDArray[np.int64]) -> Features:
        """The last features of some tiles.

        Args:
            tiles: int64 (N,), tile numbers.

        Raises:
            RunError: no features yet, or a tile that the run does not learn from.
        """
        bank, own = self.open_bank(), self.tiles()
        rows = tiles if own is None else np.searchsorted(own, tiles).clip(0, len(own) - 1)
        if len(tiles) and (
            rows.min() < 0 or rows.max() >= len(bank) or (own is not None and (own[rows] != tiles).any())
        ):
            raise RunError(f"run {self.name} has no features of some of these tiles: it has never seen them")
        return Features(bank, rows)

    def adopt(self, source: RunFolder, interval: int) -> None:
        """Share another run's features, and its map of an interval as the map of interval 0.

        The files are linked where the file system can, so they take no room and outlive either folder; a finished run
        never writes to them again.

        Raises:
            RunError: the other run has no features.
        """
        source.open_bank()
        pairs = [
            ("tiles.npy", "tiles.npy"),
            ("encoder.json", "encoder.json"),
            ("recipe.json", "recipe.json"),
            ("bank.f16", "bank.f16"),
            (f"projection/{interval:04d}.npy", "projection/0000.npy"),
            ("bank.json", "bank.json"),
        ]
        for theirs, ours in pairs:
            if not (source.root / theirs).is_file():
                continue
            (self.root / ours).parent.mkdir(parents=True, exist_ok=True)
            (self.root / ours).unlink(missing_ok=True)
            try:
                os.link(source.root / theirs, self.root / ours)
            except OSError:  # other file system, or none that links
                shutil.copyfile(source.root / theirs, self.root / ours)

    def drop_bank(self) -> None:
        """Forget the features; another run that shares the file keeps it, and so does whoever has it open."""
        for name in ("bank.json", "bank.f16"):
            (self.root / name).unlink(missing_ok=True)

    def save_origin(self, origin: dict[str, str]) -> None:
        """Write where the encoder's weights come from, and their licence."""
        files.write_text(self.root / "encoder.json", json.dumps(origin, indent=2))

    def origin(self) -> dict[str, str]:
        """Encoder, weights, licence and left_out of the run; empty for runs of versions before 0.2."""
        path = self.root / "encoder.json"
        stored: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
        return stored

    def save_start(self, labels: npt.NDArray[np.int32]) -> None:
        """Write labels of all tiles, int32 (N,), that the first clustering starts from and takes its ids from."""
        files.write_npy(self.root / "start.npy", labels.astype(np.int32))

    def start(self) -> npt.NDArray[np.int32] | None:
        """What `save_start` wrote; None = the first clustering starts from nothing."""
        path = self.root / "start.npy"
        return np.load(path, allow_pickle=False) if path.is_file() else None

    def _load(self, name: str) -> npt.NDArray[np.generic]:
        path = self.root / name
        if not path.is_file():
            raise RunError(f"run {self.name} has no {name}")
        loaded: npt.NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
        return loaded


def _reserve(path: Path, size: int) -> None:
    """Make a file of zeros that has all of its room: a map that finds the disk full kills the process."""
    with path.open("wb") as stream:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)
        else:
            for start in range(0, size, 1 << 24):
                stream.write(bytes(min(1 << 24, size - start)))
        stream.flush()
        os.fsync(stream.fileno())


def _for_single_rows(bank: Bank) -> Bank:
    """Ask the system for small pages.

    Training writes rows in random order, and a row that lies in a page of 2 MB writes 2 MB.

    Measured by `benchmarks/bank.py`.
    """
    if hasattr(mmap, "MADV_RANDOM"):
        bank._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]
    return bank
