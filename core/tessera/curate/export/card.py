"""The dataset card (README.md) and provenance.json of a tile set.

What it is, where it comes from, who named it, terms of use.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tessera import __version__
from tessera.config import ExportConfig, as_dict
from tessera.curate.cells import markdown_cell
from tessera.curate.decisions.history import Decision, history_of
from tessera.curate.decisions.state import in_effect
from tessera.curate.export.plan import Plan
from tessera.explore.clustering import Clustering
from tessera.workspace import files

_MAX_SLIDES = 200  # in the card; provenance.json has all
_CAUTION = (
    "Classes were found by clustering and named by people on the level of clusters: they are not diagnoses, and "
    "single tiles "
    "may be wrong. Clusters can follow stain, scanner or hospital as well as tissue: look at the table of sources "
    "before "
    "training on them, and split by patient."
)


def describe(
    clustering: Clustering,
    folder: Path,
    plan: Plan,
    *,
    format: str,
    author: str,
    config: ExportConfig,
    front_matter: str,
    notes: list[str],
) -> None:
    """Write README.md and provenance.json.

    Args:
        clustering: the clustering that was exported.
        folder: of the set.
        plan: what is in it.
        format: of the set.
        author: who exported.
        config: how it was divided.
        front_matter: YAML for the head of the card, or empty.
        notes: what the reader must know besides.
    """
    facts = _facts(clustering, plan, format, author, config)
    files.write_text(folder / "provenance.json", json.dumps(facts, indent=2, default=str))
    head = f"---\n{front_matter}\n---\n\n" if front_matter else ""
    files.write_text(folder / "README.md", head + _card(clustering, facts, plan.counts, config, notes))


def _facts(clustering: Clustering, plan: Plan, format: str, author: str, config: ExportConfig) -> dict[str, Any]:
    run, counts = clustering.of, plan.counts
    used, sizes = np.unique(clustering.index.slide[plan.tiles], return_counts=True)
    n_tiles = dict(zip(used.tolist(), sizes.tolist(), strict=True))
    with clustering.workspace.ledger.read() as connection:
        rows = connection.execute(
            "SELECT id, name, kind, patient, site, vendor, sha256, mpp, mpp_source, reason AS caution FROM slide "
            "ORDER BY id"
        ).fetchall()
    slides = [dict(row) | {"n_tiles": n_tiles[row["id"]]} for row in rows if row["id"] in n_tiles]
    return {
        "tool": f"tessera {__version__}",
        "exported": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "author": author,
        "format": format,
        "run": clustering.run,
        "interval": clustering.interval,
        "settings": {} if run.settings is None else as_dict(run.settings),
        "settings_digest": run.digest,
        "encoder": clustering.workspace.run_folder(clustering.run).origin(),
        "export_settings": as_dict(config),
        "n_tiles": sum(sum(splits.values()) for splits in counts.values()),
        "classes": {name: sum(splits.values()) for name, splits in counts.items()},
        "splits": counts,
        "decisions": [vars(decision) for decision in history_of(run)],
        "slides": [{key: slide[key] for key in slide if key != "id"} for slide in slides],
    }


def _card(
    clustering: Clustering,
    facts: dict[str, Any],
    counts: dict[str, dict[str, int]],
    config: ExportConfig,
    notes: list[str],
) -> str:
    settings = facts["settings"]
    parts = [
        f"# Tile set from run {markdown_cell(clustering.run)}, interval {clustering.interval}",
        f"{facts['n_tiles']:,} tiles of {len(counts)} pseudo-classes, written as {facts['format']} on "
        f"{facts['exported']} by "
        f"{markdown_cell(facts['author'] or 'unknown')} with {facts['tool']}. manifest.parquet has one row a tile, "
        "provenance.json every setting, slide and decision.",
        "## Classes",
        _class_table(counts),
        "## How it was made",
        f"{_how(settings)}, settings digest {facts['settings_digest']}.",
        *(
            [f"At most {config.per_class:,} tiles a class, evenly over {config.bins} bins of distance to the centre."]
            if config.per_class
            else []
        ),
        *(["Splits share no patient (no slide, where the patient is not known)."] if config.val or config.test else []),
        *[markdown_cell(note) for note in notes],
        "## Who named it",
        _reader_table(in_effect(history_of(clustering.of))),
        "## Sources",
        _slide_table(facts["slides"]),
        "## Terms of use",
        markdown_cell(config.licence)
        or "Those of the slides: no licence was given at export. Ask the owner of the slides before you pass tiles on.",
        *(
            [f"The encoder that chose them: {markdown_cell(licence)}."]
            if (licence := facts["encoder"].get("licence"))
            else []
        ),
        "## Cautions",
        _CAUTION,
        *_slide_cautions(facts["slides"]),
    ]
    return "\n\n".join(parts) + "\n"


def _class_table(counts: dict[str, dict[str, int]]) -> str:
    splits = sorted({split for row in counts.values() for split in row}, key=("", "train", "validation", "test").index)
    head = ["class", *[split or "tiles" for split in splits]]
    rows = [
        [markdown_cell(name), *[f"{row.get(split, 0):,}" for split in splits]] for name, row in sorted(counts.items())
    ]
    return _table(head, rows)


def _reader_table(decisions: list[Decision]) -> str:
    if not decisions:
        return "Nobody has made a decision about these clusters."
    by_author: dict[str, Counter[str]] = {}
    for decision in decisions:
        by_author.setdefault(decision.author, Counter())[decision.kind] += 1
    rows = [
        [markdown_cell(author), ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())]
        for author, kinds in sorted(by_author.items())
    ]
    return _table(["reader", "decisions in effect"], rows)


def _slide_cautions(slides: list[dict[str, Any]]) -> list[str]:
    """A line for each slide whose ingest gave a word of caution, one paragraph in all."""
    noted = [slide for slide in slides if slide["caution"]]
    lines = [f"- {markdown_cell(slide['name'])} {markdown_cell(slide['caution'])}" for slide in noted[:_MAX_SLIDES]]
    if len(noted) > _MAX_SLIDES:
        lines.append(f"- and {len(noted) - _MAX_SLIDES:,} more, in provenance.json")
    return ["\n".join(lines)] if lines else []


def _slide_table(slides: list[dict[str, Any]]) -> str:
    rows = [
        [
            markdown_cell(slide["name"]),
            markdown_cell(slide["patient"] or "-"),
            markdown_cell(slide["site"] or "-"),
            markdown_cell(slide["vendor"] or slide["kind"]),
            f"{slide['mpp']:.4g} ({markdown_cell(slide['mpp_source'] or '-')})" if slide["mpp"] else "-",
            f"{slide['n_tiles']:,}",
            (slide["sha256"] or "-")[:12],
        ]
        for slide in slides[:_MAX_SLIDES]
    ]
    table = _table(["slide", "patient", "site", "format", "um/px", "tiles", "sha256"], rows)
    left = len(slides) - _MAX_SLIDES
    return table if left <= 0 else f"{table}\n\nand {left:,} more, in provenance.json."


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _how(settings: dict[str, Any]) -> str:
    """Method, clusterer and encoder of a run in a line."""
    if not settings:
        return "Settings that this version cannot read"
    clustering, encoder = settings["clustering"], markdown_cell(str(settings["encoder"]["name"]))
    return (
        f"Method {settings['method']['name']}, clusterer {clustering['clusterer']['name']}, "
        f"{clustering['clusters']} clusters asked for, encoder {encoder}"
    )
