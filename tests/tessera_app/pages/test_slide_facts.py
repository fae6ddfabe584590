"""The slide page's state, its reads and its routes, without a browser."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from tessera.curate.decisions.decide import name_cluster
from tessera.curate.decisions.state import state_of
from tessera.curate.looks import cluster_looks
from tessera.errors import SlideError, TesseraError
from tessera.explore.clustering import Clustering, open_clustering
from tessera.explore.slide_map import cells_file, clusters_on_slide, label_grid, slide_row, tile_grid, tile_info
from tessera.slides.viewer.deepzoom import Geometry
from tessera.workspace.folder import Workspace
from tessera_app.http import slide_routes
from tessera_app.pages.slide.facts import around, read_slide, rows_of, slide_choices
from tessera_app.pages.slide.page import SlidePage
from tessera_app.store import PAGES, Store

from tests.tessera.planted import RUN, Planted, copy_of


@pytest.fixture
def clustering(planted_once: Planted) -> Clustering:
    return open_clustering(planted_once.workspace, RUN)


@pytest.fixture
def store(planted_once: Planted, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TESSERA_WORKSPACE", str(planted_once.workspace.root))
    return Store(page=PAGES.index("slide"))


def test_cells_carry_the_cluster_and_the_number_of_every_tile(clustering: Clustering) -> None:
    data = cells_file(clustering, 1)
    rows, columns = np.frombuffer(data, "<u4", 2)
    clusters, tiles = np.frombuffer(data, "<i4", offset=8).reshape(2, rows, columns)
    np.testing.assert_array_equal(clusters, label_grid(clustering, 1))
    np.testing.assert_array_equal(tiles, tile_grid(clustering, 1))
    step0 = slide_row(clustering.workspace, 1)["step0"]
    for tile in np.flatnonzero(clustering.index.slide == 1):
        row, column = np.argwhere(tiles == tile)[0]
        assert clusters[row, column] == clustering.labels[tile]
        assert abs(column * step0 - clustering.index.x0[tile]) <= 0.5
        assert abs(row * step0 - clustering.index.y0[tile]) <= 0.5


def test_clusters_of_a_slide_are_counted_the_largest_first(clustering: Clustering) -> None:
    found = clusters_on_slide(clustering, 2)
    here = clustering.labels[clustering.index.slide == 2]
    assert dict(found) == {int(i): int((here == i).sum()) for i in np.unique(here[here >= 0])}
    sizes = [n for _, n in found]
    assert sizes == sorted(sizes, reverse=True)


def test_two_clusters_of_one_name_are_one_switch(planted: Planted) -> None:
    found = clusters_on_slide(open_clustering(planted.workspace, RUN), 2)
    ids = [cluster for cluster, _ in found]
    for cluster in ids[:2]:
        name_cluster(planted.workspace, RUN, 2, cluster, "fat", author="A")
    rows = rows_of(found, cluster_looks(state_of(planted.workspace, RUN), ids))
    fat = next(row for row in rows if row["name"] == "fat")
    assert (fat["ids"], fat["n"]) == (ids[:2], found[0][1] + found[1][1])
    assert len(rows) == len(found) - 1
    assert {row["colour"] for row in rows if row is not fat} == {""}


def test_routes_give_the_pyramid_and_its_tiles_by_id(planted_once: Planted) -> None:
    workspace = planted_once.workspace
    about = json.loads(slide_routes.pyramid(workspace, "1")[0])["Image"]
    row = slide_row(workspace, 1)
    assert about["Size"] == {"Width": row["width"], "Height": row["height"]}
    assert about["Url"] == "slide/1/"
    level = Geometry(row["width"], row["height"]).n_levels - 1
    data, kind = slide_routes.tile(workspace, "1", str(level), "1", "1")
    assert kind == "image/jpeg"
    assert simplejpeg.decode_jpeg_header(data)[:2] == (256, 256)
    with pytest.raises(ValueError, match="none at column 99"):
        slide_routes.tile(workspace, "1", str(level), "99", "0")
    with pytest.raises(TesseraError, match="no slide 77"):
        slide_routes.tile(workspace, "77", "0", "0", "0")


def test_a_slide_that_is_gone_is_said_to_be_gone_and_keeps_its_clusters(planted_once: Planted, tmp_path: Path) -> None:
    workspace = copy_of(planted_once, tmp_path / "copy").workspace
    move_source(workspace, 1, tmp_path / "gone.svs")
    facts = read_slide(workspace, 1, open_clustering(workspace, RUN))
    assert facts.gone
    assert facts.about["gone"]
    assert facts.clusters
    assert facts.cells_url == f"cells/{RUN}/2/1"
    with pytest.raises(SlideError, match="no longer there"):
        slide_routes.tile(workspace, "1", "0", "0", "0")
    assert not read_slide(workspace, 2, None).gone
    assert read_slide(workspace, 2, None).cells_url == ""


def move_source(workspace: Workspace, slide: int, path: Path) -> None:
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE slide SET path = ? WHERE id = ?", (str(path), slide))


def test_slides_of_one_name_are_told_apart(planted_once: Planted, tmp_path: Path) -> None:
    workspace = copy_of(planted_once, tmp_path / "copy").workspace
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE slide SET name = 'a' WHERE id < 3")
    assert slide_choices(workspace) == {"a (no. 1)": 1, "a (no. 2)": 2, "slide-2": 3}


def test_the_page_follows_a_tile_that_another_page_marks(store: Store, clustering: Clustering) -> None:
    page = SlidePage(store)
    assert page._viewer.slide["id"] == 1
    tile = int(np.flatnonzero(clustering.index.slide == 3)[2])
    store.param.update(tile=tile, cluster=3)
    assert page._viewer.slide["id"] == 3
    assert page._viewer.picked == tile
    assert page._viewer.goto == {**around(clustering, tile), "visit": 0}
    info = tile_info(clustering, tile)
    x, y, width, height = page._viewer.goto["box"]
    assert x < info.x0 < info.x0 + info.side0 < x + width
    assert y < info.y0 < info.y0 + info.side0 < y + height
    assert page._switches.chosen == 3
    moved: list[object] = []
    page._viewer.param.watch(lambda event: moved.append(event.new), "goto")
    store.visits += 1  # asked for once more, when somebody has moved on
    assert len(moved) == 1


def test_a_click_in_the_viewer_marks_the_tile_everywhere_and_leaves_the_view_alone(
    store: Store, clustering: Clustering
) -> None:
    page = SlidePage(store)
    tile = int(np.flatnonzero((clustering.index.slide == 1) & (clustering.labels >= 0))[5])
    page._viewer.picked = tile
    assert (store.tile, store.cluster) == (tile, clustering.labels[tile])
    assert page._viewer.goto == {}
    store.slide = 2  # looking at another slide unmarks nothing, and does not jump back
    assert page._viewer.slide["id"] == 2
    assert store.tile == tile


def test_nothing_is_read_for_a_page_that_is_not_looked_at(store: Store) -> None:
    store.page = PAGES.index("explore")
    page = SlidePage(store)
    assert page._viewer.slide == {}
    store.page = PAGES.index("slide")
    assert page._viewer.slide["id"] == 1


def test_a_workspace_without_slides_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_WORKSPACE", str(Workspace.create(tmp_path / "empty").root))
    page = SlidePage(Store(page=PAGES.index("slide")))
    assert "No slide to show" in page._none.object
    assert not page._viewer.visible


def test_the_address_holds_the_part_of_the_slide_that_is_in_sight(store: Store) -> None:
    store.param.update(slide=2, slide_window=[0.1, 0.2, 0.3, 0.3])
    page = SlidePage(store)
    assert page._viewer.seen == {"slide": 2, "box": [0.1, 0.2, 0.3, 0.3]}
    page._viewer.seen = {"slide": 2, "box": [0.4, 0.4, 0.1, 0.1]}  # somebody moves
    assert store.slide_window == [0.4, 0.4, 0.1, 0.1]
    store.slide_window = [0.1, 0.2, 0.3, 0.3]  # Back
    assert page._viewer.seen["box"] == [0.1, 0.2, 0.3, 0.3]
    page._choose.value = 1
    assert store.slide_window == []
