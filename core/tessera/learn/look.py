"""Making a look: a run with `method=look`, whose settings are chosen so that a practitioner need not choose any.

Light: nothing of torch is loaded here, so that command line and dashboard can make one at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tessera import config as configuration
from tessera.config import GRAPH_CLUSTERERS, KNOWN_ENCODERS, RunConfig
from tessera.errors import ConfigError, RunError
from tessera.learn.cluster.default import NEXT, SAFEST, default_clusterer
from tessera.learn.nets.pathology import known
from tessera.runs import control
from tessera.runs.figures import write_event
from tessera.workspace.folder import Workspace

_LEAST_TILES = 4
_MOST_CLUSTERS = 50  # what small clusters are measured by when the count is free


def look_config(
    n_tiles: int,
    *,
    clusters: int | None = None,
    clusterer: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> tuple[RunConfig, str]:
    """Settings of a look.

    Args:
        n_tiles: of the workspace.
        clusters: K, reached from above; None leaves it to the clusterer (kmeans, which cannot find it, makes 20).
        clusterer: one of `tessera.config.CLUSTERERS`; None takes the safest that is installed.
        changes: other settings by name, as `encoder=uni2-h` or `features.views=8`.

    Returns:
        The settings, and one line that says which clusterer was taken and why.

    Raises:
        RunError: there are too few tiles.
        ConfigError: a setting is wrong.
    """
    if 0 < n_tiles < _LEAST_TILES:
        raise RunError(f"{n_tiles} tiles are too few to find classes in: a look needs at least {_LEAST_TILES}")
    chosen = clusterer or default_clusterer()
    finds = chosen in GRAPH_CLUSTERERS
    few = max(2, min(_MOST_CLUSTERS if finds else 20, n_tiles // 2))
    wanted = {
        "method": "look",
        "epochs": 0,
        "clustering.clusterer": chosen,
        "clustering.clusters": few if clusters is None else clusters,
        "clustering.count": "free" if clusters is None and finds else "target",
        **_own_size(dict(changes or {})),
        **dict(changes or {}),
    }
    config = configuration.from_mapping(RunConfig, wanted)
    if int(wanted["epochs"]):
        raise ConfigError(f"epochs={wanted['epochs']}: a look trains nothing; `tessera run` does")
    return config, _why(chosen, asked=clusterer is not None, clusters=clusters, finds=finds)


def create_look(
    workspace: Workspace,
    name: str | None = None,
    *,
    clusters: int | None = None,
    clusterer: str | None = None,
    changes: Mapping[str, Any] | None = None,
    check: Callable[[str, int], None] | None = None,
) -> control.Run:
    """Record a look, ready to be launched as any run.

    Args:
        workspace: where its tiles are.
        name: of the run; look-1, look-2, ... if None.
        clusters: see `look_config`.
        clusterer: see `look_config`.
        changes: see `look_config`.
        check: refuses an encoder by its name and tile size; asked only about encoders that are not well known, since
            `tessera.learn.nets.encoders.check_name` loads torch.

    Raises:
        RunError: too few tiles, or the name is taken.
        ConfigError: a setting is wrong.
    """
    config, why = look_config(workspace.n_tiles(), clusters=clusters, clusterer=clusterer, changes=changes)
    if check is not None and config.encoder.name not in KNOWN_ENCODERS:
        check(config.encoder.name, config.tile_px)
    run = control.create(workspace, config, control.free_name(workspace, name, "look-1"))
    with workspace.ledger.write() as connection:
        write_event(connection, run.id, "info", why)
    return run


def _own_size(changes: dict[str, Any]) -> dict[str, Any]:
    """The tile size of a pathology encoder is its own, unless one is given."""
    row = known(str(changes.get("encoder", changes.get("encoder.name", ""))))
    return {"tile_px": row.px} if row is not None and "tile_px" not in changes else {}


def _why(chosen: str, *, asked: bool, clusters: int | None, finds: bool) -> str:
    if asked:
        reason = "as asked"
    elif chosen == SAFEST:
        reason = "the safest at small, large and free counts on the labelled sets"
    else:
        reason = f"{SAFEST} is not installed (pip install 'tessera-pathology[community]'); {NEXT} comes next"
    count = (
        f"{clusters} clusters asked for" if clusters is not None else ("it finds the count" if finds else "20 clusters")
    )
    return f"clustered by {chosen}: {reason}; {count}"
