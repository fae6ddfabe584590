"""What the commands of curation do: `tessera name | history | undo | propagate | recluster`."""

from __future__ import annotations

import argparse
import getpass
import json
import time

from tessera import config as configuration
from tessera.cli.terminal import TerminalProgress
from tessera.config import PropagateConfig
from tessera.errors import ConfigError
from tessera.words import counted
from tessera.workspace.activity import track
from tessera.workspace.folder import Workspace


def name(options: argparse.Namespace) -> int:
    """`tessera name R CLUSTER [NAME] [--mark M] [--note TEXT]`."""
    from tessera.curate.decisions import decide
    from tessera.runs import control

    if options.title is None and options.mark is None and options.note is None:
        raise ConfigError("say what to do: give a NAME, --mark or --note")
    workspace = Workspace.open(options.workspace)
    interval = control.get(workspace, options.name).interval if options.interval is None else options.interval
    for say, text in (
        (decide.name_cluster, options.title),
        (decide.mark_cluster, options.mark),
        (decide.note_cluster, options.note),
    ):
        if text is not None:
            say(workspace, options.name, interval, options.cluster, text, author=_author(options))
            print(f"{options.name}, cluster {options.cluster}: {text or 'taken back'}")
    return 0


def history(options: argparse.Namespace) -> int:
    """`tessera history R`."""
    from tessera.curate.decisions.history import history
    from tessera.curate.decisions.state import state_of
    from tessera.curate.decisions.words import words

    workspace = Workspace.open(options.workspace)
    rows, active = history(workspace, options.name), set(state_of(workspace, options.name).active)
    if options.json:
        print(json.dumps([{**vars(row), "in_effect": row.id in active} for row in rows], indent=2))
    for row in () if options.json else rows:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.time))
        undone = "" if row.id in active or row.kind in ("undo", "redo") else "  (taken back)"
        print(f"{row.id:>5}  {when}  {row.author}: {words(row)}{undone}")
    return 0


def undo(options: argparse.Namespace) -> int:
    """`tessera undo R [--decision N] [--redo]`."""
    from tessera.curate.decisions.undo import redo, undo
    from tessera.curate.decisions.words import words

    workspace = Workspace.open(options.workspace)
    change = redo if options.redo else undo
    found = change(workspace, options.name, author=_author(options), decision=options.decision)
    print(f"{'made again' if options.redo else 'took back'} decision {found.id}: {words(found)}")
    return 0


def recluster(options: argparse.Namespace) -> int:
    """`tessera recluster R [--reject 3,7]`."""
    from tessera.curate.recluster import reject_and_recluster, training_config

    workspace = Workspace.open(options.workspace)
    try:
        reject = [int(word) for word in options.reject.split(",") if word]
    except ValueError as error:
        raise ConfigError(f"--reject {options.reject}: write cluster numbers as 3,7,12") from error
    changed = configuration.parse_overrides(options.settings)
    made = reject_and_recluster(
        workspace,
        options.name,
        reject,
        author=_author(options),
        interval=options.interval,
        name=options.title,
        config=training_config(workspace, options.name).but(changed),
    )
    print(f"{made.name} is running on the tiles that are left; follow it with `tessera status`")
    return 0


def propagate(options: argparse.Namespace) -> int:
    """`tessera propagate R [--accept PROPOSAL]`."""
    from tessera.curate.propagate import accept, load_proposal, propose

    workspace = Workspace.open(options.workspace)
    if options.accept is not None:
        chosen = load_proposal(workspace, options.name, options.accept)
        made = accept(workspace, chosen, author=_author(options), least=options.least)
        print(
            f"moved {counted(sum(row.payload.get('n', 0) for row in made), 'tile')}; `tessera undo {options.name}` takes it back"
        )
        return 0
    config = configuration.from_mapping(PropagateConfig, configuration.parse_overrides(options.settings))
    with (
        TerminalProgress(quiet=options.json) as bars,
        track(workspace, "propagate", run=options.name, also=bars) as progress,
    ):
        found = propose(
            workspace, options.name, options.interval, author=_author(options), config=config, progress=progress
        )
    sure = found.sure(options.least)
    counts = {name: int((sure & (found.class_of == code)).sum()) for code, name in enumerate(found.classes)}
    if options.json:
        print(json.dumps({"proposal": found.id, "labelled": found.n_labelled, "sure": counts}))
        return 0
    print(f"proposal {found.id} from {found.n_labelled} labelled tiles; confident at {options.least:g} and above:")
    for title, count in counts.items():
        print(f"  {title}: {counted(count, 'tile')}")
    print(f"nothing is changed yet: `tessera propagate {options.name} --accept {found.id}` moves these tiles")
    return 0


def _author(options: argparse.Namespace) -> str:
    author: str = options.author or getpass.getuser()
    return author
