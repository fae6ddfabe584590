"""`tessera ingest`: slides, ready-made tiles, and archives."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from tessera import config as configuration
from tessera.cli.archive import Words, is_stream, stream_command
from tessera.cli.ingest_options import Archive, Corrected, Cutting, Streaming, exit_code
from tessera.cli.options import ANSWERING, Answering, Settings, named
from tessera.cli.terminal import TerminalProgress
from tessera.config import IngestConfig
from tessera.errors import ConfigError
from tessera.workspace.activity import track
from tessera.workspace.folder import Workspace

_CUTTING, _CORRECTED, _STREAMING, _NO_ARCHIVE = Cutting(), Corrected(), Streaming(), Archive()


def ingest(
    *sources: Annotated[Path, Parameter(help="Slides, folders of slides, or gdc: (then --project).")],
    tiles: Annotated[
        Path | None, Parameter(help="Folder of ready-made tile images; class folders or labels.csv give labels.")
    ] = None,
    cutting: Cutting = _CUTTING,
    settings: Settings = None,
    corrected: Corrected = _CORRECTED,
    archive: Archive = _NO_ARCHIVE,
    streaming: Streaming = _STREAMING,
    common: Answering = ANSWERING,
) -> int:
    """Cut slides into tiles and add them to the workspace.

    Ends with 1 when a slide failed or nothing was found, and with 3 when slides were only set aside.
    """
    from tessera.ingest import pipeline, tile_folder
    from tessera.ingest.corrections import Corrections

    given = named(cutting, settings)
    words = Words(sources, tiles, archive, streaming, common)
    if is_stream(words):
        return stream_command(words, given)
    if not sources and tiles is None:
        raise ConfigError("nothing to ingest: name slides or folders of slides, --tiles FOLDER, or gdc: --project P")
    configuration.from_mapping(IngestConfig, given)  # wrong words make no workspace
    corrections = Corrections.read(corrected.mpp_of, corrected.patients)
    workspace = Workspace.create(common.workspace)
    own = configuration.as_dict(pipeline.config_of(workspace))
    config = configuration.from_mapping(IngestConfig, {**own, **given})
    with TerminalProgress(quiet=common.json) as bars, track(workspace, "ingest", also=bars) as progress:
        if tiles is not None:
            report = tile_folder.ingest_tiles(workspace, tiles, config, progress)
        else:
            report = pipeline.ingest(
                workspace, list(sources), config, progress, corrections=corrections, recut=corrected.recut
            )
    report.asked_for(given)
    common.answer(dataclasses.asdict(report), report.summary())
    return exit_code(report)
