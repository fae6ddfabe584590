"""Every command: where its function is, and a line of what it does. A command is imported when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        function: module:function in this room; its signature gives the options.
        help: one line for the list of commands.
        settings: names in `tessera.config` of the configs that --set changes, for its help.
    """

    function: str
    help: str
    settings: tuple[str, ...] = ()

    def load(self) -> Callable[..., Any]:
        """The function."""
        module, _, name = self.function.partition(":")
        found: Callable[..., Any] = getattr(importlib.import_module(f"tessera.cli.{module}"), name)
        return found


GROUPS: dict[str, dict[str, Command]] = {
    "slides": {
        "ingest": Command(
            "ingest:ingest", "cut slides into tiles and add them to the workspace", ("IngestConfig", "StreamConfig")
        ),
        "slides": Command("slides:slides", "show the cohort as a table; take corrections in, and cut again"),
    },
    "runs": {
        "look": Command(
            "look:look", "find classes now: frozen features, clustered; nothing is trained", ("RunConfig",)
        ),
        "run": Command("run:run", "train: cluster, pseudo-label, learn, repeat", ("RunConfig",)),
        "status": Command("steer:status", "slides, tiles and runs of the workspace"),
        "pause": Command("steer:pause", "pause a run, or the ingest of an archive; it keeps its place"),
        "resume": Command("steer:resume", "continue a paused, stopped or failed run or ingest"),
        "stop": Command("steer:stop", "stop a run after saving it, or the ingest of an archive"),
        "delete": Command("remove:delete", "delete a run and its files; says first what that frees"),
        "prune": Command("remove:prune", "drop what no run needs any more; says first what that frees"),
        "work": Command("run:work", "be the worker process of a run (started by `run` and the dashboard)"),
    },
    "results": {
        "cluster": Command(
            "results:cluster", "cluster the tiles of a finished run again, without training", ("RunConfig",)
        ),
        "compare": Command("results:compare", "how far clusterings of the same tiles agree"),
        "evaluate": Command(
            "results:evaluate", "regions, steadiness and sites of clusters; with labels, scores beside baselines"
        ),
        "assign": Command("results:assign", "assign tiles that were added later to the clusters of a finished run"),
        "project": Command("results:project", "make the map (UMAP) of a run's tiles"),
        "export": Command("results:export", "write a curated tile set with its provenance", ("ExportConfig",)),
    },
    "decisions": {
        "name": Command("curate:name", "name a cluster, mark it as tissue or artefact, or note something"),
        "history": Command("curate:history", "all decisions made on a run"),
        "undo": Command("curate:undo", "undo your last decision, or redo it"),
        "propagate": Command(
            "curate:propagate", "propose classes for all tiles from a few labels", ("PropagateConfig",)
        ),
        "recluster": Command(
            "curate:recluster", "drop artefacts and excluded tiles, and run again on the others", ("RunConfig",)
        ),
    },
    "tools": {
        "serve": Command("tools:serve", "open the dashboard"),
        "demo": Command("tools:demo", "make the demo cohort and a first run, then open the dashboard"),
        "password": Command("tools:password", "give somebody a login to the dashboard, or take it away"),
        "doctor": Command("tools:doctor", "report what is missing or slow on this machine, and how to fix it"),
        "config": Command("tools:config", "print the defaults of all settings, or their JSON Schema"),
        "completion": Command("tools:completion", "print the script that completes words of this command in a shell"),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}


def overview() -> str:
    """The list of commands."""
    lines = [
        "usage: tessera COMMAND ...",
        "",
        "Tissue classes from unlabelled slides: ingest, run, look, name, export.",
    ]
    for group, commands in GROUPS.items():
        lines += ["", f"{group}:", *(f"  {name:11} {command.help}" for name, command in commands.items())]
    lines += [
        "",
        "`tessera COMMAND --help` lists the options of a command, `tessera --version` says which version this is.",
        "The workspace is ./workspace, the one that TESSERA_WORKSPACE names, or that of --workspace DIR.",
        (
            "Exit codes: 0 all done, 1 something failed, 2 wrong words, 3 done but something was set aside, 130 "
            "interrupted."
        ),
    ]
    return "\n".join(lines)
