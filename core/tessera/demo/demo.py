"""The demo: a cohort of real slides if there are any, else drawn ones; ingested, looked at and mapped, then trained on.

The look is what the pages show first. Training goes on behind it in a run of its own, from the looked-at clusters.

Each part is skipped when a former call has done it, so an interrupted demo goes on where it was.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

from tessera.config import IngestConfig, RunConfig
from tessera.demo.synthetic import draw_cohort
from tessera.errors import TesseraError
from tessera.ingest.sources.kinds import SLIDE_SUFFIXES
from tessera.runs import control
from tessera.workspace.activity import track
from tessera.workspace.folder import Workspace
from tessera.workspace.progress import Progress

logger = logging.getLogger(__name__)

DATA_VARIABLE = "TESSERA_DATA"
LOOK_NAME, RUN_NAME = "look", "demo"
# Chosen so that looked-at classes are there within two minutes on two cores.
INGEST = IngestConfig(max_tiles_per_slide=450)
CLUSTERS = 12
# Two short passes: a thousand tiles teach a network little, so that the look stays the better answer here.
RUN: dict[str, Any] = {
    "method": "deepcluster",
    "epochs": 2,
    "tile_px": 64,
    "batch_size": 64,
    "features.normalisation": "pca",
}

# CC0, from OpenSlide's public test data.
CMU_URL = "https://openslide.cs.cmu.edu/download/openslide-testdata/Aperio/CMU-1-Small-Region.svs"
CMU_SHA256 = "ed92d5a9f2e86df67640d6f92ce3e231419ce127131697fbbce42ad5e002c8a7"


def data_folder() -> Path:
    """The folder of shared data: TESSERA_DATA, or shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    return Path(os.environ.get(DATA_VARIABLE, beside))


def prepare(workspace: Workspace, progress: Progress, *, offline: bool = False) -> None:
    """Make the demo workspace: ingest, a look and its map, then a trained run and its map.

    Args:
        workspace: the workspace to write to.
        progress: is told of each part, as does every page that is open.
        offline: draw slides even when real ones are at hand.

    Raises:
        TesseraError: a part failed; the message says which.
    """
    with track(workspace, "demo", run=LOOK_NAME, also=progress) as told:
        sources = find_cohort(workspace, told, offline=offline)
        _ingest(workspace, sources, told)
        _look(workspace, told)
        _project(workspace, LOOK_NAME, told)
        _train(workspace, told)
        _project(workspace, RUN_NAME, told)


def find_cohort(workspace: Workspace, progress: Progress, *, offline: bool = False) -> list[Path]:
    """Slides of the demo: those in the shared data, else CMU-1-Small-Region by download, else drawn ones.

    Args:
        workspace: downloads and drawings go into its folder `demo-slides`.
        progress: is told which.
        offline: draw, whatever else is there.

    Returns:
        Slides, or a folder of slides, for `ingest`.
    """
    real = data_folder() / "slides"
    slides = sorted(file for file in real.glob("*") if file.suffix.lower() in SLIDE_SUFFIXES)
    if not offline and slides:
        return slides
    folder = workspace.root / "demo-slides"
    if not offline:
        progress.update("downloading a slide of OpenSlide's test data", 0, 0)
        downloaded = _download(workspace.root / "demo-download")  # which exists even after a download that failed
        if downloaded is not None:
            return [downloaded]
    if not folder.is_dir():
        progress.update("drawing synthetic slides", 0, 0)
        drawing = workspace.root / ".demo-slides"
        draw_cohort(drawing, n_slides=4, seed=7, width=6144, height=4608)
        drawing.rename(folder)
    return [folder]


def _download(folder: Path) -> Path | None:
    """Fetch the CMU slide, checked; None when there is no network."""
    import pooch

    try:
        return Path(
            pooch.retrieve(CMU_URL, known_hash=f"sha256:{CMU_SHA256}", path=folder, fname="CMU-1-Small-Region.svs")
        )
    except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong checksum is a ValueError
        logger.warning("the demo slide cannot be downloaded (%s); drawing synthetic slides instead", error)
        return None


def _ingest(workspace: Workspace, sources: list[Path], progress: Progress) -> None:
    from tessera.ingest.pipeline import ingest

    report = ingest(workspace, sources, INGEST, progress)
    logger.info("demo ingest: %s", report.summary())


def _look(workspace: Workspace, progress: Progress) -> None:
    from tessera.learn.look import create_look

    if LOOK_NAME not in {run.name for run in control.list_runs(workspace)}:
        create_look(workspace, LOOK_NAME, clusters=CLUSTERS)
    _finish(workspace, LOOK_NAME, "looking", progress)


def _train(workspace: Workspace, progress: Progress) -> None:
    """A run that starts from what the look found: its encoder, its clusters and their ids."""
    if RUN_NAME not in {run.name for run in control.list_runs(workspace)}:
        looked = workspace.run_folder(LOOK_NAME)
        config = RunConfig.of({**RUN, "clustering.clusters": len(looked.clusters(0).ids)})
        control.create(workspace, config, RUN_NAME)
        workspace.run_folder(RUN_NAME).save_start(looked.assignment(0))
    _finish(workspace, RUN_NAME, "training", progress)


def _finish(workspace: Workspace, name: str, doing: str, progress: Progress) -> None:
    """Start a run, or let it go on, and wait until it is finished."""
    if control.get(workspace, name).state != "finished":
        control.request(workspace, name, "run")
    while (run := control.get(workspace, name)).state != "finished":
        if run.state in ("failed", "stopped") or (run.state != "queued" and not run.alive):
            raise TesseraError(
                f"the run {name} {run.state}: "
                f"{run.message or 'see its log, ' + str(workspace.run_folder(name).log_path)}"
            )
        done = round(100 * (run.interval + 1 + run.progress) / (run.config.epochs + 1))
        progress.update(f"{doing}: {run.phase or 'starting'}", min(done, 100), 100)
        time.sleep(0.5)


def _project(workspace: Workspace, name: str, progress: Progress) -> None:
    from tessera.explore.projection import project

    folder = workspace.run_folder(name)
    if folder.intervals()[-1] not in folder.projections():
        project(workspace, name, progress=progress)
