"""Workers on other machines, started for the user: a Slurm array by submitit, or tasks of a Dask cluster.

This process stays rank 0 of `tessera.ingest.archive.machines`: it commits and alone writes the ledger. A worker that
comes late, or never, loses nothing: its share is given to others.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tessera.errors import ConfigError
from tessera.ingest.archive.crew import work
from tessera.ingest.archive.machines import Place

WAYS = ("slurm", "dask", "local")
_CONNECT_S = 10
Stop = Callable[[], None]


@contextmanager
def workers(where: str, root: Path, world: int) -> Iterator[Place]:
    """Start workers 1 to world-1 elsewhere, and end what is left of them when the block ends.

    Args:
        where: `slurm` or `slurm:partition=cpu,timeout_min=600` (keys of submitit, `slurm_` before those of Slurm
            alone); `dask:tcp://scheduler:8786`; `local` for processes of this machine.
        root: the workspace, in a folder that all machines see.
        world: workers in all, this one among them.

    Yields:
        The place of this process, rank 0.

    Raises:
        ConfigError: an unknown way, a package that is missing, or a cluster that does not answer.
    """
    way, _, about = where.partition(":")
    if way not in WAYS:
        raise ConfigError(f"--launch {where}: choose one of {', '.join(WAYS)}")
    if world < 2:
        raise ConfigError("--launch starts the other workers: say how many there are in all with --workers, 2 or more")
    place = Place(0, world, uuid.uuid4().hex[:12])
    others = [Place(rank, world, place.job) for rank in range(1, world)]
    stop = _dask(about, root, others) if way == "dask" else _submitit(way, about, root, others)
    try:
        yield place
    finally:
        stop()


def _submitit(cluster: str, about: str, root: Path, places: list[Place]) -> Stop:
    try:
        import submitit
    except ImportError as error:
        raise ConfigError("--launch slurm needs one more package: pip install 'tessera-pathology[slurm]'") from error
    site = _site(about)
    try:
        executor = submitit.AutoExecutor(folder=root / "stream" / "jobs", cluster=cluster)
        executor.update_parameters(name="tessera-ingest", **{"timeout_min": 24 * 60, **site})
        jobs = executor.map_array(work, [root] * len(places), places)
    except (RuntimeError, NameError, submitit.core.utils.FailedJobError) as error:
        raise ConfigError(f"Slurm did not accept the workers: {error}") from error

    def stop() -> None:
        for job in jobs:
            if not job.done():
                job.cancel()

    return stop


def _dask(address: str, root: Path, places: list[Place]) -> Stop:
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError("--launch dask needs one more package: pip install 'tessera-pathology[dask]'") from error
    if not address:
        raise ConfigError("--launch dask: give the address of its scheduler, as dask:tcp://scheduler:8786")
    try:
        client = Client(address, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        raise ConfigError(f"no Dask scheduler answers at {address}: {error}") from error
    tasks = [client.submit(work, root, place, pure=False) for place in places]

    def stop() -> None:
        client.cancel(tasks)
        client.close()

    return stop


def _site(about: str) -> dict[str, Any]:
    """`partition=cpu,timeout_min=600` as submitit takes it."""
    pairs = [pair.partition("=") for pair in about.split(",") if pair]
    if any(not equals for _, equals, _ in pairs):
        raise ConfigError(f"--launch slurm:{about}: write settings as key=value, separated by commas")
    named = {key.strip(): value.strip() for key, _, value in pairs}
    return {_submitit_name(key): int(value) if value.isdigit() else value for key, value in named.items()}


def _submitit_name(key: str) -> str:
    """Submitit knows a few settings of all clusters; Slurm's own have a prefix."""
    shared = ("timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node", "name")
    return key if key in shared or key.startswith("slurm_") else f"slurm_{key}"
