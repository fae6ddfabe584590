"""`tessera slides`: the cohort as a table, its corrections, and what must be cut again because of them."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tessera.cli.ingest_options import exit_code
from tessera.cli.options import ANSWERING, DONE, Answering
from tessera.cli.terminal import TerminalProgress
from tessera.workspace.activity import track
from tessera.workspace.folder import Workspace


def slides(
    *,
    csv: Annotated[Path | None, Parameter(help="Write the table to this file as CSV; - prints it.")] = None,
    apply: Annotated[
        Path | None,
        Parameter(
            help="CSV with id, path or name, and corrected patient, site, mpp, stain; empty cells change nothing."
        ),
    ] = None,
    recut: Annotated[bool, Parameter(help="Cut slides again that were corrected since.", show_default=False)] = False,
    common: Answering = ANSWERING,
) -> int:
    """Show the cohort as a table; take corrections in, and cut again.

    The table has every slide with its patient, stain, resolution, state, tiles and the reason why it has none.
    """
    from tessera.ingest import cohort

    workspace = Workspace.open(common.workspace)
    applied = None if apply is None else cohort.apply_table(workspace, apply)
    if recut:
        return _recut(workspace, common)
    if applied is not None:
        common.answer(dataclasses.asdict(applied), applied.summary())
        return DONE
    rows = cohort.read_cohort(workspace)
    if csv is not None and str(csv) == "-":
        sys.stdout.write(cohort.as_csv(rows))
    elif csv is not None:
        csv.write_text(cohort.as_csv(rows), encoding="utf-8-sig")  # with its mark, so that Excel reads it as UTF-8
        common.answer({"csv": str(csv), "slides": len(rows)}, f"{len(rows)} slides are in {csv}")
    else:
        common.answer([dataclasses.asdict(row) for row in rows], cohort.as_text(rows))
    return DONE


def _recut(workspace: Workspace, common: Answering) -> int:
    from tessera.ingest.cohort import to_recut
    from tessera.ingest.pipeline import config_of, ingest

    paths = to_recut(workspace)
    if not paths:
        common.answer({"slides_done": 0}, "no slide was corrected since it was cut")
        return DONE
    with TerminalProgress(quiet=common.json) as bars, track(workspace, "ingest", also=bars) as progress:
        report = ingest(workspace, paths, config_of(workspace), progress, recut=True)
    common.answer(dataclasses.asdict(report), report.summary())
    return exit_code(report)
