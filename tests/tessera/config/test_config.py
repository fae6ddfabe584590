from __future__ import annotations

import json
from pathlib import Path

import pytest
from tessera import config
from tessera.config import IngestConfig, RunConfig, migrate
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
        ("clustering.clusters", "1", "at least 2"),
        ("clustering.clusters", "many", "whole number"),
        ("clustering.clusters", 2.5, "whole number"),
        ("sampling.balance", "fair", "choose one of"),
        ("optimiser.learning_rate", "nan", "not a number"),
        ("views.crop_scale", "0", "at least"),
        ("clustering.warm_start", "perhaps", "true or false"),
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
        RunConfig,
        config.parse_overrides(["clustering.clusters=12", "clustering.warm_start=no", "optimiser.learning_rate=1e-3"]),
    )
    assert (made.clustering.clusters, made.clustering.warm_start) == (12, False)
    assert made.optimiser.learning_rate == 1e-3
    with pytest.raises(ConfigError, match="key=value"):
        config.parse_overrides(["clusters"])


def test_a_saved_config_loads_equal_and_overrides_win(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(config.as_dict(RunConfig.of({"clustering.clusters": 33}))))
    assert config.load(RunConfig, path, {}) == RunConfig.of({"clustering.clusters": 33})
    assert config.load(RunConfig, path, {"clustering.clusters": "44"}).clustering.clusters == 44


@pytest.mark.parametrize("text", ["[1]", "{"])
def test_a_broken_config_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"run\.json"):
        config.load(RunConfig, path, {})


def test_digest_changes_with_any_setting_and_only_then() -> None:
    assert config.digest(RunConfig()) == config.digest(RunConfig())
    assert config.digest(RunConfig.of(seed=1)) != config.digest(RunConfig())


def test_what_works_on_neighbours_is_not_given_whitened_features() -> None:
    chosen = {
        (method, clusterer): RunConfig.of({"clustering.clusterer": clusterer}, method=method).chosen_normalisation
        for method in ("deepcluster", "deepcluster-v2")
        for clusterer in ("kmeans", "rcc", "leiden")
    }
    assert chosen == {
        ("deepcluster", "kmeans"): "pca-whiten",
        ("deepcluster", "rcc"): "pca",
        ("deepcluster", "leiden"): "pca",
        ("deepcluster-v2", "kmeans"): "pca",
        ("deepcluster-v2", "rcc"): "pca",
        ("deepcluster-v2", "leiden"): "pca",
    }
    assert (
        RunConfig.of({"clustering.clusterer": "rcc", "features.normalisation": "pca-whiten"}).chosen_normalisation
        == "pca-whiten"
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimiser.learning_rte": 1}, r"did you mean optimiser\.learning_rate"),
        ({"clutsers": 3}, r"did you mean clustering\.clusters"),
        ({"method": "deepclustr"}, "did you mean deepcluster"),
        ({"method": "deepcluster", "method.temperature": 1}, r"method\.temperature is a setting of deepcluster-v2"),
        ({"features": 8}, r"features is a group.*features\.pca_dim"),
        ({"tile_px": {"x": 3}}, "tile_px is one value"),
        ({"clustering": {"clusters": 1}}, r"clustering\.clusters=1: must be at least 2"),
        ({"version": 99}, "newer Tessera"),
    ],
)
def test_a_wrong_name_says_where_and_what_is_meant(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RunConfig.of(values)


def test_toml_and_dotted_overrides_make_one_config_whatever_their_order(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('epochs = 3\n[method]\nname = "deepcluster"\nkeep_head = true\n[clustering]\nclusterer = "rcc"\n')
    made = config.load(RunConfig, path, {"clustering.clusterer.lambda_scale": "2.5"})
    assert (made.epochs, made.method.name, config.flat(made)["method.keep_head"]) == (3, "deepcluster", True)
    assert config.flat(made)["clustering.clusterer.lambda_scale"] == 2.5
    assert config.load(RunConfig, path, {"method": "deepcluster-v2"}).method == RunConfig().method  # no keep_head left


def test_old_flat_names_are_understood_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    made = RunConfig.of({"rcc_lambda": "2", "clusterer": "rcc", "clusters": 9, "encoder": "tiny"})
    assert made == RunConfig.of(
        {"clustering.clusterer": "rcc", "clustering.clusterer.lambda_scale": 2, "clustering.clusters": 9},
        encoder="tiny",
    )
    assert len(caplog.messages) == 1
    assert "clusters is now clustering.clusters" in caplog.messages[0]
    with pytest.raises(ConfigError, match=r"RunConfig\.of\(\{'clustering\.clusters'"):
        RunConfig(clusters=9)


def test_what_is_stored_reads_back_equal_and_keeps_its_digest() -> None:
    made = RunConfig.of({"clustering.clusterer": "rcc", "method.heads": 2}, method="deepcluster-v2", seed=4)
    again = migrate.read_stored(migrate.to_store(made))
    assert again == made
    assert config.digest(again) == config.digest(made)


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 99}', '{"version": "x"}', '{"version": 2, "nonsense": 1}'])
def test_stored_settings_that_cannot_be_used_say_so(text: str) -> None:
    with pytest.raises(ConfigError, match=r"stored settings of this run|settings are damaged|newer Tessera"):
        migrate.read_stored(text)


def test_the_schema_holds_every_setting_with_its_bounds() -> None:
    made = config.schema(RunConfig)
    assert json.loads(json.dumps(made)) == made
    assert made["properties"]["optimiser"]["properties"]["learning_rate"]["minimum"] == 0
    methods = made["properties"]["method"]["anyOf"][1:]
    assert {each["properties"]["name"]["const"] for each in methods} == set(config.METHODS)
