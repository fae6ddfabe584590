"""Every setting once: its default, unit, bounds and one line of why.

The command line, the dashboard's forms and the saved `config.json` of a run are all derived from these dataclasses.
Help and bounds live in each field's metadata (instead of a docstring under the field) so that they can be read there.
"""

from tessera.config.curate import ExportConfig, PropagateConfig
from tessera.config.ingest import IngestConfig, StreamConfig
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
    RunConfig,
)
from tessera.config.settings import (
    Config,
    Setting,
    as_dict,
    digest,
    from_mapping,
    load,
    parse_bytes,
    parse_overrides,
    setting,
    settings,
)

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
    "Config",
    "ExportConfig",
    "IngestConfig",
    "PropagateConfig",
    "RunConfig",
    "Setting",
    "StreamConfig",
    "as_dict",
    "digest",
    "from_mapping",
    "load",
    "parse_bytes",
    "parse_overrides",
    "setting",
    "settings",
]
