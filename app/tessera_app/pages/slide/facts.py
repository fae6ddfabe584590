"""What the slide page reads: the slides to choose from, and of one slide how to show it.

Runs in threads, touches no widget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tessera.curate.looks import ClusterLooks
from tessera.explore import slide_map
from tessera.explore.clustering import Clustering
from tessera.slides.viewer.deepzoom import Geometry
from tessera.workspace.folder import Workspace

CONTEXT = 9  # how many tile sides of the slide a marked tile is shown in


@dataclass(frozen=True)
class SlideFacts:
    """A slide as the page shows it.

    Attributes:
        slide_id: its row.
        name: its name.
        path: where its file was when it was ingested.
        about: what the viewer needs (see frontend/src/slide_viewer.js): size, resolution, grid, addresses.
        gone: whether its file is no longer there.
        cells_url: address of its clusters, empty without a clustering or without tiles.
        clusters: id and number of tiles of each of its clusters, the largest first.
        n_unassigned: tiles in no cluster, or newer than the run.
    """

    slide_id: int
    name: str
    path: str
    about: dict[str, Any]
    gone: bool
    cells_url: str
    clusters: list[tuple[int, int]]
    n_unassigned: int


def slide_choices(workspace: Workspace) -> dict[str, int]:
    """Slides that can be shown, name to id; slides of one name are told apart by their number."""
    with workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT id, name FROM slide WHERE kind = 'slide' AND width > 0 AND state != 'duplicate' ORDER BY name, id"
        ).fetchall()
    names = [row["name"] for row in rows]
    once = {name for name in names if names.count(name) == 1} if len(names) < 2000 else set()
    return {row["name"] if row["name"] in once else f"{row['name']} (no. {row['id']})": row["id"] for row in rows}


def read_slide(workspace: Workspace, slide_id: int, clustering: Clustering | None) -> SlideFacts:
    """A slide, with the clusters of a view where there is one.

    Raises:
        TesseraError: no such slide, or it cannot be shown.
    """
    row = slide_map.viewable_row(workspace, slide_id)
    geometry = Geometry(row["width"], row["height"])
    gone = not slide_map.slide_path(row).exists()
    version = int(row["updated"])
    about = {
        "id": slide_id,
        "width": geometry.width,
        "height": geometry.height,
        "tile_px": geometry.tile_px,
        "overlap_px": geometry.overlap_px,
        "mpp": row["mpp"] or 0,
        "step0": row["step0"] or 0,
        "side0": row["side0"] or 0,
        "url": f"slide/{slide_id}/",
        "version": version,
        "overview": f"thumbnail/{slide_id}?v={version}",
        "gone": gone,
    }
    drawn = clustering is not None and row["grid_rows"] and row["n_tiles"]
    clusters = slide_map.clusters_on_slide(clustering, slide_id) if clustering is not None and drawn else []
    return SlideFacts(
        slide_id,
        row["name"],
        row["path"],
        about,
        gone,
        f"cells/{clustering.run}/{clustering.interval}/{slide_id}" if clustering is not None and drawn else "",
        clusters,
        row["n_tiles"] - sum(n for _, n in clusters),
    )


def rows_of(clusters: list[tuple[int, int]], looks: ClusterLooks) -> list[dict[str, Any]]:
    """Switches of a slide: one for each name, however many clusters bear it, and one for each cluster without.

    The largest first.

    Args:
        clusters: id and number of tiles of each cluster of the slide, the largest first.
        looks: how these clusters are drawn.
    """
    place = {cluster: i for i, cluster in enumerate(looks.ids)}
    rows: dict[str, dict[str, Any]] = {}
    for cluster, n in clusters:
        i = place[cluster]
        key = f"name {looks.names[i]}" if looks.names[i] else f"cluster {cluster}"
        row = rows.setdefault(
            key, {"ids": [], "name": looks.labels[i], "colour": looks.colours[i], "shape": looks.shapes[i], "n": 0}
        )
        row["ids"].append(cluster)
        row["n"] += n
    return sorted(rows.values(), key=lambda row: -int(row["n"]))


def around(clustering: Clustering, tile: int) -> dict[str, Any]:
    """Where the viewer goes to show a tile in its surroundings.

    Raises:
        TesseraError: no such tile.
    """
    info = slide_map.tile_info(clustering, tile)
    side = CONTEXT * info.side0
    centre_x, centre_y = info.x0 + info.side0 / 2, info.y0 + info.side0 / 2
    return {"slide": info.slide_id, "box": [centre_x - side / 2, centre_y - side / 2, side, side]}
