"""A disk that fills up: a clear reason, nothing half-done, and the same command goes on when there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tessera.cli import main
from tessera.curate.export.log import list_exports
from tessera.curate.export.write import export
from tessera.errors import RunError, StoreError, TesseraError, WorkspaceError
from tessera.tiles.store import TileStore, record_batch
from tessera.workspace import files
from tessera.workspace.folder import Workspace
from tessera.workspace.run_folder import RunFolder

from tests.tessera.planted import RUN, Planted, draw_sources

Resize = Callable[[int], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Resize]]:
    """A file system in memory whose size in kB can be changed."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options: str) -> int:
        command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
        return subprocess.run(command, check=False, capture_output=True).returncode

    try:
        mounted = mount("-o", "size=64k") == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("this user cannot mount a small disk")
    try:
        yield folder, lambda kilobytes: os.sync() or None if mount("-o", f"remount,size={kilobytes}k") else None
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def leave_room(folder: Path, kilobytes: int) -> Path:
    """Fill the disk but for this; gives the file that fills it."""
    ballast = folder / "ballast"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with ballast.open("wb") as stream:
        stream.write(b"\0" * max(free - 1024 * kilobytes, 0))
    return ballast


def test_a_file_is_written_whole_or_not_at_all(disk: tuple[Path, Resize]) -> None:
    folder, _ = disk
    files.write_bytes(folder / "kept", b"old")
    with pytest.raises(OSError, match="No space"):
        files.write_bytes(folder / "kept", b"x" * 200_000)
    assert (folder / "kept").read_bytes() == b"old"
    assert [path.name for path in folder.iterdir()] == ["kept"]


def test_a_bank_that_does_not_fit_is_an_error_and_no_crash(disk: tuple[Path, Resize]) -> None:
    """Writing to a memory map beyond the disk would kill the process with SIGBUS."""
    folder, resize = disk
    runs = RunFolder(folder / "run")
    with pytest.raises(OSError, match="No space"):
        runs.open_bank((1000, 128))
    with pytest.raises(RunError, match="no features"):
        runs.open_bank()
    resize(2000)
    bank = runs.open_bank((1000, 128))
    assert bank.shape == (1000, 128)
    assert np.isnan(bank).all()


def test_a_store_on_a_full_disk_keeps_what_it_has(disk: tuple[Path, Resize]) -> None:
    folder, resize = disk
    resize(400)
    store = TileStore(folder / "tiles.lance")
    store.append([record_batch(0, 1, [(0, 0, 8, -1, "", b"a" * 1000)] * 3)])
    large = record_batch(3, 1, [(0, 0, 8, -1, "", os.urandom(10_000)) for _ in range(100)])
    with pytest.raises(StoreError, match="cannot write"):
        store.append([large])
    assert len(TileStore(store.path)) == 3
    resize(4000)
    fragments = store.write([large])
    ballast = leave_room(folder, 0)
    with pytest.raises(StoreError, match="cannot commit"):
        store.commit(fragments)
    ballast.unlink()
    assert len(TileStore(store.path)) == 3
    assert store.commit(fragments) == 103


def test_a_ledger_on_a_full_disk_says_so_and_keeps_what_it_has(disk: tuple[Path, Resize]) -> None:
    folder, resize = disk
    with pytest.raises(WorkspaceError, match="full"):
        Workspace.create(folder / "w")
    resize(2000)
    workspace = Workspace.create(folder / "w")
    with workspace.ledger.write() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', '1')")
    ballast = leave_room(folder, 0)
    with pytest.raises(WorkspaceError, match="full"), workspace.ledger.write() as connection:  # noqa: PT012
        for i in range(100):
            connection.execute("INSERT INTO meta VALUES (?, ?)", (str(i), "x" * 10_000))
    ballast.unlink()
    with workspace.ledger.read() as connection:
        assert [tuple(row) for row in connection.execute("SELECT * FROM meta WHERE key != 'tessera_version'")] == [
            ("a", "1")
        ]


@pytest.mark.parametrize("format", ["imagefolder", "parquet"])
def test_an_export_to_a_full_disk_is_taken_back(disk: tuple[Path, Resize], planted: Planted, format: str) -> None:
    folder, resize = disk
    with pytest.raises(TesseraError, match=r"nothing was written.*No space"):
        export(planted.workspace, RUN, folder / "out", clusters="all", format=format)
    assert list(folder.iterdir()) == []
    (row,) = list_exports(planted.workspace)
    assert row.state == "failed"
    assert "No space" in row.message
    resize(4000)
    assert export(planted.workspace, RUN, folder / "out", clusters="all", format=format).n_tiles > 50


@pytest.mark.slow
def test_an_ingest_goes_on_wherever_the_disk_was_full(
    disk: tuple[Path, Resize], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk grows in small steps, so that each kind of write has its turn to fail."""
    folder, resize = disk
    sources = draw_sources(tmp_path)
    words = [
        "ingest",
        *map(str, sources),
        "--mpp",
        "0.7",
        "--tile-px",
        "96",
        "--threads",
        "1",
        "--set",
        "commit_tiles=40",
    ]
    assert main.main([*words, "--workspace", str(tmp_path / "undisturbed")]) == 0
    said: list[str] = []
    for kilobytes in range(200, 12_000, 150):
        resize(kilobytes)
        capsys.readouterr()
        if main.main([*words, "--workspace", str(folder / "w")]) == 0:
            break
        said.append(capsys.readouterr().err)
    assert len(said) > 3
    for message in said:
        assert "full" in message or "No space" in message, message
        assert "Traceback" not in message
    grown, undisturbed = Workspace.open(folder / "w"), Workspace.open(tmp_path / "undisturbed")
    assert grown.n_tiles() == undisturbed.n_tiles() == len(TileStore(grown.tiles_path))
    assert tiles_of(grown) == tiles_of(undisturbed)


def tiles_of(workspace: Workspace) -> list[dict[str, object]]:
    ids = np.arange(workspace.n_tiles())
    rows: list[dict[str, object]] = TileStore(workspace.tiles_path).rows(ids, ["slide", "x0", "y0", "jpeg"]).to_pylist()
    return rows
