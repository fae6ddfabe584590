"""Workers started by Tessera itself.

By submitit's executor for this machine (its Slurm one needs a Slurm) and on Dask.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tessera.errors import ConfigError
from tessera.ingest.archive.launch import _site, workers
from tessera.ingest.archive.machines import Folders, read_news
from tessera.workspace.folder import Workspace

from tests.standins.gdc_server import StandIn
from tests.tessera.ingest.streaming import fill, run, settings, tile_set


@pytest.fixture
def dask_address() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        yield f"dask:{cluster.scheduler_address}"


def shares_the_work(where: str, archive: StandIn, drawn: list[Path], folder: Path) -> None:
    ids = fill(archive, drawn)
    config = settings(archive)
    alone = Workspace.create(folder / "alone")
    assert run(alone, config).slides_done == len(ids)
    together = Workspace.create(folder / "together")
    with workers(where, together.root, 2) as place:
        assert (place.rank, place.world) == (0, 2)
        assert run(together, config, place=place).ok
        news = read_news(Folders.make(together.root, config, 0), 1)
    assert news is not None, "the other worker never came"
    assert [state for state, _ in news.states.values()].count("tiled") >= 1
    assert tile_set(together) == tile_set(alone)


@pytest.mark.slow
def test_processes_of_this_machine(archive: StandIn, drawn: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    shares_the_work("local", archive, drawn, tmp_path)


@pytest.mark.slow
def test_tasks_of_a_dask_cluster(dask_address: str, archive: StandIn, drawn: list[Path], tmp_path: Path) -> None:
    shares_the_work(dask_address, archive, drawn, tmp_path)


@pytest.mark.parametrize(
    ("where", "world", "words"),
    [
        ("moon", 2, "choose one of slurm, dask, local"),
        ("local", 1, "2 or more"),
        ("dask:", 2, "address of its scheduler"),
        ("slurm:fast", 2, "key=value"),
    ],
)
def test_words_that_start_nothing(where: str, world: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words), workers(where, tmp_path, world):
        pass


@pytest.mark.skipif(shutil.which("srun") is not None, reason="there is a Slurm on this machine")
def test_a_machine_without_slurm(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Slurm did not accept the workers"), workers("slurm", tmp_path, 2):
        pass


def test_settings_of_a_site() -> None:
    assert _site("partition=cpu,timeout_min=600,cpus_per_task=8") == {
        "slurm_partition": "cpu",
        "timeout_min": 600,
        "cpus_per_task": 8,
    }
