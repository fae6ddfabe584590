"""Poison: files that crash, hang or overfill the process that reads them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
from tessera.config import IngestConfig
from tessera.demo.synthetic import draw_slide
from tessera.errors import SlideError
from tessera.ingest.cut import Wanted, cut
from tessera.ingest.pipeline import ingest
from tessera.slides.child.child import Budget, Child
from tessera.slides.child.children import Children, ClosedError, PoisonError
from tessera.slides.problems import TooLargeError
from tessera.workspace.folder import Workspace

from tests.tessera.slides.tiffs import _overwrite, _tag, noise, write_tiff

SMALL = IngestConfig(mpp=0.5, tile_px=64, threads=2)


@pytest.fixture
def children() -> Iterator[Children]:
    some = Children()
    yield some
    some.close()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_slide(tmp_path_factory.mktemp("good") / "z-good.svs", seed=2, width=640, height=640).path


def huge_tiles(path: Path) -> Path:
    """A sound TIFF of which the tiles claim 2^30 pixels a side: GLib aborts the process that opens it."""
    write_tiff(path, noise(256, 256), resolution=(20000, 20000), resolutionunit=3)
    for name in ("TileWidth", "TileLength"):
        start, width = _tag(path, 0, name)
        with tifffile.TiffFile(path) as tiff:
            tag = tiff.pages[0].tags[name]
            where, kind = tag.offset, tag.dtype
        _overwrite(path, where + 2, (4).to_bytes(2, "little")) if kind == 3 else None
        _overwrite(path, start, (1 << 30).to_bytes(4, "little"))
        assert width in (2, 4)
    return path


def test_a_slide_that_kills_its_reader_fails_and_the_cohort_goes_on(
    workspace: Workspace, good: Path, tmp_path: Path
) -> None:
    poison = huge_tiles(tmp_path / "a-poison.tif")
    report = ingest(workspace, [poison, good], SMALL)
    assert (report.slides_failed, report.slides_done) == (1, 1)
    assert report.problems[0][0] == "a-poison.tif"
    again = ingest(workspace, [poison, good], SMALL)
    assert (again.slides_failed, again.skipped) == (1, 1)


def test_the_poison_of_the_attack(shared_data: Path, workspace: Workspace, good: Path, tmp_path: Path) -> None:
    (tmp_path / "tw_huge.tif").write_bytes((shared_data / "cases" / "hostile" / "tw_huge.tif").read_bytes())
    report = ingest(workspace, [tmp_path, good], SMALL)
    assert (report.slides_failed, report.slides_done) == (1, 1)
    assert "crashed" in report.problems[0][1] or "memory" in report.problems[0][1] or "damaged" in report.problems[0][1]


def test_a_slide_that_hangs_is_given_up_after_two_tries(children: Children, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "s.svs")  # opening it waits for ever
    began = time.monotonic()
    hasty = IngestConfig(tile_px=64, slide_silence=1)
    with pytest.raises(PoisonError, match="gave no answer"):
        cut(children, Wanted(tmp_path / "s.svs", "0" * 64), hasty)
    assert 2 <= time.monotonic() - began < 60


def test_claimed_pixels_have_a_budget(children: Children, good: Path) -> None:
    stingy = IngestConfig(tile_px=64, slide_pixels=1_000_000)
    big = draw_slide(good.with_name("big.svs"), seed=1, width=1280, height=1280).path
    with pytest.raises(TooLargeError, match=r"1,280 x 1,280 px.*slide_pixels"):
        cut(children, Wanted(big, "0" * 64), stingy)
    big.unlink()


def test_memory_has_a_budget_and_the_next_slide_does_not_pay(children: Children, good: Path, tmp_path: Path) -> None:
    wide = tmp_path / "wide.tif"
    blank = np.full((64, 3_000_000, 3), 240, np.uint8)  # 576 MB in one strip
    tifffile.imwrite(wide, blank, rowsperstrip=64, compression="deflate", resolution=(20000, 20000), resolutionunit=3)
    stingy = IngestConfig(tile_px=64, slide_memory=100_000_000)
    with pytest.raises(SlideError):
        cut(children, Wanted(wide, "0" * 64), stingy)
    assert cut(children, Wanted(good, "0" * 64), SMALL).tiles


def test_a_child_killed_from_outside_is_replaced(children: Children, good: Path) -> None:
    first = cut(children, Wanted(good, "0" * 64), SMALL)
    os.kill(children._idle[0].pid, signal.SIGKILL)
    assert [tile.jpeg for tile in cut(children, Wanted(good, "0" * 64), SMALL).tiles] == [
        tile.jpeg for tile in first.tiles
    ]


def test_closing_ends_what_is_under_way(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "s.svs")
    children, raised = Children(), []

    def ask() -> None:
        with pytest.raises(ClosedError):
            cut(children, Wanted(tmp_path / "s.svs", "0" * 64), SMALL)
        raised.append(True)

    thread = threading.Thread(target=ask)
    thread.start()
    deadline = time.monotonic() + 60
    while not children._busy and time.monotonic() < deadline:
        os.sched_yield()
    children.close()
    thread.join(60)
    assert raised


def test_a_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    child = Child()
    process = psutil.Process(child.pid)
    child._wire.close()  # what the kernel does when the parent is gone
    assert process.wait(60) == 0


def test_the_budget_of_time_counts_from_the_request(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "s.svs")
    with pytest.raises(PoisonError):
        Children().ask(
            "tessera.ingest.slide_task:task",
            {"path": str(tmp_path / "s.svs"), "config": {}, "sha256": ""},
            Budget(seconds=1),
        )
