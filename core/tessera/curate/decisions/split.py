"""Split a cluster: cluster its tiles again, in the space of the run's features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.decide import require
from tessera.curate.decisions.history import Decision, Draft, append
from tessera.curate.decisions.state import fold, next_part
from tessera.curate.export import tile_sets
from tessera.errors import DecisionError
from tessera.runs import control
from tessera.workspace.folder import Workspace

_SMALLEST_PART = 2
_RESTARTS = 5  # with few clusters k-means often rests half-way between two clouds


def split_cluster(
    workspace: Workspace,
    run: str,
    interval: int,
    cluster: int,
    parts: int = 2,
    *,
    author: str,
    seed: int = 0,
    expected: int | None = None,
) -> Decision:
    """Split a cluster into parts, which get new ids; the cluster itself keeps only tiles that training brings later.

    Args:
        workspace: the workspace of the run.
        run: name of the run.
        interval: the clustering that is looked at.
        cluster: id of the cluster.
        parts: how many.
        author: name of the person who decides.
        seed: seed of k-means.
        expected: the version of the history that the author has seen.

    Returns:
        The decision; `payload["parts"]` has the new ids, the largest part first, `payload["sizes"]` their tiles.

    Raises:
        DecisionError: no such cluster, too few tiles, or another split of it came first.
    """
    clustering = curated_clustering(workspace, run, interval)
    members = _members_to_split(workspace, run, interval, cluster, parts)
    own = _parts_of(workspace, run, members, parts, seed)
    sizes = np.bincount(own, minlength=parts)
    name = tile_sets.save(workspace.run_folder(run), members, own)

    def build(past: tuple[Decision, ...]) -> list[Draft]:
        state = fold(past)
        require(state, clustering, cluster)
        if any(
            edit.kind == "split" and edit.cluster == cluster and edit.payload["tiles"] == name for edit in state.edits
        ):
            raise DecisionError(f"cluster {cluster} has been split this way already")
        first = next_part(past)
        payload = {"parts": list(range(first, first + parts)), "sizes": sizes.tolist(), "tiles": name, "seed": seed}
        return [Draft(clustering.interval, "split", cluster, payload)]

    return append(workspace, run, author, build, expected=expected)[0]


def preview_split(
    workspace: Workspace, run: str, interval: int, cluster: int, parts: int = 2, *, per_part: int = 8, seed: int = 0
) -> list[tuple[int, npt.NDArray[np.int64]]]:
    """What `split_cluster` with the same arguments would make, without making it.

    Args:
        workspace: where the run is.
        run: its name.
        interval: the clustering that is looked at.
        cluster: id of the cluster.
        parts: how many.
        per_part: tiles to show of each.
        seed: of k-means.

    Returns:
        Size and a few tiles of each part, evenly chosen, the largest part first.

    Raises:
        DecisionError: no such cluster, or too few tiles.
    """
    members = _members_to_split(workspace, run, interval, cluster, parts)
    own = _parts_of(workspace, run, members, parts, seed)
    found = []
    for part in range(parts):
        tiles = members[own == part]
        shown = np.linspace(0, len(tiles) - 1, min(per_part, len(tiles))).astype(np.int64)
        found.append((len(tiles), tiles[shown]))
    return found


def _members_to_split(workspace: Workspace, run: str, interval: int, cluster: int, parts: int) -> npt.NDArray[np.int64]:
    members = curated_clustering(workspace, run, interval).members(cluster)
    most = len(members) // _SMALLEST_PART
    if most < 2:
        raise DecisionError(f"cluster {cluster} has {len(members)} tiles: too few to split")
    if not 2 <= parts <= most:
        raise DecisionError(f"cluster {cluster} has {len(members)} tiles: it can be split into 2 to {most} parts")
    return members


def _parts_of(
    workspace: Workspace, run: str, members: npt.NDArray[np.int64], parts: int, seed: int
) -> npt.NDArray[np.int32]:
    """Part of each tile, int32 (M,), numbered by falling size."""
    from tessera.learn.cluster import kmeans

    points = workspace.run_folder(run).features(members)[:]
    config = control.get(workspace, run).config.but(
        {"clustering.clusters": parts, "clustering.min_cluster": _SMALLEST_PART}
    )
    tries = (kmeans.cluster(points, config, np.random.default_rng((seed, i))) for i in range(_RESTARTS))
    found = min(tries, key=lambda clustering: clustering.objective).labels
    order = np.argsort(-np.bincount(found, minlength=parts), kind="stable")
    rank = np.empty(parts, np.int32)
    rank[order] = np.arange(parts, dtype=np.int32)
    return rank[found]
