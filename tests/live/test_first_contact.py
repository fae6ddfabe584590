"""Ten minutes with the real GDC, once: what the stand-in assumes, checked. Run with `pytest -m live tests/live -s`.

It asks for one slide of about half a megabyte. What it logs belongs into the stand-in when it differs.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest
from tessera.config import StreamConfig
from tessera.ingest.archive.budget import Reservation
from tessera.ingest.archive.catalogue import RemoteSlide
from tessera.ingest.archive.download import Downloader, Halt
from tessera.ingest.archive.gdc import GdcClient, GdcSource, Token
from tessera.ingest.archive.http import make_client, send

logger = logging.getLogger(__name__)
pytestmark = pytest.mark.live

CONFIG = StreamConfig()
MIRROR = "https://tcga-2-open.s3.amazonaws.com"


@pytest.fixture(scope="module")
def smallest() -> RemoteSlide:
    """The smallest diagnostic slide of stomach cancer; a few there have under 0.5 MB."""
    slides = GdcSource(CONFIG, ["TCGA-STAD"], ["Diagnostic Slide"]).catalogue().slides
    return min(slides, key=lambda slide: slide.size_bytes)


def test_the_whole_programme_is_listed() -> None:
    found = GdcSource(CONFIG, ["TCGA"], ["Diagnostic Slide"]).catalogue()
    logger.warning("%s: %d diagnostic slides, %d rejected", found.release, len(found.slides), len(found.rejected))
    assert len(found.slides) > 11_000
    assert found.rejected == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_headers(smallest: RemoteSlide, method: str) -> None:
    with make_client(CONFIG) as client, client.stream(method, smallest.urls[0]) as response:
        logger.warning("%s: %s %s", method, response.status_code, dict(response.headers))
        if method == "GET":
            assert response.status_code == 200
            assert int(response.headers["content-length"]) == smallest.size_bytes


def test_ranges(smallest: RemoteSlide) -> None:
    with make_client(CONFIG) as client:
        response = send(client, smallest.urls[0], {"Range": "bytes=100-"})
        logger.warning("Range: %s %s", response.status_code, dict(response.headers))
        assert response.status_code == 206
        assert response.headers["content-range"] == f"bytes 100-{smallest.size_bytes - 1}/{smallest.size_bytes}"
        response.close()


@pytest.mark.parametrize("mirror", ["", MIRROR])
def test_bytes_have_the_md5_of_the_catalogue(smallest: RemoteSlide, mirror: str, tmp_path: Path) -> None:
    urls = (f"{mirror}/{smallest.file_id}/{smallest.name}",) if mirror else smallest.urls
    slide = RemoteSlide(smallest.file_id, smallest.name, smallest.size_bytes, smallest.md5, urls)
    _, part = (downloader := Downloader(tmp_path, CONFIG, Token("", CONFIG.gdc_url))).paths(slide)
    fetched = downloader.fetch(slide, Halt(), Reservation(slide.size_bytes, 0), lambda: None)
    data = fetched.path.read_bytes()
    assert hashlib.md5(data).hexdigest() == smallest.md5
    fetched.path.unlink()
    part.write_bytes(data[: len(data) // 2])
    again = downloader.fetch(slide, Halt(), Reservation(slide.size_bytes, 0), lambda: None)
    assert again.moved_bytes == len(data) - len(data) // 2
    downloader.close()


def test_versions(smallest: RemoteSlide) -> None:
    with GdcClient(CONFIG) as client:
        latest = client.latest([smallest.file_id])
    logger.warning("versions: %s", latest)
    assert latest.get(smallest.file_id, smallest.file_id) == smallest.file_id
