"""Data over HTTP: tiles, pictures of slides, overlays, points. Ids only, never paths.

The patterns are appended to Bokeh's list when `app_hooks.py` is imported, before the server is built; so plain
`panel serve app/` has them. A test holds this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tessera.curate.curated import curated_of
from tessera.errors import TesseraError
from tessera.explore import projection, sheet, slide_map, tile_values
from tessera.explore.composition import mean_tile
from tessera.runs.rows import open_run
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace, default_root
from tornado.web import HTTPError, RequestHandler

from tessera_app.components.map_colours import values_of
from tessera_app.http import bench_routes, door, slide_routes

FOREVER = "private, max-age=86400, immutable"
Answer = tuple[bytes, str]


class DataHandler(RequestHandler):
    """Answers one route: runs `make` in a thread, sends the bytes with a long life.

    The login is checked at the door.
    """

    def initialize(self, make: Callable[..., Answer]) -> None:
        self._make = make

    def compute_etag(self) -> None:
        """None: addresses carry versions, so answers never change."""

    async def get(self, *parts: str) -> None:
        try:
            data, kind = await asyncio.to_thread(self._make, Workspace(default_root().resolve()), *parts)
        except (TesseraError, FileNotFoundError, ValueError, OverflowError) as error:
            raise HTTPError(404, str(error)) from error
        self.set_header("Content-Type", kind)
        self.set_header("Cache-Control", FOREVER)
        self.finish(data)


def tile(workspace: Workspace, number: str) -> Answer:
    import numpy as np

    return _store(workspace).batch(np.array([int(number)]))[0], "image/jpeg"


def thumbnail(workspace: Workspace, slide: str) -> Answer:
    return (workspace.slide_folder(int(slide)) / "thumbnail.jpg").read_bytes(), "image/jpeg"


def mask(workspace: Workspace, slide: str) -> Answer:
    return (workspace.slide_folder(int(slide)) / "mask.png").read_bytes(), "image/png"


def kept(workspace: Workspace, slide: str) -> Answer:
    codes = slide_map.reason_grid(workspace, int(slide))
    if codes is None:
        raise TesseraError("this slide has no grid")
    return slide_map.kept_png(codes), "image/png"


def overlay(workspace: Workspace, run: str, interval: str, slide: str, highlight: str) -> Answer:
    clustering = curated_of(open_run(workspace, run), int(interval))
    chosen = int(highlight) if highlight else None
    return slide_map.overlay_png(slide_map.label_grid(clustering, int(slide)), chosen), "image/png"


def points(workspace: Workspace, run: str, interval: str, mapped: str) -> Answer:
    clustering = curated_of(open_run(workspace, run), int(interval))
    xy = clustering.of.folder.projection(int(mapped))
    return projection.points_file(clustering, xy), "application/octet-stream"


def values(workspace: Workspace, run: str, interval: str, by: str) -> Answer:
    found = values_of(curated_of(open_run(workspace, run), int(interval)), by)
    return tile_values.values_file(found), "application/octet-stream"


def contact_sheet(workspace: Workspace, run: str, interval: str, cluster: str) -> Answer:
    return sheet.contact_sheet(curated_of(open_run(workspace, run), int(interval)), int(cluster)), "image/jpeg"


def mean(workspace: Workspace, run: str, interval: str, cluster: str) -> Answer:
    return mean_tile(curated_of(open_run(workspace, run), int(interval)), int(cluster)), "image/jpeg"


def around(workspace: Workspace, number: str) -> Answer:
    index, tile = _store(workspace).index(), int(number)
    if tile >= len(index):
        raise TesseraError(f"there is no tile {tile}")
    place = [int(column[tile]) for column in (index.slide, index.x0, index.y0, index.side0)]
    return slide_routes.around_jpeg(workspace, *place), "image/jpeg"


_RUN = r"([A-Za-z0-9][A-Za-z0-9._-]*)"
ROUTES: list[tuple[str, type[RequestHandler], dict[str, Any]]] = [
    (r"/t/(\d+)", DataHandler, {"make": tile}),
    (r"/around/(\d+)", DataHandler, {"make": around}),
    (r"/thumbnail/(\d+)", DataHandler, {"make": thumbnail}),
    (r"/mask/(\d+)", DataHandler, {"make": mask}),
    (r"/kept/(\d+)", DataHandler, {"make": kept}),
    (rf"/overlay/{_RUN}/(\d+)/(\d+)/(\d*)", DataHandler, {"make": overlay}),
    (rf"/cells/{_RUN}/(\d+)/(\d+)", DataHandler, {"make": slide_routes.cells}),
    (r"/slide/(\d+)\.dzi", DataHandler, {"make": slide_routes.pyramid}),
    (r"/slide/(\d+)/(\d+)/(\d+)_(\d+)\.jpg", DataHandler, {"make": slide_routes.tile}),
    (rf"/points/{_RUN}/(\d+)/(\d+)", DataHandler, {"make": points}),
    (rf"/values/{_RUN}/(\d+)/([a-z]+)", DataHandler, {"make": values}),
    (rf"/sheet/{_RUN}/(\d+)/(\d+)", DataHandler, {"make": contact_sheet}),
    (rf"/mean/{_RUN}/(\d+)/(\d+)", DataHandler, {"make": mean}),
    (rf"/clusters/{_RUN}/(\d+)", DataHandler, {"make": bench_routes.clusters}),
    (rf"/nearby/{_RUN}/(\d+)", DataHandler, {"make": bench_routes.nearby}),
    (rf"/gallery/{_RUN}/(\d+)/(\d+)", DataHandler, {"make": bench_routes.gallery}),
    (rf"/members/{_RUN}/(\d+)/(\d+)/(near|slide|new)/(\d+)", DataHandler, {"make": bench_routes.members}),
    (rf"/tile/{_RUN}/(\d+)/(\d+)", DataHandler, {"make": bench_routes.tile_facts}),
    (rf"/alike/{_RUN}/(\d+)/(\d+)", DataHandler, {"make": bench_routes.alike}),
    (rf"/near/{_RUN}/(\d+)/(\d+)", DataHandler, {"make": bench_routes.near}),
    (rf"/parts/{_RUN}/(\d+)/(\d+)/(\d+)", DataHandler, {"make": bench_routes.parts}),
    (rf"/decisions/{_RUN}", DataHandler, {"make": bench_routes.decisions}),
]


def _store(workspace: Workspace) -> TileStore:
    """One open store per number of committed tiles, shared by all requests."""
    key = (workspace.root, workspace.n_tiles())
    if key not in _STORES:
        _STORES.clear()
        _STORES[key] = TileStore(workspace.tiles_path)
    return _STORES[key]


_STORES: dict[tuple[Any, int], TileStore] = {}


def install() -> None:
    """Add the routes to Bokeh's server, behind the door; may be called again."""
    from bokeh.server import urls

    known = {pattern[0] for pattern in urls.toplevel_patterns}
    urls.toplevel_patterns.extend(route for route in ROUTES if route[0] not in known)
    door.allow(*(route[0] for route in ROUTES))
    door.install()
