from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import simplejpeg
from tessera.errors import ConfigError
from tessera.explore.clustering import open_clustering
from tessera.explore.sharpness import measure_sharpness, read_sharpness
from tessera.explore.tile_values import tile_values, value_kinds, values_file

from tests.tessera.planted import RUN, Planted


def test_every_tile_gets_the_code_of_its_slide_the_largest_first(planted: Planted) -> None:
    clustering = open_clustering(planted.workspace, RUN)
    with planted.workspace.ledger.read() as connection:
        names = {row["id"]: row["name"] for row in connection.execute("SELECT id, name FROM slide")}
    found = tile_values(clustering, "slide")
    told = [found.entries[code][0] for code in found.codes.tolist()]
    assert told == [names[slide] for slide in clustering.index.slide[: len(clustering.labels)].tolist()]
    sizes = np.bincount(found.codes)
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)
    assert len({entry[1:] for entry in found.entries}) == len(found.entries)  # all are told apart
    data = values_file(found)
    assert np.frombuffer(data, "<u4", 1)[0] == len(found.codes)
    np.testing.assert_array_equal(np.frombuffer(data, "<i4", offset=4), found.codes)


def test_distance_is_shaded_and_what_is_not_known_is_left_out(planted: Planted) -> None:
    clustering = open_clustering(planted.workspace, RUN)
    distances = np.linspace(0, 10, len(clustering.labels)).astype(np.float16)
    distances[3] = np.nan
    found = tile_values(replace(clustering, distances=distances), "distance")
    assert found.codes[3] == -1
    rest = np.delete(found.codes, 3)
    assert (np.diff(rest) >= 0).all()
    assert rest[0] == 0
    assert rest[-1] == len(found.entries) - 1
    assert float(found.ramp[0]) < 1 < 9 < float(found.ramp[1])


def test_sharpness_falls_when_a_tile_is_blurred_and_only_new_tiles_are_measured(planted: Planted) -> None:
    clustering = open_clustering(planted.workspace, RUN)
    assert "blur" not in value_kinds(clustering)
    with pytest.raises(ConfigError, match="choose one of"):
        tile_values(clustering, "blur")
    found = measure_sharpness(planted.workspace)
    assert np.isfinite(found).all()
    assert "blur" in value_kinds(clustering)
    tile = simplejpeg.decode_jpeg(clustering.store.batch(np.array([0]))[0])
    from tessera.explore.sharpness import _sharp

    assert _sharp(simplejpeg.encode_jpeg(cv2.GaussianBlur(tile, (9, 9), 3))) < found[0]
    before = read_sharpness(planted.workspace)
    np.testing.assert_array_equal(measure_sharpness(planted.workspace), before)
