from __future__ import annotations

from pathlib import Path

import openslide
import pytest
from tessera.slides.reader import Slide
from tessera.slides.resolution import Resolution, doubt, resolve

from tests.tessera.slides.tiffs import noise, write_tiff

OPENSLIDE = {"openslide.mpp-x": "0.249", "openslide.mpp-y": "0.251"}


def resolve_mpp(properties: dict[str, str], default_mpp: float = 0) -> tuple[float, str] | None:
    found = resolve(properties, default_mpp)
    return None if found is None else (found.mpp, found.source)


APERIO = {"aperio.MPP": "0.30"}
TIFF = {"tiff.ResolutionUnit": "centimeter", "tiff.XResolution": "20000", "tiff.YResolution": "20000"}
POWER = {"openslide.objective-power": "40"}


def test_sources_are_asked_in_the_stated_order() -> None:
    properties = {**POWER, **TIFF, **APERIO, **OPENSLIDE}
    expected = [
        (0.25, "openslide.mpp", OPENSLIDE),
        (0.30, "aperio.MPP", APERIO),
        (0.5, "tiff.resolution", TIFF),
        (0.25, "objective-power", POWER),
    ]
    for value, source, keys in expected:
        assert resolve_mpp(properties, 0.9) == (pytest.approx(value), source)
        properties = {key: text for key, text in properties.items() if key not in keys}
    assert resolve_mpp(properties, 0.9) == (0.9, "default")
    assert resolve_mpp(properties) is None


@pytest.mark.parametrize("power", ["5", "10", "20", "40", "60"])
def test_power_is_the_scanners_convention(power: str) -> None:
    assert resolve_mpp({"openslide.objective-power": power}) == (pytest.approx(10 / float(power)), "objective-power")


def test_nearly_square_pixels_give_the_mean_and_oblong_ones_their_finer_side() -> None:
    nearly = resolve({"openslide.mpp-x": "0.25", "openslide.mpp-y": "0.252"})
    assert nearly is not None
    assert (nearly.mpp, nearly.stretch) == (pytest.approx(0.251), (1.0, 1.0))
    oblong = resolve({"tiff.ResolutionUnit": "centimeter", "tiff.XResolution": "40000", "tiff.YResolution": "20000"})
    assert oblong is not None
    assert (oblong.mpp, oblong.stretch, oblong.source) == (0.25, (1.0, 2.0), "tiff.resolution")


@pytest.mark.parametrize(
    ("size", "unit", "expected"),
    [
        ("0.5", "", 0.5),
        ("0.25", ' PhysicalSizeXUnit="µm" PhysicalSizeYUnit="µm"', 0.25),
        ("250", ' PhysicalSizeXUnit="nm" PhysicalSizeYUnit="nm"', 0.25),
        ("0.0005", ' PhysicalSizeXUnit="mm" PhysicalSizeYUnit="mm"', 0.5),
    ],
)
def test_ome_xml_is_read_in_its_units(size: str, unit: str, expected: float) -> None:
    xml = (
        f'<?xml version="1.0"?><OME><Image><Pixels PhysicalSizeX="{size}" PhysicalSizeY="{size}"{unit} SizeX="9"/>'
        "</Image></OME>"
    )
    assert resolve_mpp({"tiff.ImageDescription": xml}) == (pytest.approx(expected), "ome-xml")


def test_what_is_implausible_is_doubted_and_the_users_word_is_not() -> None:
    power = {"openslide.objective-power": "20"}
    assert doubt(Resolution(0.5, 0.5, "aperio.MPP"), power) == ""
    assert "0.5 are usual at 20x" in doubt(Resolution(1.27, 1.27, "aperio.MPP"), power)
    assert "outside of the usual" in doubt(Resolution(5, 5, "tiff.resolution"), {})
    assert doubt(Resolution(5, 5, "user"), power) == ""


@pytest.mark.parametrize(
    "odd",
    [
        {"openslide.mpp-x": "0", "openslide.mpp-y": "0"},
        {"openslide.mpp-x": "nan", "openslide.mpp-y": "0.5"},
        {"openslide.mpp-x": "-0.5", "openslide.mpp-y": "-0.5"},
        {"openslide.mpp-x": "inf", "openslide.mpp-y": "inf"},
        {"openslide.mpp-x": "0.5"},
        {"aperio.MPP": "unknown"},
        {"tiff.ResolutionUnit": "inch", "tiff.XResolution": "72", "tiff.YResolution": "72"},
        {"tiff.ResolutionUnit": "none", "tiff.XResolution": "20000", "tiff.YResolution": "20000"},
        {"tiff.ResolutionUnit": "centimeter", "tiff.XResolution": "0", "tiff.YResolution": "0"},
        {"openslide.objective-power": "0"},
    ],
)
def test_what_no_scanner_records_is_passed_over(odd: dict[str, str]) -> None:
    assert resolve_mpp(odd) is None
    assert resolve_mpp(odd, 0.7) == (0.7, "default")
    assert resolve_mpp({**odd, **{k: v for k, v in POWER.items() if k not in odd}}) in (
        None,
        (0.25, "objective-power"),
    )


@pytest.mark.parametrize(
    ("description", "tags", "expected"),
    [
        ("Aperio Image Library|AppMag = 40|MPP = 0.2520", {}, (0.252, "openslide.mpp")),
        ("Aperio Image Library|AppMag = 20", {}, (0.5, "objective-power")),
        ("Aperio Image Library", {"resolution": (20000, 20000), "resolutionunit": 3}, (0.5, "tiff.resolution")),
        (
            "Aperio Image Library|AppMag = 40",
            {"resolution": (20000, 20000), "resolutionunit": 3},
            (0.5, "tiff.resolution"),
        ),
        ("", {"resolution": (20000, 20000), "resolutionunit": 3}, (0.5, "openslide.mpp")),
        ("", {"resolution": (72, 72), "resolutionunit": 2}, None),
        ("Aperio Image Library", {}, None),
    ],
)
def test_files_as_scanners_write_them(
    tmp_path: Path, description: str, tags: dict[str, object], expected: tuple[float, str] | None
) -> None:
    path = write_tiff(tmp_path / "s.svs", noise(80, 100), description=description, **tags)
    with Slide(path) as slide:
        assert (slide.mpp, slide.mpp_source) == (
            (None, "") if expected is None else (pytest.approx(expected[0]), expected[1])
        )
    with Slide(path, default_mpp=0.4) as slide:
        assert slide.mpp_source == ("default" if expected is None else expected[1])


def test_real_slides(shared_data: Path) -> None:
    found = {}
    for path in (shared_data / "slides").glob("*.*"):
        if openslide.OpenSlide.detect_format(path):
            with Slide(path) as slide:
                found[path.stem] = (slide.mpp, slide.mpp_source)
    assert found["CMU-1-Small-Region"] == (0.499, "openslide.mpp")
    assert found["her2st_C3"] == (pytest.approx(0.687), "openslide.mpp")
    assert found["TCGA-CR-7395-01A-01-TS1"] == (None, "")
