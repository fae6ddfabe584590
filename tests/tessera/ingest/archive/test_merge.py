from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from tessera.ingest.archive.merge import Merger, commit_due
from tessera.ingest.commit import pass_by
from tessera.ingest.report import IngestReport
from tessera.workspace.folder import Workspace

from tests.standins.gdc_server import StandIn
from tests.tessera.ingest.streaming import fill, run, settings


def test_commits_come_early_at_first_and_less_often_later() -> None:
    now, last, times = 0.0, 0.0, []
    while now < 4000:
        now += 1
        if commit_due(now, now - last, 120):
            times.append(now)
            last = now
    gaps = [after - before for before, after in pairwise(times)]
    assert times[0] == 5
    assert gaps == sorted(gaps)
    assert gaps[-1] == 120
    assert commit_due(0.3, 0.3, 0.2)


def test_the_first_tiles_are_there_within_seconds(workspace: Workspace, archive: StandIn, drawn: list[Path]) -> None:
    """A shard of a stopped ingest, merged by hand so that the clock can be turned."""
    fill(archive, drawn[:1])

    def die(name: str) -> None:
        if name == "fragments written":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(workspace, settings(archive), at=die)
    now = [0.0]
    merger = Merger(
        workspace, workspace.root / "stream" / "shards", 10**6, 120, IngestReport(), pass_by, lambda: now[0]
    )
    (shard,) = merger.waiting()
    merger.merge(shard)
    now[0] = 4
    merger.flush_if_due()
    assert workspace.n_tiles() == 0
    now[0] = 6
    merger.flush_if_due()
    assert workspace.n_tiles() > 0
