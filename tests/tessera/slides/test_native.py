"""The native reader against OpenSlide, pixel for pixel."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openslide
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tessera.demo.synthetic import draw_slide
from tessera.slides.native import NativePixels, find_level
from tessera.slides.reader import Slide

from tests.tessera.slides.tiffs import drop_tile, noise, spoil_tile, write_tiff

Image = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 333, 257  # no multiple of any tile size
LAYOUTS = {
    "ycbcr": {"tile": (64, 64)},
    "rgb": {"tile": (64, 64), "space": "rgb"},
    "oblong": {"tile": (96, 48)},
    "one-tile": {"tile": (512, 512)},
}


@pytest.fixture(scope="module", params=LAYOUTS)
def slide(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("native") / "s.svs"
    return write_tiff(
        path, noise(HEIGHT, WIDTH), description="Aperio Image Library|MPP = 0.5", **LAYOUTS[request.param]
    )


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Levels 1, 4 and 16."""
    return draw_slide(tmp_path_factory.mktemp("pyramid") / "s.svs", seed=3, width=1296, height=1040).path


def by_openslide(path: Path, region: tuple[int, int, int, int], level: int = 0) -> Image:
    """White where the slide has no pixels, as a page shows it."""
    x, y, width, height = region
    with openslide.OpenSlide(path) as file:
        factor = round(file.level_downsamples[level])
        rgba = np.asarray(file.read_region((x * factor, y * factor), level, (width, height)))
    return np.where(rgba[..., 3:] == 255, rgba[..., :3], np.uint8(255))


def native(path: Path, level: int = 0) -> NativePixels:
    with openslide.OpenSlide(path) as file:
        found = find_level(path, *file.level_dimensions[level])
    assert found is not None
    return NativePixels(path, found)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    x=st.integers(-40, WIDTH + 40),
    y=st.integers(-40, HEIGHT + 40),
    width=st.integers(1, 200),
    height=st.integers(1, 200),
)
def test_any_region_inside_across_and_outside_the_edges(slide: Path, x: int, y: int, width: int, height: int) -> None:
    pixels = native(slide)
    try:
        np.testing.assert_array_equal(pixels.read(x, y, width, height), by_openslide(slide, (x, y, width, height)))
    finally:
        pixels.close()


def test_slide_takes_the_native_reader_and_says_so(slide: Path) -> None:
    with Slide(slide) as opened:
        pixels, factor = opened.pixels(1.0)
        assert (opened.reader, factor) == ("native", 1)
        pixels.close()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_level_of_a_drawn_pyramid(pyramid: Path, level: int) -> None:
    path = pyramid
    with openslide.OpenSlide(path) as file:
        width, height = file.level_dimensions[level]
    pixels = native(path, level)
    for region in (
        (0, 0, 100, 90),
        (width - 37, height - 41, 37, 41),
        (width - 20, height - 20, 50, 50),
        (31, 17, 97, 83),
    ):
        np.testing.assert_array_equal(pixels.read(*region), by_openslide(path, region, level))
    pixels.close()


@pytest.mark.parametrize(
    ("downsample", "factor"), [(0.5, 1), (1.0, 1), (3.9, 1), (4.0, 4), (15.9, 4), (16.0, 16), (50, 16)]
)
def test_the_coarsest_level_that_is_fine_enough_is_read(pyramid: Path, downsample: float, factor: int) -> None:
    with Slide(pyramid) as slide:
        pixels, found = slide.pixels(downsample)
        assert (found, slide.reader) == (factor, "native")
        region = (5, 7, 60, 50)
        level = {1: 0, 4: 1, 16: 2}[factor]
        np.testing.assert_array_equal(pixels.read(*region), by_openslide(pyramid, region, level))
        pixels.close()


def test_levels_that_are_not_exact_are_passed_over(tmp_path: Path) -> None:
    path = write_tiff(
        tmp_path / "s.tif", noise(600, 500), factors=(1, 2, 3), resolution=(20000, 20000), resolutionunit=3
    )
    with Slide(path) as slide:
        assert slide._file.level_downsamples[2] != 3.0  # 500 / 166
        _, factor = slide.pixels(3.2)
    assert factor == 2


def test_threads_with_forks_read_what_one_thread_reads(slide: Path) -> None:
    pixels = native(slide)
    regions = [(x, y, 50, 40) for x in range(0, 300, 37) for y in range(0, 220, 29)]
    alone = [pixels.read(*region) for region in regions]

    def read(part: list[tuple[int, int, int, int]]) -> list[Image]:
        mine = pixels.fork()
        try:
            return [mine.read(*region) for region in part]
        finally:
            mine.close()

    with ThreadPoolExecutor(4) as pool:
        together = [image for part in pool.map(read, [regions[i::4] for i in range(4)]) for image in part]
    for image, region in zip(together, [region for i in range(4) for region in regions[i::4]], strict=True):
        np.testing.assert_array_equal(image, alone[regions.index(region)])
    pixels.close()


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("name", ["aperio.svs", "generic.tif"])
def test_tiles_that_the_scanner_left_out_look_as_openslide_shows_them(tmp_path: Path, name: str, level: int) -> None:
    path = write_tiff(
        tmp_path / name,
        noise(1024, 1024),
        factors=(1, 2),
        resolution=(20000, 20000),
        resolutionunit=3,
        description="Aperio Image Library|MPP = 0.5" if name == "aperio.svs" else "",
    )
    drop_tile(path, level, 3)  # not among the tiles that are checked when the slide is opened
    with Slide(path) as slide:
        pixels, factor = slide.pixels(1.0 + level)
        assert factor == 1 + level
        region = (180, 0, 100, 80)
        np.testing.assert_array_equal(pixels.read(*region), by_openslide(path, region, level))
        pixels.close()


def test_a_broken_tile_fails_alone_by_either_reader(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "s.svs", noise(1024, 1024), description="Aperio Image Library|MPP = 0.5")
    spoil_tile(path, 0, 3)
    with Slide(path) as slide:
        for pixels in (slide.pixels(1.0)[0], native(path)):
            with pytest.raises(ValueError, match=r"JPEG|decode"):
                pixels.read(200, 0, 30, 30)
            np.testing.assert_array_equal(pixels.read(0, 64, 64, 64), by_openslide(path, (0, 64, 64, 64)))


def test_openslides_reader_goes_on_after_a_broken_region(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "s.svs", noise(512, 512), description="Aperio Image Library|MPP = 0.5")
    spoil_tile(path, 0, 3)
    from tessera.slides.reader import _OpenSlidePixels

    pixels = _OpenSlidePixels(path, 0, 1)
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(pixels.read, 64 * column, 0, 64, 64) for _ in range(4) for column in range(8)]
    for number, future in enumerate(tries):
        if number % 8 == 3:
            with pytest.raises(ValueError, match="does not decode"):
                future.result()
        else:
            assert future.result().shape == (64, 64, 3)


def test_other_files_are_left_to_openslide(tmp_path: Path, shared_data: Path) -> None:
    (tmp_path / "text.tif").write_text("no image")
    assert find_level(tmp_path / "text.tif", 10, 10) is None
    jpeg2000 = shared_data / "slides" / "TCGA-CR-7395-01A-01-TS1.svs"
    assert find_level(jpeg2000, 4443, 3567) is None
    with Slide(jpeg2000, default_mpp=1) as slide:
        pixels, _ = slide.pixels(1.0)
        assert slide.reader == "openslide"
        np.testing.assert_array_equal(pixels.read(2000, 1500, 99, 77), by_openslide(jpeg2000, (2000, 1500, 99, 77)))


@pytest.mark.parametrize("name", ["CMU-1-Small-Region.svs", "her2st_C2.tif", "her2st_C3.tif", "her2st_C6.tif"])
def test_real_slides_at_random_places_and_edges(shared_data: Path, name: str) -> None:
    path = shared_data / "slides" / name
    rng = np.random.default_rng(0)
    with Slide(path) as slide:
        pixels, factor = slide.pixels(1.0)
        assert (slide.reader, factor) == ("native", 1)
        places = [(int(rng.integers(slide.width)), int(rng.integers(slide.height))) for _ in range(12)]
        places += [(slide.width - 100, slide.height - 100), (0, slide.height - 50), (-30, -30)]
        for x, y in places:
            np.testing.assert_array_equal(pixels.read(x, y, 224, 224), by_openslide(path, (x, y, 224, 224)))
        pixels.close()


def test_handles_are_given_back(slide: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(20):
        with Slide(slide) as opened:
            pixels, _ = opened.pixels(1.0)
            pixels.fork().close()
            pixels.close()
    assert len(os.listdir("/proc/self/fd")) <= before + 2  # noqa: PTH208
