"""Settings of earlier versions by their present names.

Version 1 (until b674df0) had one flat list of settings; version 2 has groups. What is stored is translated in silence;
what a person writes by old names is understood for one more release, with a line that names the new ones.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from tessera.config.reading import as_dict, from_mapping, nest
from tessera.config.run import CLUSTERERS, METHODS, RunConfig
from tessera.config.settings import option, settings
from tessera.errors import ConfigError

logger = logging.getLogger(__name__)

VERSION = 2
FLAT = {
    "clusters": "clustering.clusters",
    "clusterer": "clustering.clusterer",
    "cluster_count": "clustering.count",
    "graph_points": "clustering.graph_points",
    "warm_start": "clustering.warm_start",
    "min_cluster": "clustering.min_cluster",
    "kmeans_iterations": "clustering.kmeans_iterations",
    "train_points_per_centroid": "clustering.train_points_per_centroid",
    "rcc_lambda": "clustering.clusterer.lambda_scale",
    "rcc_hold": "clustering.clusterer.hold",
    "input": "encoder.input",
    "weights": "encoder.weights",
    "normalisation": "features.normalisation",
    "pca_dim": "features.pca_dim",
    "extract_batch": "features.batch_size",
    "crop_scale": "views.crop_scale",
    "stain_jitter": "views.stain_jitter",
    "augment_on": "views.augment_on",
    "learning_rate": "optimiser.learning_rate",
    "schedule": "optimiser.schedule",
    "warmup": "optimiser.warmup",
    "momentum": "optimiser.momentum",
    "weight_decay": "optimiser.weight_decay",
    "balance": "sampling.balance",
    "balance_cap": "sampling.cap",
    "interval_tiles": "sampling.interval_tiles",
    "window_tiles": "sampling.window_tiles",
    "heads": "method.heads",
    "crops": "method.crops",
    "temperature": "method.temperature",
    "projection_dim": "method.projection_dim",
    "keep_head": "method.keep_head",
}


def from_flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a person wrote, with old names replaced; one line in the log says which.

    A `version` that a saved config carries is left out.

    Raises:
        ConfigError: a newer version wrote it.
    """
    _refuse_newer(values)
    old = [name for name in values if name in FLAT]
    if old:
        logger.warning(
            "old names of settings, understood for one more release: %s",
            ", ".join(f"{name} is now {FLAT[name]}" for name in old),
        )
    found = {name: value for name, value in values.items() if name not in FLAT and name != "version"}
    return {**{FLAT[name]: values[name] for name in old}, **found}


def read_stored(text: str) -> RunConfig:
    """Settings as a run stored them, in whatever version.

    Raises:
        ConfigError: they are damaged, or a newer version wrote them.
    """
    try:
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("not a JSON object")
    except ValueError as error:
        raise ConfigError(f"the stored settings of this run are damaged ({error})") from error
    _refuse_newer(values)
    if values.get("version", 1) == 1:
        values = _nested(values)
    try:
        return from_mapping(RunConfig, values)
    except ConfigError as error:
        raise ConfigError(f"the stored settings of this run cannot be used: {error}") from error


def to_store(config: RunConfig) -> str:
    """Settings as a run stores them: JSON, with the version of their names."""
    return json.dumps({"version": VERSION, **as_dict(config)}, indent=2)


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """A complete flat config of version 1; what only other methods and clusterers read had no effect and is dropped."""
    found = nest({FLAT.get(name, name): value for name, value in values.items() if name != "version"})
    if isinstance(encoder := found.get("encoder"), dict):  # it scaled every encoder's colours as ImageNet's
        encoder.setdefault("colour", "imagenet")
    for within, group, options in ((found, "method", METHODS), (found.get("clustering", {}), "clusterer", CLUSTERERS)):
        chosen = within.get(group)
        if isinstance(chosen, dict) and chosen.get("name") in options:
            known = {"name", *settings(option(options, chosen["name"]))}
            within[group] = {key: value for key, value in chosen.items() if key in known}
    return found


def _refuse_newer(values: Mapping[str, Any]) -> None:
    version = values.get("version", 1)
    if not isinstance(version, int):
        raise ConfigError(f"the settings are damaged: version={version} is not a whole number")
    if version > VERSION:
        raise ConfigError(
            f"a newer Tessera wrote these settings (version {version}; this one knows {VERSION}): "
            "install the newest, `pip install --upgrade tessera-pathology`"
        )
