"""What OpenSlide refuses and is read all the same.

Pixels against an independent reader, and true words for the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from tessera.slides.opened import open_file
from tessera.slides.problems import DamagedError, NoSlideError, UnsupportedError
from tessera.slides.reader import Slide
from tessera.slides.resolution import Resolution
from tessera.slides.stretched import StretchedPixels

from tests.tessera.slides.tiffs import noise

PIXELS = noise(300, 420)
CM = {"resolution": (20000, 20000), "resolutionunit": 3}


@pytest.mark.parametrize(
    "how",
    [
        {"rowsperstrip": 16},
        {"rowsperstrip": 16, "compression": "lzw", "predictor": True},
        {"rowsperstrip": 16, "byteorder": ">"},
        {"tile": (64, 64), "byteorder": ">", "compression": "zlib"},
        {"tile": (64, 64), "compression": "webp"},
        {"tile": (64, 64), "compression": "jpegxl"},
        {"tile": (64, 64), "compression": "jpeg2000"},
        {"rowsperstrip": 300, "compression": "zstd"},
    ],
    ids=lambda how: " ".join(map(str, how.values())),
)
def test_sound_tiffs_are_read_exactly(tmp_path: Path, how: dict[str, Any]) -> None:
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, PIXELS, photometric="rgb", **CM, **how)
    truth = tifffile.imread(path)
    with Slide(path) as slide:
        assert (slide.width, slide.height, slide.mpp) == (420, 300, pytest.approx(0.5))
        reader, factor = slide.pixels(1)
        assert factor == 1
        assert slide.reader == "tifffile"
        np.testing.assert_array_equal(reader.read(0, 0, 420, 300), truth)
        np.testing.assert_array_equal(reader.read(57, 33, 100, 90), truth[33:123, 57:157])
        outside = reader.read(400, 280, 64, 64)
        np.testing.assert_array_equal(outside[:20, :20], truth[280:, 400:])
        assert (outside[20:] == 255).all()
        assert np.abs(slide.thumbnail().mean((0, 1)) - truth.mean((0, 1))).max() < 2


def test_grey_16_bit_and_inverted_strips(tmp_path: Path) -> None:
    grey = PIXELS[..., 0]
    tifffile.imwrite(
        tmp_path / "deep.tif", grey.astype(np.uint16) << 8, photometric="minisblack", rowsperstrip=20, **CM
    )
    tifffile.imwrite(tmp_path / "inverted.tif", 255 - grey, photometric="miniswhite", rowsperstrip=20, **CM)
    for name in ("deep", "inverted"):
        with Slide(tmp_path / f"{name}.tif") as slide:
            np.testing.assert_array_equal(slide.pixels(1)[0].read(0, 0, 420, 300), np.repeat(grey[..., None], 3, -1))


@pytest.mark.parametrize("suffix", ["png", "jpg", "jp2", "webp"])
def test_pictures_are_read_as_pillow_reads_them(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"s.{suffix}"
    Image.fromarray(PIXELS).save(path)
    with Image.open(path) as image:
        truth = np.asarray(image.convert("RGB"))
    with Slide(path, default_mpp=0.5) as slide:
        np.testing.assert_array_equal(slide.pixels(1)[0].read(10, 20, 200, 100), truth[20:120, 10:210])
        assert (slide.reader, slide.mpp_source) == ("picture", "default")


def test_damaged_unsupported_and_no_slide_are_told_apart(tmp_path: Path) -> None:
    sound = tmp_path / "sound.tif"
    tifffile.imwrite(sound, PIXELS, photometric="rgb", rowsperstrip=16, **CM)
    cut = tmp_path / "cut.tif"
    cut.write_bytes(sound.read_bytes()[:-100_000])
    with pytest.raises(DamagedError, match=r"cut short or damaged.*fetch it again"):
        open_file(cut)
    cmyk = tmp_path / "cmyk.tif"
    tifffile.imwrite(cmyk, np.zeros((64, 64, 4), np.uint8), photometric="separated", rowsperstrip=16, **CM)
    with pytest.raises(UnsupportedError, match=r"is sound.*vips tiffsave"):
        open_file(cmyk)
    (tmp_path / "text.tif").write_text("hello")
    with pytest.raises(NoSlideError):
        open_file(tmp_path / "text.tif")


def test_oblong_pixels_become_square() -> None:
    class Plain:
        def read(self, x: int, y: int, width: int, height: int) -> np.ndarray:
            return PIXELS[y : y + height, x : x + width]

        def fork(self) -> Plain:
            return self

        def close(self) -> None:
            pass

    oblong = Resolution(0.5, 1.0, "tiff.resolution")
    assert (oblong.mpp, oblong.stretch) == (0.5, (1.0, 2.0))
    square = StretchedPixels(Plain(), oblong.stretch).read(20, 40, 64, 64)
    assert square.shape == (64, 64, 3)
    stored = PIXELS[20:52, 20:84]  # 64 x 32 stored pixels are 64 x 64 square ones
    assert np.abs(square.reshape(32, 2, 64, 3).mean(1) - stored).mean() < 6
