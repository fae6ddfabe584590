"""The worker process of a run: start it, record which one works, ask it to run, pause or stop.

A worker outlives whoever started it, by design: when a terminal or the dashboard dies, the run goes on, `tessera
status` shows it and `tessera stop` ends it.
"""

from __future__ import annotations

import os
import subprocess
import time

from tessera.errors import RunError
from tessera.runs.rows import Run
from tessera.workspace.activity import is_alive
from tessera.workspace.background import SAFE_PYTHON, safe_environment

REQUESTS = ("run", "pause", "stop")


def launch(run: Run) -> int:
    """Start the run's worker process, which outlives this one.

    Returns:
        Its process number.

    Raises:
        RunError: it has a worker already.
    """
    if run.refreshed().alive:
        raise RunError(f"{run.name} is running already")
    log = run.folder.log_path
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [*SAFE_PYTHON, "-m", "tessera", "work", run.name, "--workspace", str(run.workspace.root), "--verbose"]
    with log.open("ab") as stream:
        worker = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=safe_environment(os.environ),
        )
    claim(run, worker.pid)
    return worker.pid


def claim(run: Run, pid: int) -> None:
    """Record which process works on a run.

    Raises:
        RunError: another one does.
    """
    import psutil

    with run.workspace.ledger.write() as connection:
        row = connection.execute("SELECT pid, pid_started FROM run WHERE id = ?", (run.id,)).fetchone()
        if row["pid"] != pid and is_alive(row["pid"], row["pid_started"]):
            raise RunError(f"{run.name} is running already, as process {row['pid']}")
        try:
            started = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return  # it has ended already and says why in its row
        connection.execute(
            "UPDATE run SET pid = ?, pid_started = ?, started = ?, finished = NULL, heartbeat = ?,"
            " message = '' WHERE id = ?",
            (pid, started, time.time(), time.time(), run.id),
        )


def request(run: Run, what: str) -> None:
    """Ask a run to run, pause or stop. A run without a living worker is started again, or marked stopped.

    Args:
        run: the run; its present state is looked up.
        what: run, pause or stop.

    Raises:
        RunError: the run is finished, or there is nothing to pause.
    """
    if what not in REQUESTS:
        raise RunError(f"a run can be asked to {', '.join(REQUESTS)}, not {what}")
    now = run.refreshed()
    if now.state == "finished":
        raise RunError(f"{run.name} is finished: there is nothing to {'continue' if what == 'run' else what}")
    if what == "pause" and not now.alive:
        raise RunError(f"{run.name} is not running: `tessera resume {run.name}` starts it again")
    with run.workspace.ledger.write() as connection:
        connection.execute("UPDATE run SET want = ? WHERE id = ?", (what, run.id))
        if what == "stop" and not now.alive:
            connection.execute("UPDATE run SET state = 'stopped' WHERE id = ?", (run.id,))
    if what == "run" and not now.alive:
        launch(now)
