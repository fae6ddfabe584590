"""The device's views against OpenCV's: the same draw shows the same, so that both have one distribution."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import torch
from tessera.demo.synthetic import CLASSES, draw_texture
from tessera.learn.features.device_views import make_views
from tessera.tiles.augment.view import Augment, View, ViewBatch, draw_stain

Image = npt.NDArray[np.uint8]
NONE = View((0, 0, 64, 64), 0, None, 0, 0)


@pytest.fixture(scope="module")
def tiles() -> list[Image]:
    kinds = tuple(CLASSES)[:4]
    return [np.ascontiguousarray(draw_texture(kind, np.random.default_rng(7), 224)) for kind in kinds]


def on_device(tiles: list[Image], views: list[View], side: int) -> npt.NDArray[np.int64]:
    batch = torch.from_numpy(np.stack(tiles)).permute(0, 3, 1, 2)
    return make_views(batch, ViewBatch.of(views), side).permute(0, 2, 3, 1).numpy().astype(int)


def by_opencv(tiles: list[Image], views: list[View], side: int) -> npt.NDArray[np.int64]:
    augment = Augment(side, 0.3, 0.05)
    return np.stack([augment.show(tiles[i % len(tiles)], view) for i, view in enumerate(views)]).astype(int)


def alone(**changes: object) -> View:
    return View(**{**NONE.__dict__, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("symmetry", range(8))
def test_each_symmetry_is_exactly_the_same(tiles: list[Image], symmetry: int) -> None:
    corner = [tiles[0][:64, :64]]
    view = [alone(symmetry=symmetry)]
    np.testing.assert_array_equal(on_device(corner, view, 64), by_opencv(corner, view, 64))


@pytest.mark.parametrize(
    ("side", "mean", "most"), [(224, 0.3, 2), (300, 0.3, 2), (160, 2, 40), (96, 2, 40)]
)  # means over what a pixel covers are of samples here, and exact there
def test_crops_of_any_place_and_shape(tiles: list[Image], side: int, mean: float, most: int) -> None:
    augment = Augment(side, 0.3, 0)
    drawn = [augment.draw(224, 224, np.random.default_rng(i)) for i in range(24)]
    views = [View(view.box, view.symmetry, None, 0, 0) for view in drawn]
    apart = np.abs(on_device(tiles, views, side) - by_opencv(tiles, views, side))
    assert apart.mean(axis=(1, 2, 3)).max() < mean
    assert apart.max() <= most


@pytest.mark.parametrize(
    ("views", "mean", "most"),
    [
        ([alone(stain=draw_stain(0.2, np.random.default_rng(i))) for i in range(8)], 0.1, 1),
        ([alone(sigma=sigma) for sigma in (0.1, 0.3, 0.6, 1.0)], 0.5, 3),
    ],
    ids=["stain", "blur"],
)
def test_each_step_alone(tiles: list[Image], views: list[View], mean: float, most: int) -> None:
    corners = [np.ascontiguousarray(tile[:64, :64]) for tile in tiles]
    found, expected = on_device(corners, views, 64), by_opencv(corners, views, 64)
    whole = np.stack([corners[i % len(corners)] for i in range(len(views))]).astype(int)
    assert np.abs(expected - whole).mean() > 5 * np.abs(found - expected).mean()  # the step does something
    assert np.abs(found - expected).mean() < mean
    assert np.abs(found - expected).max() <= most


@pytest.mark.parametrize("side", [64, 50])  # the second is no multiple of a block
@pytest.mark.parametrize("quality", [50, 64, 80, 95])
def test_jpeg_is_that_of_the_reference_library(tiles: list[Image], quality: int, side: int) -> None:
    """libjpeg's exact transform; the CPU's own views take its fast one, which is off by a level or two."""
    corner, packed = np.ascontiguousarray(tiles[2][:side, :side]), io.BytesIO()
    PIL.Image.fromarray(corner).save(packed, "JPEG", quality=quality, subsampling=0)
    expected = np.asarray(PIL.Image.open(packed)).astype(int)
    found = on_device([corner], [alone(box=(0, 0, side, side), quality=quality)], side)[0]
    assert np.abs(found - expected).mean() < 0.6
    assert np.abs(corner - expected).mean() > 3 * np.abs(found - expected).mean()  # it does lose something
    by_cpu = by_opencv([corner], [alone(box=(0, 0, side, side), quality=quality)], side)[0]
    assert np.abs(found - by_cpu).mean() < 2.5


@pytest.mark.parametrize("statistic", [np.mean, np.std], ids=["mean", "spread"])
def test_whole_views_have_the_same_distribution(tiles: list[Image], statistic: Callable[..., float]) -> None:
    augment = Augment(96, 0.3, 0.05)
    views = [augment.draw(224, 224, np.random.default_rng((5, i))) for i in range(200)]
    found, expected = on_device(tiles, views, 96), by_opencv(tiles, views, 96)
    assert np.abs(found - expected).mean() < 2
    of_views = [statistic(images, axis=(1, 2)) for images in (found, expected)]
    np.testing.assert_allclose(
        np.quantile(of_views[0], [0, 0.25, 0.5, 0.75, 1], axis=0),
        np.quantile(of_views[1], [0, 0.25, 0.5, 0.75, 1], axis=0),
        atol=1.5,
    )


def test_second_crops_are_of_the_same_tiles(tiles: list[Image]) -> None:
    views = [alone(symmetry=0)] * len(tiles) + [alone(symmetry=1)] * len(tiles)
    corners = [np.ascontiguousarray(tile[:64, :64]) for tile in tiles]
    found = on_device(corners, views, 64)
    np.testing.assert_array_equal(found[len(tiles) :], found[: len(tiles), :, ::-1])
