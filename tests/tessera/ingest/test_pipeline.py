from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import openslide
import pytest
import simplejpeg
from tessera.cli.status import describe, summarise
from tessera.config import IngestConfig
from tessera.demo.synthetic import CLASSES, draw_slide
from tessera.errors import ConfigError, WorkspaceError
from tessera.ingest.commit import recover
from tessera.ingest.pipeline import ingest, single_writer
from tessera.slides.quality import Reason
from tessera.tiles.store import TileStore
from tessera.workspace.folder import Workspace

from tests.tessera.slides.dicom import write_dicom

SMALL = IngestConfig(mpp=0.5, tile_px=128, commit_tiles=60, threads=2)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    for i in range(3):
        draw_slide(folder / f"s{i}.svs", seed=i, width=1600, height=1280)
    return folder


def fingerprint(workspace: Workspace) -> str:
    """One hash over every committed tile: number, slide, place and bytes."""
    digest = hashlib.sha256()
    n = workspace.n_tiles()
    store = TileStore(workspace.tiles_path)
    rows = store.rows(np.arange(n), ["tile_id", "slide", "x0", "y0", "jpeg"]).to_pylist()
    for row in rows:
        digest.update(repr((row["tile_id"], row["slide"], row["x0"], row["y0"])).encode() + row["jpeg"])
    return digest.hexdigest()


def test_every_grid_position_ends_kept_or_dropped_with_a_reason(workspace: Workspace, cohort: Path) -> None:
    report = ingest(workspace, [cohort], SMALL)
    assert report.ok
    assert report.slides_done == 3
    with workspace.ledger.read() as connection:
        slides = connection.execute("SELECT * FROM slide").fetchall()
        for slide in slides:
            codes = np.frombuffer(zlib.decompress(slide["grid"]), np.uint8)
            assert len(codes) == slide["grid_rows"] * slide["grid_columns"]
            counted = dict(
                connection.execute("SELECT reason, n FROM grid_count WHERE slide_id = ?", (slide["id"],)).fetchall()
            )
            assert sum(counted.values()) == len(codes)
            assert counted["kept"] == slide["n_tiles"] == int((codes == Reason.KEPT).sum())
            assert (workspace.slide_folder(slide["id"]) / "thumbnail.jpg").is_file()
            assert (workspace.slide_folder(slide["id"]) / "mask.png").is_file()
    assert workspace.n_tiles() == len(TileStore(workspace.tiles_path)) == report.tiles_added


def test_tiles_hold_the_pixels_of_their_place(workspace: Workspace, tmp_path: Path) -> None:
    drawn = draw_slide(tmp_path / "one.svs", seed=5, width=1600, height=1280)
    ingest(workspace, [drawn.path], SMALL)
    store, index = TileStore(workspace.tiles_path), TileStore(workspace.tiles_path).index()
    import openslide

    with openslide.OpenSlide(drawn.path) as slide:
        for tile in (0, len(index) // 2, len(index) - 1):
            place = (int(index.x0[tile]), int(index.y0[tile]))
            truth = np.asarray(slide.read_region(place, 0, (128, 128)).convert("RGB")).astype(int)
            ours = simplejpeg.decode_jpeg(store.batch(np.array([tile]))[0]).astype(int)
            assert np.abs(truth - ours).mean() < 4  # one JPEG generation apart
    shares = [drawn.class_at(int(x), int(y), 128) for x, y in zip(index.x0, index.y0, strict=True)]
    glass = [share for kind, share in shares if kind < 0]
    assert len(glass) < 0.1 * len(shares)
    assert {kind for kind, _ in shares if kind >= 0} == set(range(len(CLASSES)))


def test_again_adds_only_what_is_new(workspace: Workspace, cohort: Path, tmp_path: Path) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    shutil.copy(cohort / "s0.svs", folder)
    first = ingest(workspace, [folder], SMALL)
    before = fingerprint(workspace)
    again = ingest(workspace, [folder], SMALL)
    assert (again.skipped, again.tiles_added) == (1, 0)
    assert fingerprint(workspace) == before
    shutil.copy(cohort / "s1.svs", folder)
    more = ingest(workspace, [folder], SMALL)
    assert more.slides_done == 1
    assert workspace.n_tiles() == first.tiles_added + more.tiles_added


def test_a_slide_coarser_than_its_tiles_is_taken_in_with_a_word_of_caution(
    workspace: Workspace, tmp_path: Path
) -> None:
    for name, mpp in (("coarse", 0.7), ("alike", 0.51)):
        draw_slide(tmp_path / f"{name}.svs", seed=3, width=1024, height=1024, mpp=mpp)
    report = ingest(workspace, [tmp_path], SMALL)
    assert (report.slides_done, report.problems) == (2, [])
    ((name, caution),) = report.notes
    assert name == "coarse.svs"
    assert "enlarged 1.40 times" in caution
    assert f"coarse.svs {caution}" in report.summary()
    assert [note["reason"] for note in summarise(workspace)["notes"]] == [caution]
    assert caution in describe(summarise(workspace))


def test_a_dicom_slide_gives_the_tiles_of_its_twin(workspace: Workspace, cohort: Path, tmp_path: Path) -> None:
    with openslide.OpenSlide(cohort / "s0.svs") as twin:
        image = np.asarray(twin.read_region((0, 0), 0, twin.dimensions).convert("RGB"))
    folder = tmp_path / "archive" / "series"
    folder.mkdir(parents=True)
    write_dicom(folder / "level0.dcm", image, 0.5)
    report = ingest(workspace, [folder.parent, cohort / "s0.svs"], SMALL)
    assert (report.slides_done, report.problems) == (2, [])
    with workspace.ledger.read() as connection:
        rows = connection.execute("SELECT vendor, mpp, n_tiles, width FROM slide ORDER BY id").fetchall()
    dicom, svs = (dict(row) for row in rows)
    assert (dicom.pop("vendor"), svs.pop("vendor")) == ("dicom", "aperio")
    assert dicom == svs
    index = TileStore(workspace.tiles_path).index()
    of = [set(zip(index.x0[index.slide == s], index.y0[index.slide == s], strict=True)) for s in np.unique(index.slide)]
    assert of[0] == of[1]


def test_a_folder_without_slides_says_what_to_do(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"a picture")
    report = ingest(workspace, [tmp_path], SMALL)
    assert not report.ok
    assert "--tiles" in dict(report.problems)[str(tmp_path)]


def test_bad_files_are_named_and_never_stop_the_others(workspace: Workspace, cohort: Path, tmp_path: Path) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    shutil.copy(cohort / "s0.svs", folder / "a-good.svs")
    shutil.copy(cohort / "s0.svs", folder / "b-same-bytes.svs")
    (folder / "c-zero.svs").touch()
    (folder / "d-text.tif").write_text("not an image")
    data = (cohort / "s1.svs").read_bytes()
    (folder / "e-truncated.svs").write_bytes(data[: len(data) // 3])
    (folder / "f-notes.txt").write_text("hello")
    draw_slide(folder / "g-no-mpp.svs", seed=9, width=512, height=512, mpp=None)
    blank = np.full((512, 512, 3), 244, np.uint8)
    import tifffile

    tifffile.imwrite(folder / "h-glass.tif", blank, tile=(256, 256), resolution=(20000, 20000), resolutionunit=3)
    shutil.copy(cohort / "s2.svs", folder / "z-good.svs")
    report = ingest(workspace, [folder, tmp_path / "missing.svs"], SMALL)
    assert report.slides_done == 2
    problems = dict(report.problems)
    assert "0 bytes" in problems["c-zero.svs"]
    assert "wrong suffix" in problems["d-text.tif"]
    assert "cut short" in problems["e-truncated.svs"]
    assert "--default-mpp" in problems["g-no-mpp.svs"]
    assert "no tile was kept" in problems["h-glass.tif"]
    assert "does not exist" in problems["missing.svs"]
    assert dict(report.ignored)["f-notes.txt"] == "is no slide"
    assert not report.ok
    with workspace.ledger.read() as connection:
        states = dict(connection.execute("SELECT name, state FROM slide").fetchall())
    assert states["b-same-bytes"] == "duplicate"
    assert states["g-no-mpp"] == "set_aside"
    assert states["h-glass"] == "empty"


def test_a_slide_set_aside_comes_in_with_a_default(workspace: Workspace, tmp_path: Path) -> None:
    slide = draw_slide(tmp_path / "s.svs", seed=9, width=1024, height=1024, mpp=None).path
    assert ingest(workspace, [slide], SMALL).slides_set_aside == 1
    again = ingest(workspace, [slide], IngestConfig(mpp=0.5, tile_px=128, default_mpp=0.5))
    assert again.slides_done == 1
    with workspace.ledger.read() as connection:
        row = connection.execute("SELECT state, mpp_source FROM slide").fetchone()
    assert tuple(row) == ("done", "default")


def test_the_cap_keeps_the_same_tiles_each_time_and_a_larger_one_more(tmp_path: Path, cohort: Path) -> None:
    places = []
    for number, cap in enumerate((20, 20, 40)):
        workspace = Workspace.create(tmp_path / f"w{number}")
        report = ingest(
            workspace, [cohort / "s0.svs"], IngestConfig(tile_px=128, max_tiles_per_slide=cap, threads=1 + number)
        )
        assert report.tiles_added == cap
        index = TileStore(workspace.tiles_path).index()
        places.append(set(zip(index.x0.tolist(), index.y0.tolist(), strict=True)))
    assert places[0] == places[1]
    assert places[0] < places[2]


def test_a_workspace_has_one_tile_size(workspace: Workspace, cohort: Path) -> None:
    ingest(workspace, [cohort / "s0.svs"], SMALL)
    with pytest.raises(ConfigError, match="tile_px=128, not 64"):
        ingest(workspace, [cohort / "s1.svs"], IngestConfig(tile_px=64))


def test_two_ingests_at_once_are_refused(workspace: Workspace, cohort: Path) -> None:
    with single_writer(workspace), pytest.raises(WorkspaceError, match="another ingest"):
        ingest(workspace, [cohort], SMALL)


_SCRIPT = """
import os, sys
from pathlib import Path
from tessera.config import IngestConfig
from tessera.ingest.pipeline import ingest
from tessera.workspace.folder import Workspace
root, cohort, point, number = sys.argv[1:]
seen = 0
def at(name):
    global seen
    if name == point:
        seen += 1
        if seen == int(number):
            os.kill(os.getpid(), 9)
config = IngestConfig(mpp=0.5, tile_px=128, commit_tiles=60, threads=2)
ingest(Workspace.create(Path(root)), [Path(cohort)], config, at=at)
"""


def killed_ingest(root: Path, cohort: Path, point: str, number: int) -> int:
    words = [sys.executable, "-W", "ignore", "-c", _SCRIPT, str(root), str(cohort), point, str(number)]
    return subprocess.run(words, check=False, env={**os.environ}).returncode


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("point", ["fragments written", "intent recorded", "store committed", "ledger committed"])
def test_killed_at_any_step_no_tile_is_lost_or_doubled(tmp_path: Path, cohort: Path, point: str, number: int) -> None:
    undisturbed = Workspace.create(tmp_path / "undisturbed")
    ingest(undisturbed, [cohort], SMALL)
    assert killed_ingest(tmp_path / "killed", cohort, point, number) == -9
    killed = Workspace.open(tmp_path / "killed")
    ingest(killed, [cohort], SMALL)
    assert fingerprint(killed) == fingerprint(undisturbed)


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path, cohort: Path) -> None:
    undisturbed = Workspace.create(tmp_path / "undisturbed")
    ingest(undisturbed, [cohort], SMALL)
    words = [sys.executable, "-W", "ignore", "-c", _SCRIPT, str(tmp_path / "killed"), str(cohort), "never", "1"]
    rng = random.Random(1)
    for _ in range(6):
        worker = subprocess.Popen(words)
        try:
            worker.wait(timeout=rng.uniform(2, 8))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
    killed = Workspace.create(tmp_path / "killed")
    ingest(killed, [cohort], SMALL)
    assert fingerprint(killed) == fingerprint(undisturbed)


def test_recovery_without_anything_pending_changes_nothing(workspace: Workspace) -> None:
    recover(workspace)
    assert workspace.n_tiles() == 0


def test_real_slides(workspace: Workspace, shared_data: Path) -> None:
    report = ingest(workspace, [shared_data / "slides"], IngestConfig(max_tiles_per_slide=60))
    assert report.slides_done == 4
    assert report.tiles_added == 60 * 3 + min(60, report.tiles_added - 180)
    with workspace.ledger.read() as connection:
        rows = {row["name"]: row for row in connection.execute("SELECT * FROM slide")}
    assert rows["TCGA-CR-7395-01A-01-TS1"]["state"] == "set_aside"
    assert rows["TCGA-CR-7395-01A-01-TS1"]["patient"] == "TCGA-CR-7395"
    assert rows["TCGA-CR-7395-01A-01-TS1"]["site"] == "CR"
    assert {rows[name]["reader"] for name in rows if rows[name]["state"] == "done"} == {"native"}
