"""`tessera status | pause | resume | stop`: what goes on, and what shall."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from tessera.cli.options import ANSWERING, DONE, Answering
from tessera.errors import WorkspaceError
from tessera.workspace.background import start_command
from tessera.workspace.folder import Workspace

INGEST_WORD = "ingest"
_ASKED = {"run": "{} continues", "pause": "asked {} to pause", "stop": "asked {} to stop"}

RunOrIngest = Annotated[str, Parameter(help="The run; `ingest` for the ingest of an archive.")]


def status(*, common: Answering = ANSWERING) -> int:
    """Slides, tiles and runs of the workspace."""
    from tessera.cli.status import describe, summarise

    summary = summarise(Workspace.open(common.workspace))
    common.answer(summary, describe(summary))
    return DONE


def pause(name: RunOrIngest, /, *, common: Answering = ANSWERING) -> int:
    """Pause a run, or the ingest of an archive; it keeps its place."""
    return _request(name, "pause", common)


def resume(name: RunOrIngest, /, *, common: Answering = ANSWERING) -> int:
    """Continue a paused, stopped or failed run or ingest."""
    return _request(name, "run", common)


def stop(name: RunOrIngest, /, *, common: Answering = ANSWERING) -> int:
    """Stop a run after saving it, or the ingest of an archive."""
    return _request(name, "stop", common)


def _request(name: str, what: str, common: Answering) -> int:
    from tessera.runs.process import request
    from tessera.runs.rows import open_run, run_names

    workspace = Workspace.open(common.workspace)
    if name == INGEST_WORD and name not in run_names(workspace):
        _request_of_ingest(workspace, what)
        words = _ASKED[what].format("the ingest")
    else:
        run, words = open_run(workspace, name), _ASKED[what].format(name)
        if what == "run" and run.alive and run.state == "running" and run.requested == "run":
            words = f"{name} is running already"
        request(run, what)
    common.answer({"run": name, "want": what}, words)
    return DONE


def _request_of_ingest(workspace: Workspace, what: str) -> None:
    """Ask the archive ingest of a workspace to run, pause or stop; one that ended is started again, detached.

    Raises:
        WorkspaceError: there is none, it is not at work, or nothing is left to do.
    """
    from tessera.ingest.archive import ledger

    row = ledger.read_stream(workspace)
    if what != "run" or row is None or row.alive:
        ledger.request(workspace, what)
    elif ledger.n_unfinished(workspace):
        start_command(workspace, "ingest", "--go-on")
    else:
        raise WorkspaceError(
            "the archive's ingest is done: nothing is queued; --retry-failed takes failed slides again"
        )
