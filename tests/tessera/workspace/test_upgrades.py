"""An upgrade loses nothing.

Ledgers of every released schema open, whoever is killed in a migration, and newer ones are refused.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tessera.curate.decisions.history import history
from tessera.curate.decisions.state import state_of
from tessera.errors import WorkspaceError
from tessera.runs import figures
from tessera.runs.rows import list_runs, open_run
from tessera.workspace import schema
from tessera.workspace.folder import Workspace

from tests.tessera.planted import Planted

LEDGERS = Path(__file__).parent / "ledgers"
RELEASED = sorted(int(path.stem.split("_")[1]) for path in LEDGERS.glob("schema_*.sql"))
OPEN = "from pathlib import Path; from tessera.workspace.folder import Workspace; Workspace.open(Path({root!r}))"
# Every statement that SQLite is given is counted, and the process killed before the last of them.
KILLED = """
import os, signal, sqlite3
connect, left = sqlite3.connect, {after}
def counted(*words, **more):
    connection = connect(*words, **more)
    def trace(_):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    connection.set_trace_callback(trace)
    return connection
sqlite3.connect = counted
"""


def old_workspace(root: Path, version: int) -> Path:
    """A workspace folder with a ledger of a released schema, and its rows."""
    root.mkdir()
    with closing(sqlite3.connect(root / "ledger.sqlite")) as connection:
        connection.executescript((LEDGERS / f"schema_{version}.sql").read_text())
        connection.executescript((LEDGERS / "rows.sql").read_text())
    (root / "runs" / "old").mkdir(parents=True)
    return root


def assert_nothing_is_lost(workspace: Workspace) -> None:
    (run,) = list_runs(workspace)
    assert (run.id, run.name, run.state, run.interval, run.n_tiles, run.digest) == (
        4,
        "old",
        "finished",
        2,
        7,
        "d1gest",
    )
    assert [(m.name, m.value) for m in figures.metrics(run)] == [("nmi", 0.5)]
    assert [event.text for event in figures.events(run)] == ["it was so"]
    assert [(d.author, d.kind, d.value) for d in history(workspace, "old")][:2] == [
        ("osler", "name", "stroma"),
        ("virchow", "mark", "artefact"),
    ]
    state = state_of(workspace, "old")
    assert (state.names, state.marks) == ({0: "stroma"}, {1: "artefact"})
    with workspace.ledger.read() as connection:
        slides = connection.execute(
            "SELECT name, state, project, patient, patient_source FROM slide ORDER BY id"
        ).fetchall()
        assert list(map(tuple, slides)) == [("one", "done", "", "P-1", "barcode"), ("two", "set_aside", "", "", "")]
        assert connection.execute("SELECT count(*) FROM remote_slide").fetchone()[0] == 0
        assert connection.execute("SELECT path FROM export").fetchone()[0] == "/archive/out"
        assert connection.execute("PRAGMA user_version").fetchone()[0] == schema.SCHEMA_VERSION
        assert connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"


def columns(path: Path) -> dict[str, list[str]]:
    """The columns of every table, in any order: a migrated table has new ones at its end."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: sorted(row[1] for row in connection.execute(f"PRAGMA table_info({table})")) for table in tables}


def test_there_is_a_ledger_of_every_schema() -> None:
    assert [1, *(version + 1 for version in schema.MIGRATIONS)][-1] == schema.SCHEMA_VERSION
    assert set(RELEASED) >= set(schema.MIGRATIONS)


@pytest.mark.parametrize("version", RELEASED)
def test_a_ledger_of_each_released_schema_opens_with_everything(tmp_path: Path, version: int) -> None:
    root = old_workspace(tmp_path / "w", version)
    before = (root / "ledger.sqlite").read_bytes()
    for _ in range(2):
        assert_nothing_is_lost(Workspace.open(root))
    new = Workspace.create(tmp_path / "new")
    assert columns(root / "ledger.sqlite") == columns(new.ledger.path)
    copy = schema.backup_path(root / "ledger.sqlite", version)
    assert copy.exists() is (version != schema.SCHEMA_VERSION)
    if copy.exists():  # the old version can be gone back to
        with closing(sqlite3.connect(copy)) as kept, closing(sqlite3.connect(":memory:")) as was:
            was.deserialize(before)
            assert list(kept.iterdump()) == list(was.iterdump())


@pytest.mark.slow
def test_a_migration_that_is_killed_at_any_statement_is_made_whole_by_the_next_start(tmp_path: Path) -> None:
    untouched = old_workspace(tmp_path / "old", 1)
    kills = 0
    while True:
        root = tmp_path / f"w{kills}"
        shutil.copytree(untouched, root)
        script = KILLED.format(after=kills) + OPEN.format(root=str(root))
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        with closing(sqlite3.connect(root / "ledger.sqlite")) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            has_project = "project" in [row[1] for row in connection.execute("PRAGMA table_info(slide)")]
        assert (version, has_project) in ((1, False), (schema.SCHEMA_VERSION, True))  # nothing in between
        assert_nothing_is_lost(Workspace.open(root))
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        kills += 1
    assert kills > 10  # as many as there are statements


def test_two_processes_that_open_an_old_ledger_at_once_migrate_it_once(tmp_path: Path) -> None:
    root = old_workspace(tmp_path / "w", 1)
    command = [sys.executable, "-c", OPEN.format(root=str(root))]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in both:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert_nothing_is_lost(Workspace.open(root))


def make_newer(path: Path, written_by: str | None) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
        connection.execute("DELETE FROM meta WHERE key = ?", (schema.WRITER_KEY,))
        if written_by:
            connection.execute("INSERT INTO meta VALUES (?, ?)", (schema.WRITER_KEY, written_by))
        connection.commit()


@pytest.mark.parametrize(
    ("written_by", "install"), [("0.9.1", "tessera-pathology>=0.9.1"), (None, "--upgrade tessera-pathology")]
)
def test_a_newer_workspace_is_refused_with_what_to_install(
    workspace: Workspace, written_by: str | None, install: str
) -> None:
    make_newer(workspace.ledger.path, written_by)
    before = workspace.ledger.path.read_bytes()
    with pytest.raises(WorkspaceError, match=install):
        Workspace.open(workspace.root)
    assert workspace.ledger.path.read_bytes() == before


def test_a_process_whose_workspace_is_upgraded_under_it_writes_nothing_more(workspace: Workspace) -> None:
    with workspace.ledger.write() as connection:
        connection.execute("INSERT INTO label (name) VALUES ('before')")
    make_newer(workspace.ledger.path, "0.9.1")
    with pytest.raises(WorkspaceError, match="upgraded while this process had it open"), workspace.ledger.write():
        pytest.fail("it was let in")
    with workspace.ledger.read() as connection:
        assert connection.execute("SELECT count(*) FROM label").fetchone()[0] == 1


@pytest.mark.parametrize("damage", ["gone", "empty", "no tables", "garbage", "cut short", "another database"])
def test_a_lost_or_damaged_ledger_is_never_silently_new(planted: Planted, damage: str) -> None:
    path, root = planted.workspace.ledger.path, planted.workspace.root
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    whole = path.read_bytes()
    path.unlink()
    if damage in ("empty", "garbage", "cut short"):
        path.write_bytes({"empty": b"", "garbage": os.urandom(9000), "cut short": whole[: len(whole) // 2]}[damage])
    elif damage != "gone":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE something (x)")
            if damage == "no tables":
                connection.execute("DROP TABLE something")
    before = path.read_bytes() if path.exists() else b""
    for door in (Workspace.open, Workspace.create):
        with pytest.raises(WorkspaceError) as refused:  # noqa: PT012
            workspace = door(root)
            open_run(workspace, "planted")  # a ledger that was cut short may open, and is found out by what is missing
        assert "put back a copy" in str(refused.value) or "something else" in str(refused.value)
    assert (path.read_bytes() if path.exists() else b"") == before


def test_a_workspace_is_private_to_who_made_it(tmp_path: Path) -> None:
    assert Workspace.create(tmp_path / "w").root.stat().st_mode & 0o777 == 0o700
    (tmp_path / "shared").mkdir(mode=0o770)
    (tmp_path / "shared").chmod(0o770)
    assert Workspace.create(tmp_path / "shared").root.stat().st_mode & 0o777 == 0o770  # as its owner wants it
