from __future__ import annotations

from pathlib import Path

import numpy as np
import openslide
import pytest
from tessera.demo.synthetic import CLASSES, GLASS, draw_slide, draw_texture


def test_a_drawn_slide_opens_and_shows_what_its_map_says(tmp_path: Path) -> None:
    drawn = draw_slide(tmp_path / "s.svs", seed=1, width=1600, height=1200)
    with openslide.OpenSlide(drawn.path) as slide:
        assert slide.dimensions == (1600, 1200)
        assert float(slide.properties["openslide.mpp-x"]) == 0.5
        picture = np.asarray(slide.read_region((0, 0), 0, (1600, 1200)).convert("RGB"))
    glass = np.kron(drawn.class_map == GLASS, np.ones((16, 16), bool))
    assert picture[glass].mean() > 235
    assert picture[~glass].mean() < 215
    present = set(np.unique(drawn.class_map)) - {GLASS}
    assert present == set(range(len(CLASSES)))


def test_the_same_seed_draws_the_same_bytes(tmp_path: Path) -> None:
    first = draw_slide(tmp_path / "a.svs", seed=3, width=512, height=512)
    second = draw_slide(tmp_path / "b.svs", seed=3, width=512, height=512)
    np.testing.assert_array_equal(first.class_map, second.class_map)
    with openslide.OpenSlide(first.path) as a, openslide.OpenSlide(second.path) as b:
        assert a.read_region((0, 0), 0, (512, 512)).tobytes() == b.read_region((0, 0), 0, (512, 512)).tobytes()


def test_a_slide_without_resolution_records_none(tmp_path: Path) -> None:
    drawn = draw_slide(tmp_path / "s.svs", seed=1, width=512, height=512, mpp=None)
    with openslide.OpenSlide(drawn.path) as slide:
        assert "openslide.mpp-x" not in slide.properties


def test_textures_differ_in_colour_and_grain() -> None:
    rng = np.random.default_rng(0)
    means = {kind: draw_texture(kind, rng, 256).reshape(-1, 3).mean(axis=0) for kind in CLASSES}
    for one in CLASSES:
        for other in CLASSES:
            assert one == other or np.abs(means[one] - means[other]).max() > 5
    with pytest.raises(KeyError):
        draw_texture("bone", rng)
