"""`tessera evaluate` from end to end on textures with known classes, and its words."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from tessera.config import IngestConfig
from tessera.ingest.tile_folder import ingest_tiles
from tessera.learn.evaluate.report import evaluate
from tessera.learn.evaluate.saved import load
from tessera.learn.evaluate.words import describe, sentences
from tessera.learn.train.reporter import Reporter
from tessera.learn.train.trainer import Trainer
from tessera.runs import control
from tessera.workspace.folder import Workspace

from tests.tessera.learn.train.test_run import CONFIG


@pytest.fixture
def scored(workspace: Workspace, textures: Path, tmp_path: Path) -> Workspace:
    """A finished run on textures in four groups that each hold every class."""
    tiles = sorted(textures.rglob("*.jpg"))
    with (tmp_path / "labels.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("file", "label", "group"))
        for number, tile in enumerate(tiles):
            name = f"{tile.parent.name}-{tile.name}"
            (tmp_path / name).write_bytes(tile.read_bytes())
            rows.writerow((name, tile.parent.name, f"group-{number % 4}"))
    ingest_tiles(workspace, tmp_path, IngestConfig(tile_px=64))
    run = control.create(workspace, CONFIG.but({}, epochs=0), "r")
    with Trainer(workspace, run, Reporter(workspace, run)) as trainer:
        trainer.run()
    return workspace


def test_a_run_with_labels_is_scored_beside_its_baselines(scored: Workspace) -> None:
    found = evaluate(scored, "r")
    own = found["clusters"]
    assert 0.3 < own["carry_over"] <= own["many_to_one"] <= 1
    assert own["ami"] <= own["ami_ceiling"] + 0.02
    assert own["ami_groups"] < 0.1
    assert {"run", "random encoder", "colour statistics", "colour statistics, Reinhard"} <= set(found["features"])
    assert all(row["knn"] is not None for row in found["features"].values())
    assert found["regions"] is None  # ready-made tiles have no place
    assert 0 < found["steadiness"]["among_clusterers"] <= 1
    assert found["places"]["slide"]["above_chance"] < 0.1
    assert sentences(found)[0].startswith("a name given on some slides is right for")
    assert "k-NN" in describe(found)
    kept = load(scored.run_folder("r"))
    assert kept is not None
    assert kept["words"] == sentences(found)


def test_an_evaluation_that_cannot_be_read_is_none(scored: Workspace) -> None:
    folder = scored.run_folder("r")
    assert load(folder) is None
    (folder.root / "evaluation.json").write_text("{")
    assert load(folder) is None


def test_words_tell_regions_from_confetti_and_name_sites() -> None:
    found = {
        "regions": {"coherence": 0.04, "share": 0.1, "chance": 0.06, "clusters_scattered": 2},
        "steadiness": {"among_clusterers": 0.4, "resampled": 0.5, "moved": 0.9, "seeds": 0.6},
        "places": {
            "site": {"information": 0.5, "chance": 0.1, "above_chance": 0.44},
            "one_site_clusters": {7: 0.95},
        },
    }
    said = " ".join(sentences(found))
    for words in ("confetti", "2 clusters lie scattered", "disagree", "stain or scanner", "one site only: 7"):
        assert words in said
    found["regions"]["coherence"] = 0.4
    assert "regions" in sentences(found)[0]
