"""What the workbench shows, as JSON: the list of clusters, tiles of one, what lies near. Names come by parameters."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import numpy.typing as npt
from tessera.curate.curated import curated_clustering
from tessera.curate.decisions.history import history
from tessera.curate.decisions.split import preview_split
from tessera.curate.decisions.state import in_effect, state_of
from tessera.curate.decisions.words import words
from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering
from tessera.explore.clusters import slide_names
from tessera.explore.composition import composition
from tessera.explore.mixing import mixing
from tessera.explore.neighbours import nearest_clusters, similar_to_tiles
from tessera.explore.representatives import by_distance, faces, pick
from tessera.explore.slide_map import tile_info
from tessera.workspace.folder import Workspace

from tessera_app.pages.explore.facts import table_of

Answer = tuple[bytes, str]
_PER_ROW, _PAGE, _SLIDES, _ALIKE, _NEAR = 24, 200, 12, 24, 8
_MOST_PARTS, _DECISIONS = 20, 200


def clusters(workspace: Workspace, run: str, interval: str) -> Answer:
    """All clusters: size, three tiles, largest source, stability; numbers as people read them."""
    clustering = curated_clustering(workspace, run, int(interval))
    table, state = table_of(clustering), state_of(workspace, run)
    tiles = dict(zip(clustering.ids.tolist(), faces(clustering).tolist(), strict=True))
    rows = [
        {
            "id": int(row["cluster"]),
            "number": state.number(int(row["cluster"])),
            "size": int(row["size"]),
            "tiles": [tile for tile in tiles[int(row["cluster"])] if tile >= 0],
            "source": row["top_slide"],
            "share": round(float(row["top_slide_share"]), 4),
            "stability": _known(row["stability"]),
        }
        for row in table.to_dict("records")
    ]
    n_slides = len(np.unique(clustering.index.slide[: len(clustering.labels)]))
    return _json({"clusters": rows, "n_slides": n_slides, "n_tiles": int(clustering.sizes.sum())})


def nearby(workspace: Workspace, run: str, interval: str) -> Answer:
    """Share of own tiles among the neighbours of each cluster, and the clusters that the others belong to."""
    clustering = curated_clustering(workspace, run, int(interval))
    found = mixing(clustering)
    purity = {str(i): _known(value) for i, value in zip(found.ids.tolist(), found.purity.tolist(), strict=True)}
    near = {str(i): [[other, round(share, 3)] for other, share in found.nearest(i)] for i in found.ids.tolist()}
    return _json({"purity": purity, "near": near})


def gallery(workspace: Workspace, run: str, interval: str, cluster: str) -> Answer:
    """Tiles of a cluster, typical, middle, edge and by slide; [tile, slide] each. And where they come from."""
    clustering, number = _with_cluster(workspace, run, interval, cluster)
    chosen, order = pick(clustering, number, _PER_ROW), by_distance(clustering, number)
    slides = clustering.index.slide
    ids, counts = np.unique(slides[order], return_counts=True)
    largest = np.argsort(-counts, kind="stable")[:_SLIDES]
    names = slide_names(clustering)
    by_slide = [
        {
            "slide": int(ids[i]),
            "n": int(counts[i]),
            "tiles": _pairs(clustering, order[slides[order] == ids[i]][:_PER_ROW]),
        }
        for i in largest
    ]
    sources = {
        kind: [[part.name, part.n, round(part.share, 4), round(part.share_of_all, 4)] for part in parts]
        for kind, parts in composition(clustering, number, 8).items()
    }
    known = table_of(clustering)
    row = known[known["cluster"] == number].iloc[0]
    shown = {int(ids[i]) for i in largest} | {int(slide) for slide in slides[chosen.edge].tolist()}
    shown |= {int(slide) for row_ in (chosen.typical, chosen.middle) for slide in slides[row_].tolist()}
    return _json(
        {
            "n": len(order),
            **{name: _pairs(clustering, getattr(chosen, name)) for name in ("typical", "middle", "edge")},
            "by_slide": by_slide,
            "n_slides": len(ids),
            "sources": sources,
            "spread": _known(row["compactness"]),
            "slides": {str(slide): names.get(slide, "") for slide in sorted(shown)},
        }
    )


def members(workspace: Workspace, run: str, interval: str, cluster: str, order: str, start: str) -> Answer:
    """A page of all tiles of a cluster: by distance (near), by slide, or the newest first (new)."""
    clustering, number = _with_cluster(workspace, run, interval, cluster)
    tiles = by_distance(clustering, number)
    if order == "slide":
        tiles = tiles[np.argsort(clustering.index.slide[tiles], kind="stable")]
    elif order == "new":
        tiles = np.sort(tiles)[::-1]
    page = tiles[int(start) : int(start) + _PAGE]
    names = slide_names(clustering)
    slides = {str(slide): names.get(slide, "") for slide in np.unique(clustering.index.slide[page]).tolist()}
    return _json({"n": len(tiles), "tiles": _pairs(clustering, page), "slides": slides})


def tile_facts(workspace: Workspace, run: str, interval: str, tile: str) -> Answer:
    """Where a tile lies."""
    clustering = curated_clustering(workspace, run, int(interval))
    info = tile_info(clustering, int(tile))
    if info.tile >= len(clustering.labels):
        raise TesseraError(f"{run} has no tile {tile}")
    about = {"cluster": int(clustering.labels[info.tile]), "place": [info.x0, info.y0], "um": round(info.side_um, 2)}
    return _json({**about, "slide": info.slide, "slide_id": info.slide_id, "on_slide": bool(info.width)})


def alike(workspace: Workspace, run: str, interval: str, tile: str) -> Answer:
    """Tiles most like a tile, from any cluster."""
    clustering = curated_clustering(workspace, run, int(interval))
    found = similar_to_tiles(clustering, [int(tile)], _ALIKE)
    names = slide_names(clustering)
    slides = {str(slide): names.get(slide, "") for slide in np.unique(clustering.index.slide[found.tiles]).tolist()}
    return _json({"tiles": _pairs(clustering, found.tiles), "slides": slides})


def near(workspace: Workspace, run: str, interval: str, cluster: str) -> Answer:
    """Clusters whose middles lie nearest to that of a cluster, for merging."""
    clustering, number = _with_cluster(workspace, run, interval, cluster)
    return _json({"near": [other for other, _ in nearest_clusters(clustering, number, _NEAR)]})


def parts(workspace: Workspace, run: str, interval: str, cluster: str, n: str) -> Answer:
    """What dividing a cluster would make, before it is done."""
    clustering, number = _with_cluster(workspace, run, interval, cluster)
    if int(n) > _MOST_PARTS:
        raise TesseraError(f"divide into at most {_MOST_PARTS} parts")
    found = preview_split(workspace, run, int(interval), number, int(n))
    return _json({"parts": [{"n": size, "tiles": _pairs(clustering, tiles)} for size, tiles in found]})


def decisions(workspace: Workspace, run: str) -> Answer:
    """What was decided about a run, the newest first."""
    past, number = history(workspace, run), state_of(workspace, run).number
    active = {decision.id for decision in in_effect(past)}
    newest = [decision for decision in reversed(past) if decision.kind not in ("undo", "redo")][:_DECISIONS]
    rows = [
        {
            "id": decision.id,
            "when": time.strftime("%d %b %H:%M", time.localtime(decision.time)),
            "author": decision.author,
            "words": words(decision, number),
            "active": decision.id in active,
        }
        for decision in newest
    ]
    return json.dumps(rows).encode(), "application/json"


def _with_cluster(workspace: Workspace, run: str, interval: str, cluster: str) -> tuple[Clustering, int]:
    clustering = curated_clustering(workspace, run, int(interval))
    if int(cluster) not in clustering.ids:
        raise TesseraError(f"{run} has no cluster {cluster} at interval {interval}")
    return clustering, int(cluster)


def _pairs(clustering: Clustering, tiles: npt.NDArray[np.int64]) -> list[list[int]]:
    return np.stack([tiles, clustering.index.slide[tiles]], axis=1).tolist() if len(tiles) else []


def _known(value: Any) -> float | None:
    """A number for JSON, which has no NaN."""
    return round(float(value), 4) if value == value else None


def _json(found: dict[str, Any]) -> Answer:
    return json.dumps(found, separators=(",", ":")).encode(), "application/json"
