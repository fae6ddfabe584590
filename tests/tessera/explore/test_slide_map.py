from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg
from tessera.config import IngestConfig, RunConfig
from tessera.demo.synthetic import draw_texture
from tessera.errors import TesseraError
from tessera.explore.clustering import Clustering, open_clustering
from tessera.explore.palette import colours
from tessera.explore.slide_map import kept_png, label_grid, overlay_png, reason_grid, slide_row, tile_info
from tessera.ingest.tile_folder import ingest_tiles
from tessera.runs import control
from tessera.slides.quality import Reason
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import Clusters

from tests.tessera.planted import INGEST, RUN, Planted


@pytest.fixture(scope="module")
def clustering(planted_once: Planted) -> Clustering:
    return open_clustering(planted_once.workspace, RUN)


def slide_ids(workspace: Workspace) -> list[int]:
    with workspace.ledger.read() as connection:
        return [row["id"] for row in connection.execute("SELECT id FROM slide ORDER BY id")]


def decoded(png: bytes) -> npt.NDArray[np.uint8]:
    """RGBA."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA))


def test_every_kept_position_carries_the_label_of_its_tile(clustering: Clustering, planted_once: Planted) -> None:
    for slide in slide_ids(clustering.workspace):
        kept = reason_grid(clustering.workspace, slide) == Reason.KEPT
        grid = label_grid(clustering, slide)
        tiles = np.flatnonzero(clustering.index.slide == slide)
        assert len(tiles) == kept.sum() > 5
        assert (grid[~kept] == -1).all()
        row = slide_row(clustering.workspace, slide)
        seen = set()
        for tile in tiles:
            place = (round(clustering.index.y0[tile] / row["step0"]), round(clustering.index.x0[tile] / row["step0"]))
            seen.add(place)
            assert kept[place]
            assert grid[place] == planted_once.labels[2][tile]
            assert abs(clustering.index.y0[tile] - place[0] * row["step0"]) <= 1
        assert len(seen) == len(tiles)  # no two tiles share a position


def test_an_overlay_paints_tiles_in_their_colour_and_nothing_else(clustering: Clustering) -> None:
    grid = label_grid(clustering, slide_ids(clustering.workspace)[0])
    picture = decoded(overlay_png(grid))
    assert picture.shape == (8 * grid.shape[0], 8 * grid.shape[1], 4)
    corners, centres = picture[::8, ::8], picture[4::8, 4::8]
    np.testing.assert_array_equal(corners, centres)  # enlarged without smoothing
    np.testing.assert_array_equal(centres[..., 3], np.where(grid >= 0, 255, 0))
    np.testing.assert_array_equal(centres[grid >= 0][:, :3], colours(grid[grid >= 0]))


def test_a_highlight_leaves_the_others_faint(clustering: Clustering) -> None:
    grid = label_grid(clustering, slide_ids(clustering.workspace)[0])
    chosen = int(grid[grid >= 0][0])
    alpha = decoded(overlay_png(grid, chosen))[::8, ::8, 3]
    assert (alpha[grid == chosen] == 255).all()
    assert (alpha[(grid >= 0) & (grid != chosen)] == 50).all()
    assert (alpha[grid < 0] == 0).all()


def test_the_kept_grid_is_green_where_tiles_were_kept(clustering: Clustering) -> None:
    codes = reason_grid(clustering.workspace, slide_ids(clustering.workspace)[0])
    assert codes is not None
    picture = decoded(kept_png(codes))[::8, ::8]
    np.testing.assert_array_equal(picture[..., 3] > 0, codes == Reason.KEPT)


def test_a_tile_tells_where_it_lies_and_how_wide_it_is(clustering: Clustering) -> None:
    for tile in (0, len(clustering.labels) - 1):
        info = tile_info(clustering, tile)
        assert (info.x0, info.y0) == (clustering.index.x0[tile], clustering.index.y0[tile])
        assert info.slide_id == clustering.index.slide[tile]
        assert info.slide == slide_row(clustering.workspace, info.slide_id)["name"]
        assert 0 <= info.x0 <= info.width - info.side0
        assert 0 <= info.y0 <= info.height - info.side0
        assert info.side_um == pytest.approx(INGEST.mpp * INGEST.tile_px, rel=0.02)
    for missing in (-1, len(clustering.labels)):
        with pytest.raises(TesseraError, match=f"no tile {missing}"):
            tile_info(clustering, missing)
    with pytest.raises(TesseraError, match="no slide 77"):
        label_grid(clustering, 77)


def test_ready_made_tiles_have_a_place_in_no_slide(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "tiles" / "fat").mkdir(parents=True)
    for i in range(6):
        data = simplejpeg.encode_jpeg(draw_texture("fat", np.random.default_rng(i), 64))
        (tmp_path / "tiles" / "fat" / f"{i}.jpg").write_bytes(data)
    ingest_tiles(workspace, tmp_path / "tiles", IngestConfig(tile_px=64))
    control.create(workspace, RunConfig.of({"clustering.clusters": 2}, epochs=1), RUN)
    folder, labels = workspace.run_folder(RUN), np.array([0, 0, 0, 1, 1, 1], np.int32)
    folder.save_distances(0, np.ones(6))
    folder.save_interval(0, labels, Clusters(np.arange(2), np.array([3, 3]), np.zeros((2, 4), np.float32)))
    with workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET interval = 0")
    clustering = open_clustering(workspace, RUN)
    info = tile_info(clustering, 5)
    assert (info.width, info.height, info.kind) == (0, 0, "tiles")
    with pytest.raises(TesseraError, match="no map"):
        label_grid(clustering, info.slide_id)
    assert reason_grid(workspace, info.slide_id) is None
