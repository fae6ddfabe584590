"""Deep Zoom tiles against OpenSlide's own generator and against the drawn pixels."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openslide
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from openslide.deepzoom import DeepZoomGenerator
from tessera.demo.synthetic import draw_slide
from tessera.errors import SlideError
from tessera.slides.viewer.deepzoom import DeepZoom, Geometry
from tessera.slides.viewer.open_slides import OpenSlides
from tessera.slides.viewer.views import SlideViews

from tests.tessera.slides.tiffs import noise, spoil_tile, write_tiff

ABOUT = "Aperio Image Library|MPP = 0.5"


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_slide(tmp_path_factory.mktemp("deepzoom") / "s.svs", seed=5, width=1616, height=1232).path


@pytest.fixture
def zoom(pyramid: Path) -> Iterator[DeepZoom]:
    opened = DeepZoom(pyramid)
    yield opened
    opened.close()


class _Sized:
    """As much of a slide as OpenSlide's generator asks for."""

    def __init__(self, width: int, height: int) -> None:
        self.level_dimensions, self.level_downsamples = ((width, height),), (1.0,)
        self.dimensions, self.level_count, self.properties, self.color_profile = (width, height), 1, {}, None

    def get_best_level_for_downsample(self, _: float) -> int:
        return 0


@given(width=st.integers(1, 200_000), height=st.integers(1, 200_000))
def test_levels_and_tiles_are_those_of_openslides_generator(width: int, height: int) -> None:
    ours = Geometry(width, height)
    other = DeepZoomGenerator(_Sized(width, height), ours.tile_px, ours.overlap_px)  # type: ignore[arg-type]
    assert ours.n_levels == other.level_count
    assert tuple(ours.size(level) for level in range(ours.n_levels)) == other.level_dimensions
    assert tuple(ours.grid(level) for level in range(ours.n_levels)) == other.level_tiles
    level = ours.n_levels - 1
    columns, rows = ours.grid(level)
    for column, row in {(0, 0), (columns - 1, rows - 1), (columns // 2, rows // 2)}:
        left, top, right, bottom = ours.box(level, column, row)
        assert other.get_tile_dimensions(level, (column, row)) == (right - left, bottom - top)
        assert other.get_tile_coordinates(level, (column, row))[0] == (left, top)


def test_the_finest_level_is_the_slide_itself(zoom: DeepZoom, pyramid: Path) -> None:
    level = zoom.geometry.n_levels - 1
    columns, rows = zoom.geometry.grid(level)
    with openslide.OpenSlide(pyramid) as file:
        whole = np.asarray(file.read_region((0, 0), 0, file.dimensions))[..., :3]
    for column in range(columns):
        for row in range(rows):
            left, top, right, bottom = zoom.geometry.box(level, column, row)
            np.testing.assert_array_equal(zoom.tile(level, column, row), whole[top:bottom, left:right])


def test_coarser_levels_show_what_openslides_generator_shows(zoom: DeepZoom, pyramid: Path) -> None:
    with openslide.OpenSlide(pyramid) as file:
        other = DeepZoomGenerator(file, zoom.geometry.tile_px, zoom.geometry.overlap_px)
        for level in range(zoom.geometry.n_levels - 1):
            columns, rows = zoom.geometry.grid(level)
            for column, row in {(0, 0), (columns - 1, rows - 1)}:
                ours = zoom.tile(level, column, row).astype(float)
                theirs = np.asarray(other.get_tile(level, (column, row)).convert("RGB")).astype(float)
                assert ours.shape == theirs.shape
                assert abs(ours - theirs).mean() < 12, (level, column, row)  # another filter, another JPEG
                assert abs(ours.mean() - theirs.mean()) < (3 if ours.size > 1000 else 12)


def test_neighbours_agree_where_they_overlap(zoom: DeepZoom) -> None:
    for level in (zoom.geometry.n_levels - 1, zoom.geometry.n_levels - 2):
        left, right = zoom.tile(level, 0, 0), zoom.tile(level, 1, 0)
        np.testing.assert_array_equal(
            left[:, -2 * zoom.geometry.overlap_px :], right[:, : 2 * zoom.geometry.overlap_px]
        )


def test_a_slide_without_a_pyramid_is_put_together_from_quarters(tmp_path: Path) -> None:
    image = noise(400, 6000)
    path = write_tiff(tmp_path / "flat.svs", image, description=ABOUT)
    overview = tmp_path / "overview.jpg"
    overview.write_bytes(simplejpeg.encode_jpeg(np.zeros((4, 60, 3), np.uint8)))  # 1/100: too coarse to be used at 1/32
    zoom = DeepZoom(path, overview)
    level = zoom.geometry.n_levels - 6
    assert zoom.geometry.downsample(level) == 32
    tile = zoom.tile(level, 0, 0)
    assert tile.shape == (13, 188, 3)
    expected = image[: 12 * 32, : 187 * 32].reshape(12, 32, 187, 32, 3).mean(axis=(1, 3))
    assert abs(tile[:12, :187] - expected).mean() < 6
    assert zoom.tile(0, 0, 0).max() < 20  # and the coarsest levels come from the overview
    zoom.close()


def test_a_tile_that_does_not_exist_is_an_error_that_names_what_does(zoom: DeepZoom) -> None:
    for level, column, row in ((99, 0, 0), (-1, 0, 0), (zoom.geometry.n_levels - 1, 7, 0), (0, 0, 1)):
        with pytest.raises(ValueError, match=r"no level|none at column"):
            zoom.jpeg(level, column, row)


def test_a_part_that_does_not_decode_fails_alone(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "s.svs", noise(600, 1100), tile=(256, 256), description=ABOUT)
    spoil_tile(path, 0, 0)
    overview = tmp_path / "overview.jpg"
    overview.write_bytes(simplejpeg.encode_jpeg(noise(60, 110)))
    zoom = DeepZoom(path, overview)
    level = zoom.geometry.n_levels - 1
    with pytest.raises(SlideError, match="cannot be read"):
        zoom.jpeg(level, 0, 0)
    assert simplejpeg.decode_jpeg_header(zoom.jpeg(level, 3, 1))[:2] == (256, 256)
    zoom.close()


def test_many_threads_get_the_tiles_that_one_gets(pyramid: Path) -> None:
    slides = OpenSlides()
    with slides.use(pyramid) as zoom:
        wanted = [(level, 0, 0) for level in range(zoom.geometry.n_levels)] * 3
        alone = [zoom.jpeg(*place) for place in wanted]
    slides.close()

    def read(place: tuple[int, int, int]) -> bytes:
        with slides.use(pyramid) as shared:
            return shared.jpeg(*place)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(read, wanted)) == alone
    slides.close()
    assert len(slides) == 0


def test_only_the_last_slides_stay_open_and_a_reader_keeps_its_own(tmp_path: Path) -> None:
    paths = [write_tiff(tmp_path / f"{i}.svs", noise(256, 256, i), description=ABOUT) for i in range(4)]
    slides = OpenSlides(most=2)
    reading, go_on = threading.Event(), threading.Event()
    read: list[bytes] = []

    def slow_reader() -> None:
        with slides.use(paths[0]) as zoom:
            reading.set()
            go_on.wait(30)
            read.append(zoom.jpeg(zoom.geometry.n_levels - 1, 0, 0))

    thread = threading.Thread(target=slow_reader)
    thread.start()
    reading.wait(30)
    for path in paths[1:]:
        with slides.use(path):
            assert len(slides) <= 2
    go_on.set()
    thread.join()
    assert read[0].startswith(b"\xff\xd8")  # it was dropped while it was read, and closed only then
    slides.close()


def test_a_slide_that_is_replaced_is_opened_anew_and_one_that_is_gone_says_so(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "s.svs", noise(300, 300), description=ABOUT)
    slides = OpenSlides()
    with slides.use(path) as zoom:
        assert zoom.geometry.width == 300
        assert zoom.mpp == 0.5
    write_tiff(path, noise(300, 420), description=ABOUT)
    with slides.use(path) as zoom:
        assert zoom.geometry.width == 420
    assert len(slides) == 1
    path.unlink()
    with pytest.raises(SlideError, match="no longer there"), slides.use(path):
        pass
    slides.close()


@pytest.mark.parametrize(("x0", "y0"), [(512, 512), (0, 0), (1500, 1100)])
def test_surroundings_are_those_of_the_slide(zoom: DeepZoom, pyramid: Path, x0: int, y0: int) -> None:
    side = 128
    got = zoom.around(x0, y0, side, times=3, side_px=3 * side)
    canvas = np.full((3 * side, 3 * side, 3), 255, np.uint8)
    with openslide.OpenSlide(pyramid) as slide:
        whole = np.asarray(slide.read_region((0, 0), 0, slide.dimensions).convert("RGB"))
    left, top = x0 - side, y0 - side
    part = whole[max(top, 0) : top + 3 * side, max(left, 0) : left + 3 * side]
    y, x = max(-top, 0), max(-left, 0)
    canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
    assert np.abs(got.astype(int) - canvas).mean() < 1
    assert zoom.around(x0, y0, side, side_px=96).shape == (96, 96, 3)


def test_children_give_the_tiles_that_are_read_here_and_poison_ends_only_them(
    zoom: DeepZoom, pyramid: Path, tmp_path: Path
) -> None:
    from tests.tessera.slides.child.test_children import huge_tiles

    views, none = SlideViews(), tmp_path / "none.jpg"
    level = zoom.geometry.n_levels - 1
    assert views.tile(pyramid, none, level, 1, 1) == zoom.jpeg(level, 1, 1)
    assert views.around(pyramid, none, 256, 256, 128) == zoom.around_jpeg(256, 256, 128)
    swapped = huge_tiles(tmp_path / "s.svs")
    for _ in range(2):
        with pytest.raises(SlideError):
            views.tile(swapped, none, 8, 0, 0)
    assert views.tile(pyramid, none, level, 0, 0) == zoom.jpeg(level, 0, 0)
    with pytest.raises(SlideError, match="no longer there"):
        views.tile(tmp_path / "gone.svs", none, level, 0, 0)
    views.close()
