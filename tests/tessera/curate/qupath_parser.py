"""Reads GeoJSON as QuPath does.

The rules of its PathIO, GsonTools and QuPathTypeAdapters, as strict as its own code.
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OBJECT_TYPES = {"annotation", "detection", "tile", "cell", "tmaCore", "root"}


@dataclass(frozen=True)
class PathObject:
    id: uuid.UUID
    kind: str
    name: str
    class_names: tuple[str, ...]
    colour: tuple[int, ...]
    box: tuple[float, float, float, float]
    measurements: dict[str, float]
    metadata: dict[str, str]


def read(path: Path) -> list[PathObject]:
    assert path.name.endswith((".geojson", ".json", ".geojson.gz"))
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    top = json.loads(data.decode("utf-8"))
    assert top["type"] == "FeatureCollection"
    objects = [_feature(feature) for feature in top["features"]]
    assert len({item.id for item in objects}) == len(objects), "QuPath asks what to do with ids that come twice"
    return objects


def _feature(feature: dict[str, Any]) -> PathObject:
    assert feature["type"] == "Feature"
    assert "objectType" not in feature, "at feature level it is ignored, and the object becomes an annotation"
    properties = feature["properties"]
    kind = properties["objectType"]
    assert kind in OBJECT_TYPES
    classes, colour = _classification(properties["classification"])
    measurements = properties["measurements"]
    assert all(isinstance(v, int | float) and math.isfinite(v) for v in measurements.values())
    metadata = properties["metadata"]
    assert all(isinstance(v, str | int | float | bool) for v in metadata.values())
    assert isinstance(properties["name"], str)
    return PathObject(
        uuid.UUID(feature["id"]),
        kind,
        properties["name"],
        classes,
        colour,
        _polygon(feature["geometry"]),
        measurements,
        {key: str(value) for key, value in metadata.items()},
    )


def _classification(value: Any) -> tuple[tuple[str, ...], tuple[int, ...]]:
    if isinstance(value, str):
        return (value,), ()
    assert "name" in value or "names" in value
    assert "color" in value, "an object without colour is a parse error: nothing of the file is imported"
    colour = value["color"]
    assert isinstance(colour, list)
    assert len(colour) in (3, 4)
    assert all(isinstance(part, int) and 0 <= part <= 255 for part in colour)
    names = value.get("names") or [part.strip() for part in value["name"].split(":")]
    for name in names:
        assert name.strip()
        assert name == name.strip()
        assert "\n" not in name
    return tuple(names), tuple(colour)


def _polygon(geometry: dict[str, Any]) -> tuple[float, float, float, float]:
    assert geometry["type"] == "Polygon"
    assert "coordinates" in geometry
    (ring,) = geometry["coordinates"]
    assert len(ring) >= 4
    assert ring[0] == ring[-1], "a ring that is not closed is refused"
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))
    assert area != 0
    xs, ys = zip(*ring, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
