"""Killed with SIGKILL at any step, an ingest that is started again ends with the same tiles, each once."""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tessera.ingest.archive.machines import Folders
from tessera.workspace.folder import Workspace

from tests.standins.gdc_server import StandIn
from tests.tessera.ingest.killable import start
from tests.tessera.ingest.streaming import fill, left_over, run, settings, states, tile_set

pytestmark = pytest.mark.usefixtures("no_waiting")

POINTS = [
    "reserved",
    "chunk",
    "verifying",
    "verified",
    "tiling",
    "shard written",
    "shard named",
    "tiled recorded",
    "slide deleted",
    "fragments written",
    "intent recorded",
    "store committed",
    "ledger committed",
    "shard deleted",
]


class Archive:
    """The archive, and what an undisturbed ingest of it gives."""

    def __init__(self, server: StandIn, drawn: list[Path], root: Path) -> None:
        fill(server, drawn)
        self.server, self.config = server, settings(server)
        undisturbed = Workspace.create(root)
        assert run(undisturbed, self.config).ok
        self.tiles = tile_set(undisturbed)

    def settings(self, **about: Any) -> dict[str, Any]:
        return {**asdict(self.config), **about}

    def check(self, workspace: Workspace) -> None:
        assert tile_set(workspace) == self.tiles
        assert set(states(workspace).values()) == {"committed"}
        assert [name for name in left_over(workspace) if not name.endswith(".json")] == []


@pytest.fixture
def whole(archive: StandIn, drawn: list[Path], tmp_path: Path) -> Archive:
    return Archive(archive, drawn, tmp_path / "undisturbed")


def killed_at(root: Path, whole: Archive, point: str, number: int) -> int | None:
    process = start(root, whole.settings(), point, number)
    process.join(60)
    return process.exitcode


def test_killed_at_one_step_after_the_other(whole: Archive, tmp_path: Path) -> None:
    root = tmp_path / "killed"
    for point in ("chunk", "verified", "shard named", "tiled recorded", "store committed", "ledger committed"):
        assert killed_at(root, whole, point, 1) == -9, point
    workspace = Workspace.open(root)
    run(workspace, whole.config)
    whole.check(workspace)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_every_step(whole: Archive, tmp_path: Path, point: str, number: int) -> None:
    root = tmp_path / "killed"
    assert killed_at(root, whole, point, number) == -9
    workspace = Workspace.open(root)
    run(workspace, whole.config)
    whole.check(workspace)


def kill_at_random(whole: Archive, root: Path, kills: int, seed: int) -> None:
    """Kill at random moments; whenever an ingest comes through, compare and begin with an empty workspace."""
    rng, done, number = random.Random(seed), 0, 0
    whole.server.bytes_per_second = 8_000_000  # slow enough that kills fall into every stage
    while done < kills:
        process = start(root / str(number), whole.settings())
        process.join(rng.uniform(0.05, 1.5))
        if process.is_alive():
            process.kill()
            process.join()
            done += 1
        else:
            assert process.exitcode == 0
            whole.check(Workspace.open(root / str(number)))
            number += 1
    process = start(root / str(number), whole.settings())
    process.join(60)
    assert process.exitcode == 0
    whole.check(Workspace.open(root / str(number)))


def test_killed_at_a_few_random_moments(whole: Archive, tmp_path: Path) -> None:
    kill_at_random(whole, tmp_path / "killed", 5, seed=1)


@pytest.mark.slow
def test_killed_at_a_hundred_random_moments(whole: Archive, tmp_path: Path) -> None:
    kill_at_random(whole, tmp_path / "killed", 100, seed=2)


def test_two_workers_make_the_same_tiles(whole: Archive, tmp_path: Path) -> None:
    root = tmp_path / "two"
    first, second = (start(root, whole.settings(), place=(rank, 2)) for rank in (0, 1))
    first.join(60)
    second.join(60)
    assert (first.exitcode, second.exitcode) == (0, 0)
    whole.check(Workspace.open(root))
    assert (Folders(root / "stream", root).workers / "1.json").is_file()


@pytest.mark.parametrize("point", ["chunk", "shard written"])
def test_the_share_of_a_killed_worker_is_taken_over(whole: Archive, tmp_path: Path, point: str) -> None:
    root = tmp_path / "two"
    first = start(root, whole.settings(worker_silence_s=1.5), place=(0, 2))
    second = start(root, whole.settings(), point, 1, place=(1, 2))
    second.join(60)
    assert second.exitcode == -9
    first.join(60)
    assert first.exitcode == 0
    workspace = Workspace.open(root)
    run(workspace, whole.config)  # alone: nothing is left to do but the dead worker's rubbish
    assert tile_set(workspace) == whole.tiles


def test_a_killed_first_worker_is_started_again(whole: Archive, tmp_path: Path) -> None:
    root = tmp_path / "two"
    first = start(root, whole.settings(), "verified", 1, place=(0, 2))
    second = start(root, whole.settings(), place=(1, 2))
    first.join(60)
    second.join(60)
    assert (first.exitcode, second.exitcode) == (-9, 0)
    workspace = Workspace.open(root)
    run(workspace, whole.config)
    whole.check(workspace)
