"""What people decide: `tessera name | history | undo | propagate | recluster`."""

from __future__ import annotations

import time
from typing import Annotated

from cyclopts import Parameter

from tessera import config as configuration
from tessera.cli.options import (
    ANSWERING,
    COMMON,
    DONE,
    Answering,
    Author,
    Common,
    Interval,
    Settings,
    numbers,
    who,
)
from tessera.cli.results import RunName
from tessera.cli.terminal import TerminalProgress
from tessera.config import PropagateConfig
from tessera.errors import ConfigError
from tessera.words import counted
from tessera.workspace.activity import track
from tessera.workspace.folder import Workspace


def name(
    run: RunName,
    cluster: Annotated[int, Parameter(help="Number of the cluster.")],
    title: Annotated[str | None, Parameter(help="Its name; '' removes it.")] = None,
    /,
    *,
    mark: Annotated[str | None, Parameter(help="tissue, artefact, mixed or unknown; '' removes it.")] = None,
    note: Annotated[str | None, Parameter(help="Anything worth remembering.")] = None,
    interval: Interval = None,
    author: Author = "",
    common: Common = COMMON,
) -> int:
    """Name a cluster, mark it as tissue or artefact, or note something."""
    from tessera.curate.decisions import decide
    from tessera.runs.rows import open_run

    if title is None and mark is None and note is None:
        raise ConfigError("say what to do: give a NAME, --mark or --note")
    workspace = Workspace.open(common.workspace)
    at = open_run(workspace, run).interval if interval is None else interval
    for say, text in ((decide.name_cluster, title), (decide.mark_cluster, mark), (decide.note_cluster, note)):
        if text is not None:
            say(workspace, run, at, cluster, text, author=who(author))
            print(f"{run}, cluster {cluster}: {text or 'removed'}")
    return DONE


def history(run: RunName, /, *, common: Answering = ANSWERING) -> int:
    """All decisions made on a run."""
    from tessera.curate.decisions.history import history
    from tessera.curate.decisions.state import state_of
    from tessera.curate.decisions.words import words
    from tessera.runs.rows import open_run

    workspace = Workspace.open(common.workspace)
    open_run(workspace, run)  # which says so when there is none
    rows, active = history(workspace, run), set(state_of(workspace, run).active)
    lines = []
    for row in rows:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.time))
        undone = "" if row.id in active or row.kind in ("undo", "redo") else "  (taken back)"
        lines.append(f"{row.id:>5}  {when}  {row.author}: {words(row)}{undone}")
    common.answer([{**vars(row), "in_effect": row.id in active} for row in rows], "\n".join(lines))
    return DONE


def undo(
    run: RunName,
    /,
    *,
    decision: Annotated[int | None, Parameter(help="Its number in the history; your last one if not given.")] = None,
    redo: Annotated[bool, Parameter(help="Redo what was undone.", show_default=False)] = False,
    author: Author = "",
    common: Common = COMMON,
) -> int:
    """Undo your last decision, or redo it."""
    from tessera.curate.decisions import undo as undoing
    from tessera.curate.decisions.words import words

    change = undoing.redo if redo else undoing.undo
    found = change(Workspace.open(common.workspace), run, author=who(author), decision=decision)
    print(f"{'made again' if redo else 'took back'} decision {found.id}: {words(found)}")
    return DONE


def recluster(
    run: RunName,
    /,
    *,
    reject: Annotated[str, Parameter(help="Clusters to mark as artefact first, 3,7,12.", show_default=False)] = "",
    new_name: Annotated[str | None, Parameter(name="--as", help="Name of the new run.")] = None,
    interval: Interval = None,
    settings: Settings = None,
    author: Author = "",
    common: Common = COMMON,
) -> int:
    """Drop artefacts and excluded tiles, and run again on the others."""
    from tessera.curate.recluster import reject_and_recluster, training_config

    workspace = Workspace.open(common.workspace)
    rejected = numbers("--reject", reject)
    made = reject_and_recluster(
        workspace,
        run,
        rejected,
        author=who(author),
        interval=interval,
        name=new_name,
        config=training_config(workspace, run).but(configuration.parse_overrides(settings or [])),
    )
    print(f"{made.name} is running on the tiles that are left; follow it with `tessera status`")
    return DONE


def propagate(
    run: RunName,
    /,
    *,
    accept: Annotated[str | None, Parameter(help="Move the confident tiles of this proposal.")] = None,
    least: Annotated[float, Parameter(help="Confidence that counts.")] = 0.9,
    interval: Interval = None,
    settings: Settings = None,
    author: Author = "",
    common: Answering = ANSWERING,
) -> int:
    """Propose classes for all tiles from a few labels, or accept a proposal."""
    from tessera.curate.propagate import propose

    workspace = Workspace.open(common.workspace)
    if accept is not None:
        return _accept(workspace, run, accept, least, who(author))
    config = configuration.from_mapping(PropagateConfig, configuration.parse_overrides(settings or []))
    with TerminalProgress(quiet=common.json) as bars, track(workspace, "propagate", run=run, also=bars) as progress:
        found = propose(workspace, run, interval, author=who(author), config=config, progress=progress)
    sure = found.sure(least)
    counts = {each: int((sure & (found.class_of == code)).sum()) for code, each in enumerate(found.classes)}
    human = [f"proposal {found.id} from {found.n_labelled} labelled tiles; confident at {least:g} and above:"]
    human += [f"  {each}: {counted(count, 'tile')}" for each, count in counts.items()]
    human.append(f"nothing is changed yet: `tessera propagate {run} --accept {found.id}` moves these tiles")
    common.answer({"proposal": found.id, "labelled": found.n_labelled, "sure": counts}, "\n".join(human))
    return DONE


def _accept(workspace: Workspace, run: str, proposal: str, least: float, author: str) -> int:
    from tessera.curate.propagate import accept, load_proposal

    made = accept(workspace, load_proposal(workspace, run, proposal), author=author, least=least)
    moved = counted(sum(row.payload.get("n", 0) for row in made), "tile")
    print(f"moved {moved}; `tessera undo {run}` takes it back")
    return DONE
