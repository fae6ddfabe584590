"""`tessera look`: classes now, from frozen features; nothing is trained."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from tessera import config as configuration
from tessera.cli.options import ANSWERING, DONE, Answering, Settings
from tessera.cli.run import follow
from tessera.config import CLUSTERERS
from tessera.workspace.folder import Workspace


def look(
    *,
    name: Annotated[str | None, Parameter(help="Name of the run; look-1, look-2, ... if not given.")] = None,
    clusters: Annotated[
        int | None, Parameter(help="How many clusters; left to the clusterer if not given.", show_default=False)
    ] = None,
    clusterer: Annotated[
        str | None,
        Parameter(
            name="--with",
            choices=tuple(CLUSTERERS),
            help="The method; the safest that is installed if not given.",
            show_default=False,
        ),
    ] = None,
    settings: Settings = None,
    detach: Annotated[bool, Parameter(help="Start it and return at once.", show_default=False)] = False,
    common: Answering = ANSWERING,
) -> int:
    """Find classes now: frozen features, clustered; nothing is trained.

    It is a run like any other: status, evaluate, cluster, name, assign, project and export take it. A look that was
    stopped or killed continues with `tessera resume`.
    """
    from tessera.learn.look import create_look
    from tessera.runs.process import launch

    workspace = Workspace.open(common.workspace)
    created = create_look(
        workspace,
        name,
        clusters=clusters,
        clusterer=clusterer,
        changes=configuration.parse_overrides(settings or []),
        check=_check,
    )
    launch(created)
    if not detach:
        return follow(created, common)
    common.answer({"run": created.name}, f"{created.name} is looking; follow it with `tessera status`")
    return DONE


def _check(encoder: str, tile_px: int) -> None:
    """Refuse an encoder that its worker would refuse; torch is loaded only when this is asked."""
    from tessera.learn.nets.encoders import check_name

    check_name(encoder, tile_px)
