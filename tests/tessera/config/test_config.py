from __future__ import annotations

import json
from pathlib import Path

import pytest
from tessera import config
from tessera.config import IngestConfig, RunConfig
from tessera.errors import ConfigError


@pytest.mark.parametrize("kind", [IngestConfig, RunConfig])
def test_every_setting_has_help_and_a_default_within_its_bounds(kind: type) -> None:
    about = config.settings(kind)
    kind()  # checks the defaults
    assert all(len(entry.help) > 8 for entry in about.values())


def test_unknown_key_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown setting clutsers.*clusters"):
        config.from_mapping(RunConfig, {"clutsers": 3})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("clusters", "1", "at least 2"),
        ("clusters", "many", "whole number"),
        ("clusters", 2.5, "whole number"),
        ("balance", "fair", "choose one of"),
        ("learning_rate", "nan", "not a number"),
        ("crop_scale", "0", "at least"),
        ("warm_start", "perhaps", "true or false"),
        ("epochs", "-1", "at least 0"),
    ],
)
def test_wrong_values_say_what_is_allowed(key: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config.from_mapping(RunConfig, {key: value})


def test_overlap_must_leave_a_step() -> None:
    with pytest.raises(ConfigError, match="smaller than tile_px"):
        IngestConfig(tile_px=64, overlap=64)


def test_words_of_the_command_line_become_typed_values() -> None:
    made = config.from_mapping(
        RunConfig, config.parse_overrides(["clusters=12", "warm_start=no", "learning_rate=1e-3"])
    )
    assert (made.clusters, made.warm_start, made.learning_rate) == (12, False, 1e-3)
    with pytest.raises(ConfigError, match="key=value"):
        config.parse_overrides(["clusters"])


def test_a_saved_config_loads_equal_and_overrides_win(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(config.as_dict(RunConfig(clusters=33))))
    assert config.load(RunConfig, path, {}) == RunConfig(clusters=33)
    assert config.load(RunConfig, path, {"clusters": "44"}).clusters == 44


@pytest.mark.parametrize("text", ["[1]", "{"])
def test_a_broken_config_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"run\.json"):
        config.load(RunConfig, path, {})


def test_digest_changes_with_any_setting_and_only_then() -> None:
    assert config.digest(RunConfig()) == config.digest(RunConfig())
    assert config.digest(RunConfig(seed=1)) != config.digest(RunConfig())


def test_what_works_on_neighbours_is_not_given_whitened_features() -> None:
    chosen = {
        (method, clusterer): RunConfig(method=method, clusterer=clusterer).chosen_normalisation
        for method in ("deepcluster", "deepcluster-v2")
        for clusterer in ("kmeans", "rcc", "leiden")
    }
    assert chosen == {
        ("deepcluster", "kmeans"): "pca-whiten",
        ("deepcluster", "rcc"): "pca",
        ("deepcluster", "leiden"): "pca",
        ("deepcluster-v2", "kmeans"): "none",
        ("deepcluster-v2", "rcc"): "none",
        ("deepcluster-v2", "leiden"): "none",
    }
    assert RunConfig(clusterer="rcc", normalisation="pca-whiten").chosen_normalisation == "pca-whiten"
