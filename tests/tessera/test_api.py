"""The public interface.

Its names, what it costs to import, and a session from slides to a table and a training loop.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tessera
from tessera.curate.decisions.decide import name_cluster

from tests.tessera.planted import RUN, Planted

SMALL = {"encoder": "tiny", "clustering.clusters": 3, "features.pca_dim": 8}


def test_the_public_names_are_these() -> None:
    assert tessera.__all__ == [
        "RCC",
        "Run",
        "TesseraError",
        "TileDataset",
        "Workspace",
        "cluster_table",
        "clusters",
        "export",
        "features",
        "ingest_slides",
        "ingest_tiles",
        "look",
        "open_run",
        "open_workspace",
        "run",
    ]
    assert all(getattr(tessera, name).__doc__ for name in tessera.__all__)
    assert set(tessera.__all__) <= set(dir(tessera))


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = tessera.nothing  # type: ignore[attr-defined]


def test_importing_it_loads_nothing_heavy() -> None:
    script = (
        "import sys, tessera; heavy = {'numpy', 'torch', 'pandas', 'lance', 'cv2'} & set(sys.modules); assert not heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_rooms_of_the_same_name_do_not_hide_a_function() -> None:
    for path in Path(tessera.__file__).parent.iterdir():
        assert path.stem not in tessera.__all__, path


def test_clusters_are_a_table_of_tiles_with_the_names_people_gave(planted: Planted) -> None:
    name_cluster(planted.workspace, RUN, 2, 3, "stroma", author="Dr Virchow")
    run = tessera.open_run(planted.workspace, RUN)
    table = tessera.clusters(run)
    assert len(table) == planted.n
    assert set(table.loc[table["cluster"] == 3, "name"]) == {"stroma"}
    assert set(table.loc[table["cluster"] != 3, "name"]) == {""}
    sizes = tessera.cluster_table(run).set_index("cluster")["size"]
    assert (
        table["cluster"].value_counts().drop(-1, errors="ignore").sort_index().to_dict() == sizes.sort_index().to_dict()
    )
    assert (tessera.clusters(run, 0)["cluster"] != table["cluster"]).any()


def test_tiles_go_into_a_loop_of_ones_own(planted: Planted) -> None:
    from torch.utils.data import DataLoader

    table = tessera.clusters(tessera.open_run(planted.workspace, RUN))
    chosen = table.index[table["cluster"] == 3].to_numpy()
    tiles = tessera.TileDataset(planted.workspace, 32, tiles=chosen, labels=np.full(len(chosen), 3))
    seen = []
    for images, labels, numbers in DataLoader(tiles, batch_size=4):
        assert images.shape[1:] == (3, 32, 32)
        assert set(labels.tolist()) == {3}
        seen += numbers.tolist()
    assert seen == chosen.tolist()
    with pytest.raises(ValueError, match="labels"):
        tessera.TileDataset(planted.workspace, labels=[1, 2])
    with pytest.raises(ValueError, match="tiles 0 to"):
        tessera.TileDataset(planted.workspace, tiles=[planted.n])


def test_export_writes_what_was_named(planted: Planted, tmp_path: Path) -> None:
    name_cluster(planted.workspace, RUN, 2, 3, "stroma", author="Dr Virchow")
    report = tessera.export(tessera.open_run(planted.workspace, RUN), tmp_path / "set", per_class=2, licence="CC0")
    assert report.classes == {"stroma": 2}
    assert len(list((tmp_path / "set").rglob("*.jpg"))) == 2


@pytest.mark.slow
def test_a_session_from_slides_to_features(tmp_path: Path) -> None:
    from tessera.demo.synthetic import draw_slide

    slide = draw_slide(tmp_path / "drawn.svs", seed=1, width=1024, height=1024).path
    workspace = tessera.open_workspace(tmp_path / "workspace")
    report = tessera.ingest_slides(workspace, [slide], tile_px=64, max_tiles_per_slide=40)
    assert report.ok
    run = tessera.run(workspace, SMALL, name="r", epochs=1, tile_px=32, batch_size=16)
    assert run.state == "finished"
    features = tessera.features(run)
    assert features.shape[0] == len(tessera.clusters(run)) == run.n_tiles
    seen = tessera.look(workspace, encoder="tiny", clusters=3, tile_px=32, batch_size=16)
    assert (seen.state, seen.config.epochs) == ("finished", 0)
    assert len(tessera.cluster_table(seen)) == 3
    labels = tessera.RCC().fit(features.to_numpy()).labels_
    assert len(labels) == run.n_tiles
    with pytest.raises(tessera.TesseraError, match="already"):
        tessera.run(workspace, SMALL, name="r")
