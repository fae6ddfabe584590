from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tessera.config import IngestConfig
from tessera.demo.synthetic import draw_slide
from tessera.errors import StoreError
from tessera.ingest.commit import recover
from tessera.ingest.pipeline import ingest
from tessera.tiles.store import TileStore, record_batch
from tessera.workspace.folder import Workspace


def payload(tile: int) -> bytes:
    return f"tile {tile} ".encode() * (1 + tile % 7)


def tiles(first: int, n: int, slide: int = 1) -> pa.RecordBatch:
    rows = ((10 * i, 20 * i, 224, i % 3 - 1, f"t{i}", payload(i)) for i in range(first, first + n))
    return record_batch(first, slide, rows)


@pytest.fixture
def store(tmp_path: Path) -> TileStore:
    return TileStore(tmp_path / "tiles.lance")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> TileStore:
    """100 tiles in three commits."""
    store = TileStore(tmp_path_factory.mktemp("full") / "tiles.lance")
    for first, n in ((0, 30), (30, 50), (80, 20)):
        store.append([tiles(first, n, slide=first)])
    return store


def test_an_empty_store_answers(store: TileStore) -> None:
    assert (len(store), store.version) == (0, 0)
    assert len(store.index()) == 0
    assert list(store.scan(["slide"])) == []
    assert store.batch(np.array([], np.int64)) == []
    with pytest.raises(StoreError, match="holds 0 tiles"):
        store.batch(np.array([0]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(st.integers(0, 99), max_size=60))
def test_any_order_and_repeats_come_as_asked(full: TileStore, ids: list[int]) -> None:
    assert full.batch(np.array(ids, np.int64)) == [payload(i) for i in ids]
    assert full.rows(np.array(ids, np.int64), ["tile_id", "name"]).to_pylist() == [
        {"tile_id": i, "name": f"t{i}"} for i in ids
    ]


@pytest.mark.parametrize(("ids", "named"), [([100], 100), ([3, -1], -1), ([5, 10**9], 10**9)])
def test_a_tile_that_does_not_exist_is_named(full: TileStore, ids: list[int], named: int) -> None:
    with pytest.raises(StoreError, match=f"holds 100 tiles; tile {named} does not exist"):
        full.batch(np.array(ids))


def test_scan_and_index_follow_the_tile_numbers(full: TileStore) -> None:
    numbers = np.concatenate([batch["tile_id"].to_numpy() for batch in full.scan(["tile_id"])])
    np.testing.assert_array_equal(numbers, np.arange(100))
    index = full.index()
    np.testing.assert_array_equal(index.x0, 10 * np.arange(100))
    np.testing.assert_array_equal(index.slide, np.repeat([0, 30, 80], [30, 50, 20]))
    np.testing.assert_array_equal(index.label, np.arange(100) % 3 - 1)


def test_what_is_written_is_seen_only_when_committed(store: TileStore) -> None:
    store.append([tiles(0, 5)])
    fragments = store.write([tiles(5, 5), tiles(10, 2)])
    assert len(TileStore(store.path)) == 5
    again = TileStore(store.path).write([tiles(5, 1)])  # written by a process that was killed before its commit
    assert store.commit(fragments) == 12
    reopened = TileStore(store.path)
    assert reopened.batch(np.arange(12)) == [payload(i) for i in range(12)]
    assert again  # its fragments are still nobody's
    assert store.commit([]) == 12


def test_fragments_of_several_writers_are_committed_together(store: TileStore) -> None:
    parts = [TileStore(store.path).write([tiles(first, 10)]) for first in (0, 10, 20)]
    assert store.commit([fragment for part in parts for fragment in part]) == 30
    assert store.batch(np.arange(30)) == [payload(i) for i in range(30)]


def test_rubbish_of_a_killed_first_ingest_is_no_store(store: TileStore) -> None:
    assert store.write([tiles(0, 5)])
    assert len(TileStore(store.path)) == 0
    assert store.append([tiles(0, 3)]) == 3


def test_a_run_reads_its_version_while_the_store_grows(store: TileStore) -> None:
    store.append([tiles(0, 5)])
    pinned, newest = TileStore(store.path, store.version), TileStore(store.path)
    assert len(pinned) == len(newest) == 5
    store.append([tiles(5, 5)])
    assert len(pinned) == len(pinned.index()) == 5
    assert len(newest) == 5
    assert len(TileStore(store.path)) == len(TileStore(store.path).index()) == 10
    assert len(TileStore(store.path, pinned.version)) == 5


def test_an_open_store_travels_to_spawned_processes(full: TileStore) -> None:
    assert len(full) == 100
    assert pickle.loads(pickle.dumps(full)).batch(np.array([7])) == [payload(7)]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(full.batch, [np.array([99, 0]), np.array([50])]) == [[payload(99), payload(0)], [payload(50)]]


def newest_manifest(store: TileStore) -> Path:
    return max((store.path / "_versions").glob("*.manifest"), key=lambda path: path.stat().st_mtime_ns)


def test_a_manifest_that_a_power_cut_emptied_is_stepped_over(store: TileStore) -> None:
    store.append([tiles(0, 5)])
    store.append([tiles(5, 5)])
    os.truncate(newest_manifest(store), 0)
    reopened = TileStore(store.path)
    assert reopened.batch(np.arange(5)) == [payload(i) for i in range(5)]
    assert reopened.append([tiles(5, 3)]) == 8


def test_a_power_cut_in_the_very_first_commit_leaves_an_empty_store(store: TileStore) -> None:
    store.append([tiles(0, 5)])
    os.truncate(newest_manifest(store), 0)
    reopened = TileStore(store.path)
    assert (len(reopened), reopened.version) == (0, 0)
    assert reopened.append([tiles(0, 3)]) == 3
    assert reopened.batch(np.arange(3)) == [payload(i) for i in range(3)]


def test_lost_bytes_are_told_as_a_store_error(store: TileStore) -> None:
    store.append([tiles(0, 5)])
    for path in (store.path / "data").iterdir():
        os.truncate(path, 0)
    damaged = TileStore(store.path)
    with pytest.raises(StoreError, match="cannot read"):
        damaged.batch(np.array([0]))
    with pytest.raises(StoreError, match="cannot read"):
        damaged.index()
    with pytest.raises(StoreError, match="cannot read"):
        list(damaged.scan(["slide"]))


def test_a_failing_source_of_tiles_commits_nothing(store: TileStore) -> None:
    store.append([tiles(0, 5)])

    def source() -> Iterator[pa.RecordBatch]:
        yield tiles(5, 5)
        raise RuntimeError("the reader broke")

    with pytest.raises((RuntimeError, StoreError), match="the reader broke"):
        store.append(source())
    assert len(TileStore(store.path)) == 5


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot write tiles"):
        TileStore(tmp_path / "file" / "tiles.lance").write([tiles(0, 5)])


# what the ledger does not know of is not official


def test_rows_beyond_the_ledger_are_found_out_before_numbers_get_mixed_up(workspace: Workspace, tmp_path: Path) -> None:
    slide = draw_slide(tmp_path / "s.svs", seed=0, width=768, height=768).path
    config = IngestConfig(tile_px=128, threads=1)
    ingest(workspace, [slide], config)
    official = workspace.n_tiles()
    TileStore(workspace.tiles_path).append([tiles(official, 4)])  # say by a Tessera whose ledger was lost
    assert workspace.n_tiles() == official
    with pytest.raises(StoreError, match="restore"):
        recover(workspace)
    other = draw_slide(tmp_path / "t.svs", seed=1, width=768, height=768).path
    with pytest.raises(StoreError, match="restore"):
        ingest(workspace, [other], config)
    assert workspace.n_tiles() == official


def test_an_interrupted_commit_of_the_wrong_length_is_not_guessed_at(workspace: Workspace) -> None:
    TileStore(workspace.tiles_path).append([tiles(0, 4)])
    with workspace.ledger.write() as connection:
        connection.execute("INSERT INTO pending_commit VALUES (1, 0, 9, '[]')")
    with pytest.raises(StoreError, match="holds 4 tiles where 0 or 9 are expected"):
        recover(workspace)
