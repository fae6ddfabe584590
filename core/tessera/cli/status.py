"""The state of a workspace in one answer: slides by state, tiles by reason, runs."""

from __future__ import annotations

from typing import Any

from tessera.config import as_dict
from tessera.runs.figures import events
from tessera.runs.rows import Run, list_runs
from tessera.runs.text import summarise_events
from tessera.words import counted
from tessera.workspace import activity
from tessera.workspace.folder import Workspace

_NOTES = 5


def summarise(workspace: Workspace) -> dict[str, Any]:
    """Slides by state, grid positions by reason, tiles, runs and what is going on, ready for JSON."""
    with workspace.ledger.read() as connection:
        states = connection.execute("SELECT state, count(*) AS n FROM slide GROUP BY state").fetchall()
        reasons = connection.execute("SELECT reason, sum(n) AS n FROM grid_count GROUP BY reason").fetchall()
        troubled = connection.execute(
            "SELECT name, state, reason FROM slide WHERE state NOT IN ('done', 'found', 'ingesting') ORDER BY name"
        ).fetchall()
        notes = connection.execute(
            "SELECT name, reason FROM slide WHERE state = 'done' AND reason != '' ORDER BY name"
        ).fetchall()
        rejected = connection.execute("SELECT path, reason FROM rejected_file ORDER BY path").fetchall()
        tiles = connection.execute("SELECT coalesce(sum(n_tiles), 0) FROM slide WHERE state = 'done'").fetchone()[0]
    return {
        "workspace": str(workspace.root),
        "tiles": tiles,
        "slides": {row["state"]: row["n"] for row in states},
        "grid": {row["reason"]: row["n"] for row in reasons},
        "troubled": [dict(row) for row in troubled],
        "notes": [dict(row) for row in notes],
        "rejected_files": [dict(row) for row in rejected],
        "runs": [_run(workspace, run) for run in list_runs(workspace)],
        "stream": _stream(workspace),
        "activities": [vars(item) for item in activity.recent(workspace, 5) if item.state == "running"],
    }


def describe(summary: dict[str, Any]) -> str:
    """The summary in lines for a terminal."""
    slides = ", ".join(f"{n:,} {_plain(state)}" for state, n in summary["slides"].items()) or "none yet"
    lines = [f"workspace {summary['workspace']}", f"slides    {slides}", f"tiles     {summary['tiles']:,}"]
    lines += [f"  {reason}: {n:,}" for reason, n in sorted(summary["grid"].items())]
    lines += [f"{_plain(item['state']):9} {item['name']}: {item['reason']}" for item in summary["troubled"]]
    lines += [f"note      {item['name']} {item['reason']}" for item in summary["notes"][:_NOTES]]
    if len(summary["notes"]) > _NOTES:
        more = counted(len(summary["notes"]) - _NOTES, "more slide", "more slides")
        lines.append(f"          and {more} with a note: --json has all")
    lines += [f"no slide  {item['path']}: {item['reason']}" for item in summary["rejected_files"]]
    if summary["stream"] is not None:
        stream = summary["stream"]
        rest = {} if stream["alive"] else {"downloading": "partly fetched", "tiling": "downloaded, waiting to be cut"}
        counts = ", ".join(
            f"{total['slides']:,} {rest.get(state, _plain(state))}" for state, total in stream["slides"].items()
        )
        lines.append(f"archive   {stream['source']}: {stream['state']}; {counts}")
        lines += [f"            {stream['message']}"] if stream["message"] else []
        if stream["unfinished"] and not stream["alive"]:
            lines.append("            continue with `tessera ingest --go-on`")
        lines += [f"  {_plain(one['state'])}: {one['slides']:,} x {one['reason']}" for one in stream["troubles"]]
    lines += [f"doing     {item['kind']} {item['run']}: {item['phase']}" for item in summary["activities"]]
    for run in summary["runs"]:
        nmi = "" if run["nmi"] is None else f", NMI(t, t-1) {run['nmi']:.3f}"
        loss = "" if run["loss"] is None else f", loss {run['loss']:.3f}"
        lines.append(
            f"run       {run['name']}: {_how(run['config'])}, {run['state']}{_asked(run)}, interval {run['interval']} "
            f"of {run['epochs']}{nmi}{loss}"
        )
        partly = run["encoder"].get("left_out", "")
        said = [text for text in run["said"] if text != partly]
        lines += [f"            {text}" for text in [run["message"], partly, *said] if text]
    return "\n".join(lines)


def _plain(state: str) -> str:
    return state.replace("_", " ")


def _stream(workspace: Workspace) -> dict[str, Any] | None:
    """The streaming ingest, if there is one."""
    from tessera.ingest.archive import ledger

    row = ledger.read_stream(workspace)
    if row is None:
        return None
    return {
        "source": row.source,
        "state": row.state,
        "alive": row.alive,
        "unfinished": ledger.n_unfinished(workspace),
        "message": row.message,
        "bytes_per_second": row.rate,
        "slides_held": row.slides_held,
        "high_water": row.high_water,
        "tiles_kept": row.tiles_kept,
        "slides": {state: vars(total) for state, total in ledger.totals(workspace).items()},
        "troubles": [
            {"state": state, "reason": reason, "slides": n} for state, reason, n, _ in ledger.troubles(workspace)
        ],
    }


def _run(workspace: Workspace, run: Run) -> dict[str, Any]:
    with workspace.ledger.read() as connection:
        last = {
            name: connection.execute(
                "SELECT value FROM metric WHERE run_id = ? AND name = ? ORDER BY step DESC, interval DESC LIMIT 1",
                (run.id, name),
            ).fetchone()
            for name in ("nmi", "loss")
        }
    return {
        "name": run.name,
        "state": run.state,
        "alive": run.alive,
        "interval": run.interval,
        "epochs": run.epochs,
        "phase": run.phase,
        "progress": run.progress,
        "message": run.message or run.problem,
        "want": run.requested,
        "said": [text for _, text in summarise_events(events(run))[:_NOTES]],
        "encoder": workspace.run_folder(run.name).origin(),
        "config": None if run.settings is None else as_dict(run.settings),
        **{name: None if row is None else row["value"] for name, row in last.items()},
    }


def _asked(run: dict[str, Any]) -> str:
    """What a run was asked for and has not done yet."""
    waits = run["alive"] and run["want"] != "run" and run["state"] in ("queued", "running")
    return f" and asked to {run['want']}" if waits else ""


def _how(config: dict[str, Any] | None) -> str:
    """What a run is, in few words."""
    if config is None:
        return "settings cannot be read"
    clusterer = config["clustering"]["clusterer"]["name"]
    if config["source"]:
        return f"{config['source']} clustered again by {clusterer}"
    return f"{config['method']['name']} with {clusterer}"
