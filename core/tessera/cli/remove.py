"""`tessera delete | prune`: give room back, after saying what goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tessera.cli.options import ANSWERING, DONE, Answering
from tessera.workspace.folder import Workspace

if TYPE_CHECKING:
    from tessera.runs.remove import Freed

Yes = Annotated[bool, Parameter(help="Do it; without this, what would go is only listed.", show_default=False)]


def delete(
    name: Annotated[str, Parameter(help="The run.")], /, *, yes: Yes = False, common: Answering = ANSWERING
) -> int:
    """Delete a run and its files; says first what that frees.

    Tiles, other runs and what was decided stay: decisions are kept in the ledger, under the number of the run.
    """
    from tessera.runs import remove
    from tessera.runs.rows import open_run

    run = open_run(Workspace.open(common.workspace), name)
    freed = remove.delete(run) if yes else remove.files_of(run)
    _answer([freed], done=yes, common=common)
    return DONE


def prune(*, yes: Yes = False, common: Answering = ANSWERING) -> int:
    """Drop what no run needs any more; says first what that frees.

    That is older checkpoints and scratch files of finished runs, and what killed processes left behind a day ago or
    earlier. Clusters, features, maps and the last checkpoint of each run stay.
    """
    from tessera.runs import remove

    found = remove.unneeded(Workspace.open(common.workspace))
    if yes:
        remove.remove(found)
    _answer(found, done=yes, common=common)
    return DONE


def _answer(found: Sequence[Freed], *, done: bool, common: Answering) -> None:
    total = sum(item.size_bytes for item in found)
    lines = [f"{item.size_bytes / 1e6:10,.1f} MB  {item.path}: {item.why}" for item in found]
    end = "freed" if done else "would be freed; nothing is deleted yet: add --yes"
    machine = [{"path": str(item.path), "bytes": item.size_bytes, "why": item.why} for item in found]
    human = "\n".join([*lines, f"{total / 1e6:,.1f} MB {end}"]) if found else "there is nothing to free"
    common.answer({"done": done, "bytes": total, "files": machine}, human)
