from __future__ import annotations

import errno
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tessera.config import IngestConfig
from tessera.demo.synthetic import draw_slide
from tessera.errors import WorkspaceError
from tessera.ingest.archive.catalogue import Catalogue
from tessera.ingest.archive.coordinator import stream
from tessera.ingest.archive.ledger import read_stream, request, retry_failed, totals, troubles
from tessera.ingest.pipeline import ingest, single_writer
from tessera.workspace.folder import Workspace

from tests.standins.gdc_server import Fault, StandIn
from tests.tessera.ingest.streaming import (
    SMALL,
    fill,
    left_over,
    name_of,
    reasons,
    run,
    settings,
    source,
    states,
    tile_set,
)

pytestmark = pytest.mark.usefixtures("no_waiting")


def test_streamed_tiles_are_those_of_an_ingest_from_disk(
    workspace: Workspace, archive: StandIn, drawn: list[Path], tmp_path: Path
) -> None:
    ids = fill(archive, drawn)
    config = settings(archive)
    report = run(workspace, config)
    assert report.ok
    assert report.slides_done == 5
    assert left_over(workspace) == []
    assert set(states(workspace).values()) == {"committed"}
    local = Workspace.create(tmp_path / "local")
    folder = tmp_path / "slides"
    folder.mkdir()
    for i, path in enumerate(drawn):
        (folder / name_of(i)).write_bytes(path.read_bytes())
    ingest(local, [folder], SMALL)
    assert tile_set(workspace) == tile_set(local)
    with workspace.ledger.read() as connection, local.ledger.read() as other:
        columns = "name, state, patient, site, sample_type, width, height, mpp, sha256, size_bytes, n_tiles, hex(grid)"
        query = f"SELECT {columns} FROM slide ORDER BY name"
        assert [tuple(row) for row in connection.execute(query)] == [tuple(row) for row in other.execute(query)]
        row = connection.execute("SELECT * FROM slide WHERE name = 'TCGA-A1-0001-01Z-00-DX1'").fetchone()
        assert (row["project"], row["patient"], row["site"]) == ("TCGA-BRCA", "TCGA-A1-0001", "A1")
        assert row["sample_type"] == "Primary Tumor"
        assert (workspace.slide_folder(row["id"]) / "thumbnail.jpg").is_file()
        assert (
            connection.execute("SELECT value FROM meta WHERE key = 'gdc_release'").fetchone()[0] == "Data Release 44.0"
        )
    row_ = read_stream(workspace)
    assert row_ is not None
    assert (row_.state, row_.slides_held) == ("finished", 0)
    assert 0 < row_.high_water <= config.slide_budget
    again = run(workspace, config)
    assert (again.skipped, again.tiles_added) == (5, 0)
    assert sum(len(archive.gets(one)) for one in ids) == 5


def test_the_disk_never_holds_more_than_the_budget(workspace: Workspace, archive: StandIn) -> None:
    rng = random.Random(3)
    for i in range(40):  # no slides, but of random sizes: each is fetched, verified, found broken and deleted
        archive.add(f"TCGA-AA-{i:04d}-01Z-00-DX1.svs", b"II*\0" + rng.randbytes(rng.randrange(1_000, 90_000)))
    config = settings(archive, slide_budget=120_000)
    folder, most = workspace.root / "stream" / "slides", [0]

    def look(_: str) -> None:
        sizes = []
        for path in folder.rglob("*"):
            try:
                sizes.append(path.stat().st_size if path.is_file() else 0)
            except FileNotFoundError:
                continue
        most[0] = max(most[0], sum(sizes))

    report = run(workspace, config, at=look)
    assert report.slides_failed == 40
    assert 60_000 < most[0] <= 120_000
    row = read_stream(workspace)
    assert row is not None
    assert row.high_water <= 120_000
    assert archive.most_active <= 4
    assert left_over(workspace) == []
    assert len(troubles(workspace)) == 1  # one reason, forty slides


def test_bad_slides_are_named_and_never_stop_the_others(
    workspace: Workspace, archive: StandIn, drawn: list[Path], tmp_path: Path
) -> None:
    ids = fill(archive, drawn)
    no_mpp = draw_slide(tmp_path / "no-mpp.svs", seed=9, width=512, height=512, mpp=None).path
    archive.add("TCGA-OL-A5RX-01Z-00-DX1.svs", no_mpp.read_bytes())
    archive.add("TCGA-ZZ-0001-01Z-00-DX1.svs", drawn[0].read_bytes()[:20_000])  # md5-correct and no slide
    archive.add("TCGA-ZZ-0002-01Z-00-DX1.svs", drawn[1].read_bytes())  # the same bytes under two names
    archive.add("../TCGA-ZZ-0003.svs", b"II*\0")
    forbidden = archive.add("TCGA-ZZ-0004-01Z-00-DX1.svs", b"II*\0 4")
    archive.script(forbidden, Fault("status", 403, body=b'{"message": "not yet released"}'))
    archive.script(ids[2], *[Fault("status", 500)] * 100)
    archive.script(ids[3], Fault("wrong-bytes"), Fault("wrong-bytes"))
    import cv2
    import numpy as np
    import tifffile

    glass = tmp_path / "glass.tif"
    tifffile.imwrite(
        glass, np.full((512, 512, 3), 244, np.uint8), tile=(256, 256), resolution=(20000, 20000), resolutionunit=3
    )
    archive.add("TCGA-BR-4362-01Z-00-DX1.tif", glass.read_bytes())
    assert cv2.__version__
    report = run(workspace, settings(archive))
    assert report.slides_done == 3
    assert (report.slides_empty, report.duplicates, report.slides_failed, report.slides_set_aside) == (1, 1, 4, 2)
    why = reasons(workspace)
    assert "--default-mpp" in why["TCGA-OL-A5RX-01Z-00-DX1.svs"]
    assert "not yet released" in why["TCGA-ZZ-0004-01Z-00-DX1.svs"]
    assert "internal server error" in why[name_of(2)]
    assert "another md5" in why[name_of(3)]
    assert "contains a path" in why["../TCGA-ZZ-0003.svs"]
    assert states(workspace)["TCGA-ZZ-0001-01Z-00-DX1.svs"] == "failed"
    assert left_over(workspace) == []
    assert not report.ok
    archive.faults.clear()
    assert retry_failed(workspace, why[name_of(2)]) == 1
    assert retry_failed(workspace) == 4  # the one without a resolution among them; no rejected entry, no twin
    again = stream(workspace, None, settings(archive), SMALL)  # what the page's button starts
    assert again.slides_done == 2
    assert states(workspace)[name_of(3)] == "committed"


def test_bytes_that_are_no_slide_fail_at_once_with_their_reason(
    workspace: Workspace, archive: StandIn, drawn: list[Path]
) -> None:
    fill(archive, drawn[:1])
    bad = archive.add("TCGA-A1-A999-01Z-00-DX1.svs", b"not a slide" * 500)  # size and md5 are right
    report = run(workspace, settings(archive, rounds=4, round_wait_s=300))
    assert (report.slides_done, report.slides_failed) == (1, 1)
    assert "not a slide format" in reasons(workspace)["TCGA-A1-A999-01Z-00-DX1.svs"]
    assert len(archive.gets(bad)) == 1


def test_tiles_are_committed_while_other_slides_wait_for_a_round(
    workspace: Workspace, archive: StandIn, drawn: list[Path]
) -> None:
    ids = fill(archive, drawn[:2])
    archive.script(ids[1], *[Fault("status", 500)] * 4)
    seen: list[tuple[int, str]] = []

    def look(name: str) -> None:
        row = read_stream(workspace)
        if name == "ledger committed" and row is not None:
            seen.append((workspace.n_tiles(), states(workspace)[name_of(1)]))
            with workspace.ledger.write() as connection:
                connection.execute("UPDATE stream SET want = 'stop'")

    config = settings(archive, rounds=4, round_wait_s=300, commit_every_s=3600, connections=1)
    run(workspace, config, at=look)
    assert [state for _, state in seen] == ["queued"]
    assert seen[0][0] > 0
    assert "internal server error" in reasons(workspace)[name_of(1)]


def test_a_slide_with_a_broken_region_is_kept_up_to_one_percent(
    workspace: Workspace, archive: StandIn, tmp_path: Path
) -> None:
    import tifffile

    path = draw_slide(tmp_path / "large.svs", seed=1, width=2560, height=1280).path
    damaged = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        middle = len(page.dataoffsets) // 2
        damaged[page.dataoffsets[middle] : page.dataoffsets[middle] + 200] = b"\0" * 200
    archive.add(name_of(1), bytes(damaged))
    report = run(workspace, settings(archive), ingest=IngestConfig(mpp=0.5, tile_px=256, commit_tiles=50, threads=2))
    with workspace.ledger.read() as connection:
        counts = dict(connection.execute("SELECT reason, n FROM grid_count").fetchall())
    assert report.slides_done == 1
    assert counts["unreadable"] == 1
    assert counts["kept"] > 1


def test_a_retired_slide_is_fetched_under_its_present_id(
    workspace: Workspace, archive: StandIn, drawn: list[Path]
) -> None:
    ids = fill(archive, drawn[:2])
    config = settings(archive)
    catalogue = source(config).catalogue()
    entry = archive.entries.pop(ids[0])
    new = archive.add(name_of(0), entry.data, file_id="present-id")

    class Listed:
        def describe(self) -> str:
            return "an old list"

        def catalogue(self) -> Any:
            return catalogue

    report = stream(workspace, Listed(), config, SMALL)
    assert report.ok
    assert report.slides_done == 2
    assert len(archive.gets(new)) == 1
    del archive.entries[new]
    other = Workspace.create(workspace.root.parent / "other")
    assert stream(other, Listed(), config, SMALL).slides_failed == 1
    assert "names no present version" in reasons(other)[name_of(0)]


def test_a_full_disk_pauses_and_goes_on(workspace: Workspace, archive: StandIn, drawn: list[Path]) -> None:
    fill(archive, drawn)
    left = {"verifying": 0, "chunk": 2, "shard written": 2}

    def full(name: str) -> None:
        if left.get(name, 0) > 0:
            left[name] -= 1
            raise OSError(errno.ENOSPC, "No space left on device")

    report = run(workspace, settings(archive), at=full)
    assert report.ok
    assert report.slides_done == 5
    assert set(left.values()) == {0}


def test_the_floor_of_free_space_is_waited_for(workspace: Workspace, archive: StandIn, drawn: list[Path]) -> None:
    fill(archive, drawn)
    asked = [0]
    messages = set()

    def free() -> int:
        asked[0] += 1
        row = read_stream(workspace)
        if row is not None:
            messages.add(row.message)
        return 10**9 if len(messages) > 1 else 10**6

    report = run(workspace, settings(archive, free_floor=10**7), free=free)
    assert report.slides_done == 5
    assert any("floor" in message for message in messages)


def test_kept_tiles_end_the_ingest_at_their_budget(workspace: Workspace, archive: StandIn, drawn: list[Path]) -> None:
    fill(archive, drawn)
    largest = max(path.stat().st_size for path in drawn)
    config = settings(archive, tile_budget=round(1.55 * largest), connections=1)  # 1.5 is reserved for the largest
    report = run(workspace, config, ingest=IngestConfig(mpp=0.5, tile_px=64, commit_tiles=10, threads=2))
    assert 0 < report.slides_done < 5
    assert report.ok
    assert "left in the queue; continue with `tessera ingest --go-on --tile-budget" in report.ended
    assert f"{5 - report.slides_done} slide" in report.ended
    assert totals(workspace)["queued"].slides == 5 - report.slides_done
    assert run(workspace, settings(archive, tile_budget=10**9)).slides_done == 5 - report.slides_done


def test_pause_stops_the_flow_within_a_second_and_go_on_resumes_by_range(
    workspace: Workspace, archive: StandIn, drawn: list[Path]
) -> None:
    ids = fill(archive, drawn[:1])
    archive.script(ids[0], Fault("stall", after=50_000))
    failed: list[BaseException] = []
    arrived = threading.Event()

    def work() -> None:
        try:
            run(
                workspace,
                settings(archive, read_timeout_s=60),
                at=lambda name: arrived.set() if name == "chunk" else None,
            )
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
            failed.append(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    assert arrived.wait(20)
    request(workspace, "pause")
    began = time.monotonic()
    while (row := read_stream(workspace)) is None or row.state != "paused":
        assert time.monotonic() - began < 20, row
    assert states(workspace)[name_of(0)] == "reserved"
    request(workspace, "run")
    worker.join(30)
    assert not worker.is_alive()
    assert failed == []
    assert states(workspace)[name_of(0)] == "committed"
    assert "range" not in archive.gets(ids[0])[0].headers
    assert archive.gets(ids[0])[1].headers["range"].startswith("bytes=")


def test_stop_keeps_the_part_and_the_next_ingest_goes_on(
    workspace: Workspace, archive: StandIn, drawn: list[Path]
) -> None:
    ids = fill(archive, drawn[:1])
    archive.script(ids[0], Fault("stall", after=50_000))

    def stop(name: str) -> None:
        if name == "chunk" and (workspace.root / "stream").rglob("*.part"):
            request(workspace, "stop")

    report = run(workspace, settings(archive, read_timeout_s=60), at=stop)
    assert "stopped as requested" in dict(report.problems)["the ingest"]
    row = read_stream(workspace)
    assert row is not None
    assert row.state == "stopped"
    parts = [name for name in left_over(workspace) if name.endswith(".part")]
    assert len(parts) == 1
    assert row.slides_held == 50_000 == (workspace.root / "stream" / "slides" / "worker-0" / parts[0]).stat().st_size
    assert totals(workspace).keys() == {"downloading"}
    assert row.high_water > 0
    with workspace.ledger.write() as connection:  # as of more slides at once than are left now
        connection.execute("UPDATE stream SET high_water = 10 * high_water")
    assert stream(workspace, None, settings(archive), SMALL).slides_done == 1
    after = read_stream(workspace)
    assert after is not None
    assert (after.source, after.high_water) == (row.source, 10 * row.high_water)
    assert after.source == "GDC TCGA: Diagnostic Slide"
    assert archive.gets(ids[0])[1].headers["range"].startswith("bytes=")


def test_sources_of_one_queue_are_all_named_and_of_the_next_only_its_own(
    workspace: Workspace, archive: StandIn, drawn: list[Path]
) -> None:
    class Other:
        def describe(self) -> str:
            return "another list"

        def catalogue(self) -> Catalogue:
            return source(config).catalogue()

    fill(archive, drawn[:2])
    largest = max(path.stat().st_size for path in drawn[:2])
    config = settings(archive, tile_budget=round(1.55 * largest), connections=1)
    assert run(workspace, config).slides_done == 1
    config = settings(archive)
    stream(workspace, Other(), config, SMALL)
    row = read_stream(workspace)
    assert row is not None
    assert row.source == "GDC TCGA: Diagnostic Slide; another list"
    stream(workspace, Other(), config, SMALL)
    row = read_stream(workspace)
    assert row is not None
    assert row.source == "another list"


def test_rubbish_and_parts_beyond_the_budget_are_deleted(
    workspace: Workspace, archive: StandIn, drawn: list[Path]
) -> None:
    ids = fill(archive, drawn)
    folder = workspace.root / "stream" / "slides" / "worker-0"
    folder.mkdir(parents=True)
    (folder / "unknown.svs.part").write_bytes(b"x" * 1000)
    for one in ids:
        (folder / f"{one}.svs.part").write_bytes(archive.entries[one].data[:1000])
    config = settings(archive)
    assert run(workspace, config).slides_done == 5
    resumed = [one for one in ids if "range" in archive.gets(one)[0].headers]
    assert 0 < len(resumed) < 5
    assert left_over(workspace) == []


def test_a_server_that_counts_connections_gets_fewer(workspace: Workspace, archive: StandIn, drawn: list[Path]) -> None:
    fill(archive, drawn)
    archive.most_connections = 1
    archive.bytes_per_second = 3_000_000
    report = run(workspace, settings(archive, attempts=50, slide_budget=10**9))
    assert report.slides_done == 5


def test_two_ingests_at_once_are_refused(workspace: Workspace, archive: StandIn, drawn: list[Path]) -> None:
    fill(archive, drawn[:1])
    with single_writer(workspace), pytest.raises(WorkspaceError, match="another ingest"):
        run(workspace, settings(archive))
    with pytest.raises(WorkspaceError, match="no archive ingest"):
        request(workspace, "pause")
