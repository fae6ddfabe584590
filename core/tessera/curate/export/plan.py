"""What an export will hold, before anything is written: which tiles, of which class, in which split, in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tessera.config import ExportConfig
from tessera.curate.decisions.state import state_by
from tessera.curate.export.sample import balanced_sample
from tessera.curate.export.splits import SPLITS, split_by_group
from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering

_CLASS, _SHUFFLE = 1, 2  # streams of randomness


@dataclass(frozen=True)
class Slide:
    """What the manifest tells of a slide.

    Attributes:
        id: row in the ledger.
        name: name of the file.
        kind: slide, or tiles for ready-made ones.
        patient: empty when not known.
        key: checksum, or name where there is none: the same for the same slide wherever it lies.
        vendor: as OpenSlide names it.
        path: where it was at ingest.
        site: tissue source site, empty when not known.
        project: of the archive, empty when not known.
        sample_type: primary tumour, normal tissue, ..., empty when not known.
    """

    id: int
    name: str
    kind: str
    patient: str
    key: str
    vendor: str
    path: str
    site: str = ""
    project: str = ""
    sample_type: str = ""


@dataclass(frozen=True)
class Plan:
    """Tiles of an export, in the order in which they are written.

    Attributes:
        tiles: int64 (M,), tile numbers.
        class_of: cluster to name of its class.
        splits: name of the split of each tile; empty names when the set is not divided.
        counts: class to split to number of tiles, every split in each.
        slides: row in the ledger to slide.
    """

    tiles: npt.NDArray[np.int64]
    class_of: dict[int, str]
    splits: list[str]
    counts: dict[str, dict[str, int]]
    slides: dict[int, Slide]

    def split_names(self) -> tuple[str, ...]:
        """Splits in order; one empty name when the set is not divided."""
        return tuple(next(iter(self.counts.values())))

    def split_counts(self) -> dict[str, int]:
        """Tiles in each split."""
        return {split: sum(row[split] for row in self.counts.values()) for split in self.split_names()}


def make_plan(clustering: Clustering, class_of: dict[int, str], config: ExportConfig, order: str) -> Plan:
    """Choose, divide and order tiles.

    Args:
        clustering: the clustering.
        class_of: cluster to name of its class.
        config: sample and splits.
        order: tile (as stored), slide, or shuffled.

    Raises:
        TesseraError: no tile is left, or there are fewer patients than splits.
    """
    slides = slide_facts(clustering)
    tiles = _choose(clustering, class_of, config)
    if not len(tiles):
        raise TesseraError("the chosen clusters have no tiles at this interval")
    names = sorted(set(class_of.values()))
    table = np.full(int(clustering.ids.max()) + 1, -1, np.int64)
    for cluster, name in class_of.items():
        table[cluster] = names.index(name)
    classes = table[clustering.labels[tiles]]
    splits, used = _divide(clustering, tiles, classes, slides, config)
    if order == "shuffled":
        turn = np.random.default_rng((config.seed, _SHUFFLE)).permutation(len(tiles))
    else:
        turn = np.argsort(clustering.index.slide[tiles], kind="stable") if order == "slide" else np.arange(len(tiles))
    counts = {
        name: {split: int(((classes == code) & (splits == number)).sum()) for number, split in enumerate(used)}
        for code, name in enumerate(names)
    }
    return Plan(tiles[turn], class_of, [used[number] for number in splits[turn]], counts, slides)


def class_names(clustering: Clustering, clusters: list[int] | str | None) -> dict[int, str]:
    """Cluster id to class name of what is exported; clusters of one name are one class.

    Args:
        clustering: the clustering.
        clusters: one or more ids; "all"; None takes those with a name.

    Raises:
        TesseraError: none has a name, or one does not exist.
    """
    named = state_by(clustering.of).names
    present = set(clustering.ids.tolist())
    if clusters is None:
        wanted = [cluster for cluster in sorted(named) if cluster in present]
        if not wanted:
            raise TesseraError("no cluster has a name yet: name some in the dashboard, or export --clusters all")
    elif clusters == "all":
        wanted = sorted(present)
    elif isinstance(clusters, str) or not clusters:
        raise TesseraError(f"cannot export clusters {clusters!r}: give their numbers, or all")
    else:
        wanted = list(clusters)
        if unknown := sorted(set(wanted) - present):
            raise TesseraError(
                f"{clustering.run} has no cluster {', '.join(map(str, unknown))} at interval {clustering.interval}"
            )
    return {cluster: named.get(cluster) or f"cluster-{cluster}" for cluster in wanted}


def slide_facts(clustering: Clustering) -> dict[int, Slide]:
    """All slides by their row in the ledger."""
    with clustering.workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT id, name, kind, patient, sha256, vendor, path, site, project, sample_type FROM slide"
        ).fetchall()
    return {
        row["id"]: Slide(
            row["id"],
            row["name"],
            row["kind"],
            row["patient"],
            row["sha256"] or row["name"],
            row["vendor"] or "",
            row["path"],
            row["site"],
            row["project"],
            row["sample_type"],
        )
        for row in rows
    }


def _choose(clustering: Clustering, class_of: dict[int, str], config: ExportConfig) -> npt.NDArray[np.int64]:
    if not config.per_class:
        return np.flatnonzero(np.isin(clustering.labels, list(class_of)))
    chosen = []
    for code, name in enumerate(sorted(set(class_of.values()))):
        clusters = [cluster for cluster, own in class_of.items() if own == name]
        rng = np.random.default_rng((config.seed, _CLASS, code))
        chosen.append(balanced_sample(clustering, clusters, config.per_class, bins=config.bins, rng=rng))
    return np.sort(np.concatenate(chosen))


def _divide(
    clustering: Clustering,
    tiles: npt.NDArray[np.int64],
    classes: npt.NDArray[np.int64],
    slides: dict[int, Slide],
    config: ExportConfig,
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Split of each tile as a position in a list of names."""
    shares = (1 - config.val - config.test, config.val, config.test)
    if not config.val and not config.test:
        return np.zeros(len(tiles), np.int64), [""]
    own, inverse = np.unique(clustering.index.slide[tiles], return_inverse=True)
    patients = [slides[slide].patient or f"slide {slide}" for slide in own.tolist()]
    code = {patient: number for number, patient in enumerate(sorted(set(patients)))}
    groups = np.array([code[patient] for patient in patients], np.int64)[inverse]
    splits = split_by_group(groups, classes, shares, config.seed)
    used = [number for number, share in enumerate(shares) if share > 0]
    return np.searchsorted(used, splits), [SPLITS[number] for number in used]
