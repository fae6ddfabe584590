"""Every setting once: its default, unit, bounds and one line of why.

The command line, the dashboard's forms and the saved `config.json` of a run are all derived from these dataclasses.
Help and bounds live in each field's metadata (instead of a docstring under the field) so that they can be read there.
"""

from tessera.config.curate import ExportConfig, PropagateConfig
from tessera.config.ingest import IngestConfig, StreamConfig
from tessera.config.reading import as_dict, digest, flat, from_mapping, load, parse_bytes, parse_overrides
from tessera.config.run import (
    BALANCES,
    CLUSTERERS,
    COUNTS,
    GRAPH_CLUSTERERS,
    INPUTS,
    KNOWN_ENCODERS,
    METHODS,
    NORMALISATIONS,
    SCHEDULES,
    ClusteringConfig,
    EncoderConfig,
    FeaturesConfig,
    OptimiserConfig,
    RunConfig,
    SamplingConfig,
    ViewsConfig,
)
from tessera.config.schema import schema
from tessera.config.settings import Config, Leaf, Setting, leaves, setting, settings

__all__ = [
    "BALANCES",
    "CLUSTERERS",
    "COUNTS",
    "GRAPH_CLUSTERERS",
    "INPUTS",
    "KNOWN_ENCODERS",
    "METHODS",
    "NORMALISATIONS",
    "SCHEDULES",
    "ClusteringConfig",
    "Config",
    "EncoderConfig",
    "ExportConfig",
    "FeaturesConfig",
    "IngestConfig",
    "Leaf",
    "OptimiserConfig",
    "PropagateConfig",
    "RunConfig",
    "SamplingConfig",
    "Setting",
    "StreamConfig",
    "ViewsConfig",
    "as_dict",
    "digest",
    "flat",
    "from_mapping",
    "leaves",
    "load",
    "parse_bytes",
    "parse_overrides",
    "schema",
    "setting",
    "settings",
]
