"""A slide over HTTP as a viewer wants it: its pyramid, its tiles read on request, and the clusters of its grid."""

from __future__ import annotations

import json

from tessera.curate.curated import curated_of
from tessera.explore import slide_map
from tessera.runs.rows import open_run
from tessera.slides.viewer.deepzoom import Geometry
from tessera.slides.viewer.views import SlideViews
from tessera.workspace.folder import Workspace

Answer = tuple[bytes, str]
_SLIDES = SlideViews()


def pyramid(workspace: Workspace, slide: str) -> Answer:
    """The Deep Zoom description, as JSON; addresses in it are relative to the page, as all others are."""
    row = slide_map.viewable_row(workspace, int(slide))
    geometry = Geometry(row["width"], row["height"])
    size = {"Width": geometry.width, "Height": geometry.height}
    about = {
        "xmlns": "http://schemas.microsoft.com/deepzoom/2008",
        "Url": f"slide/{int(slide)}/",
        "Format": "jpg",
        "Overlap": geometry.overlap_px,
        "TileSize": geometry.tile_px,
        "Size": size,
    }
    return json.dumps({"Image": about, "mpp": row["mpp"]}).encode(), "application/json"


def tile(workspace: Workspace, slide: str, level: str, column: str, row: str) -> Answer:
    return tile_jpeg(workspace, int(slide), int(level), int(column), int(row)), "image/jpeg"


def tile_jpeg(workspace: Workspace, slide: int, level: int, column: int, row: int) -> bytes:
    """A tile of a slide's pyramid.

    Raises:
        SlideError: the slide's file is gone, or this part of it does not decode.
        TesseraError: no such slide, or it consists of ready-made tiles.
        ValueError: no such tile.
    """
    known = slide_map.viewable_row(workspace, slide)
    Geometry(known["width"], known["height"]).box(level, column, row)
    overview = workspace.slide_folder(slide) / "thumbnail.jpg"
    return _SLIDES.tile(slide_map.slide_path(known), overview, level, column, row)


def around_jpeg(workspace: Workspace, slide: int, x0: int, y0: int, side0: int) -> bytes:
    """A square of a slide with its surroundings; raises as `tile_jpeg`."""
    path = slide_map.slide_path(slide_map.viewable_row(workspace, slide))
    return _SLIDES.around(path, workspace.slide_folder(slide) / "thumbnail.jpg", x0, y0, side0)


def cells(workspace: Workspace, run: str, interval: str, slide: str) -> Answer:
    return slide_map.cells_file(
        curated_of(open_run(workspace, run), int(interval)), int(slide)
    ), "application/octet-stream"
