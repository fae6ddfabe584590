"""The command line: words in, one function of `tessera.cli.commands` out. Options are derived from `tessera.config`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tessera import __version__
from tessera import config as configuration
from tessera.cli import archive, commands, curate
from tessera.errors import TesseraError
from tessera.workspace import files
from tessera.workspace.folder import default_root

EXPORT_OPTIONS = ("per_class", "val", "test", "seed", "licence")
INGEST_OPTIONS = ("mpp", "tile_px", "overlap", "max_tiles_per_slide", "min_tissue", "default_mpp", "threads")


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `tessera`; those of the process when None.

    Returns:
        Exit code: 0 when all went well, 1 when something failed, 2 for wrong words, 130 when interrupted, 141 when nobody
        reads the answer any more.
    """
    options = build_parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    logging.getLogger("stamina").setLevel(
        logging.ERROR
    )  # what is tried again is said by tessera.ingest.archive.http, with the slide
    try:
        code: int = options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:  # `tessera status | head`: whoever read has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python's last flush finds a reader
        return 128 + signal.SIGPIPE
    except TesseraError as error:
        print(f"tessera: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if not files.is_no_room(error):
            raise
        print(f"tessera: {error}: make room and start again", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("tessera: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    return code


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `command` to a function of `tessera.cli.commands`."""
    parser = argparse.ArgumentParser(
        prog="tessera", description="Tissue classes from unlabelled slides: ingest, run, look, name, export."
    )
    parser.add_argument("--version", action="version", version=f"tessera {__version__}")
    commands_of = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_cohort_commands(commands_of)
    _add_run_commands(commands_of)
    _add_result_commands(commands_of)
    _add_curation_commands(commands_of)
    _add_tool_commands(commands_of)
    return parser


def _command(
    group: Any, name: str, function: Callable[[argparse.Namespace], int], help: str, *, json: bool = False
) -> argparse.ArgumentParser:
    """Add one command with the options that all have."""
    parser: argparse.ArgumentParser = group.add_parser(name, help=help, description=help)
    parser.add_argument(
        "--workspace", type=Path, default=default_root(), metavar="DIR", help="project folder (%(default)s)"
    )
    parser.add_argument("--verbose", action="store_true", help="log what is done")
    if json:
        parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(command=function)
    return parser


def _add_cohort_commands(group: Any) -> None:
    ingest = _command(
        group, "ingest", commands.ingest, "cut slides into tiles and add them to the workspace", json=True
    )
    ingest.add_argument(
        "sources", nargs="*", type=Path, metavar="SOURCE", help="slides, folders of slides, or gdc: (then --project)"
    )
    ingest.add_argument(
        "--tiles", type=Path, metavar="FOLDER", help="ready-made tile images; class folders or labels.csv give labels"
    )
    _add_options(ingest, configuration.IngestConfig, INGEST_OPTIONS)
    archive.add_options(ingest)
    _add_settings(ingest)


def _add_run_commands(group: Any) -> None:
    run = _command(group, "run", commands.run, "train: cluster, pseudo-label, learn, repeat", json=True)
    run.add_argument("--config", type=Path, metavar="FILE", help="TOML or JSON file of settings")
    run.add_argument("--name", metavar="R", help="name of the run; run-1, run-2, ... if not given")
    run.add_argument("--detach", action="store_true", help="start it and return at once")
    _add_settings(run)
    run.formatter_class = argparse.RawDescriptionHelpFormatter
    run.epilog = "settings, for --set and --config:\n" + "\n".join(_about_settings(configuration.RunConfig))
    _command(group, "status", commands.status, "slides, tiles and runs of the workspace", json=True)
    for name, function, help in (
        ("pause", commands.pause, "let a run, or the ingest of an archive, wait; it keeps its place"),
        ("resume", commands.resume, "let a paused, stopped or broken run or ingest go on"),
        ("stop", commands.stop, "end a run after saving it, or the ingest of an archive"),
    ):
        _command(group, name, function, help, json=True).add_argument(
            "name", metavar="R", help="the run; `ingest` for the ingest of an archive"
        )
    work = _command(group, "work", commands.work, "be the worker process of a run (started by `run` and the dashboard)")
    work.add_argument("name", metavar="R")


def _add_result_commands(group: Any) -> None:
    cluster = _command(
        group, "cluster", commands.cluster, "cluster the tiles of a finished run anew, without training", json=True
    )
    cluster.add_argument(
        "--with", dest="clusterer", choices=list(configuration.CLUSTERERS), default="rcc", help="method (%(default)s)"
    )
    cluster.add_argument(
        "--clusters",
        type=int,
        default=None,
        metavar="K",
        help="how many; if not given, rcc, pic, hdbscan and leiden find out, and k-means makes as many as R has",
    )
    cluster.add_argument("--as", dest="new_name", default=None, metavar="NEW", help="name of the new run")
    _add_settings(cluster)
    compare = _command(group, "compare", commands.compare, "how far clusterings of the same tiles agree", json=True)
    compare.add_argument("names", nargs="+", metavar="R", help="runs, each at its last clustering")
    compare.add_argument(
        "--stability",
        action="store_true",
        help="also cluster disturbed features again: how far each agrees with itself",
    )
    cluster.add_argument("name", metavar="R", help="the finished run")
    evaluate = _command(
        group, "evaluate", commands.evaluate, "score clusters and features against labels and baselines", json=True
    )
    assign = _command(
        group, "assign", commands.assign, "place tiles that came later into the clusters of a finished run", json=True
    )
    assign.add_argument("name", metavar="R", help="the run; it is left as it is, the result is a new run")
    assign.add_argument("sources", nargs="*", type=Path, metavar="SOURCE", help="slides or folders to ingest first")
    assign.add_argument("--tiles", type=Path, metavar="FOLDER", help="ready-made tile images to ingest first")
    assign.add_argument("--to", metavar="NEW", help="name of the new run; R-assigned if not given")
    project = _command(group, "project", commands.project, "make the map (UMAP) of a run's tiles", json=True)
    export = _command(group, "export", commands.export, "write a curated tile set with its provenance", json=True)
    for parser in (evaluate, project, export):
        parser.add_argument("name", metavar="R", help="the run")
        parser.add_argument(
            "--interval", type=int, default=None, help="which clustering of the run; the last if not given"
        )
    export.add_argument("--to", type=Path, required=True, metavar="DIR", help="new folder to write; never overwritten")
    export.add_argument(
        "--format",
        default="imagefolder",
        help="imagefolder (default), parquet, webdataset, hf-imagefolder, hf-parquet (Hugging Face), qupath (GeoJSON)",
    )
    export.add_argument(
        "--clusters",
        default=None,
        metavar="LIST",
        help="cluster numbers, 3,7,12, or all; those with a name if not given",
    )
    export.add_argument("--author", default="", help="who exports, for the provenance file; your login if not given")
    _add_options(export, configuration.ExportConfig, EXPORT_OPTIONS)
    _add_settings(export)


def _add_curation_commands(group: Any) -> None:
    name = _command(group, "name", curate.name, "name a cluster, mark it as tissue or artefact, or note something")
    history = _command(group, "history", curate.history, "everything that was decided on a run", json=True)
    undo = _command(group, "undo", curate.undo, "take back your last decision, or make it again")
    propagate = _command(
        group, "propagate", curate.propagate, "propose classes for all tiles from a few labels", json=True
    )
    recluster = _command(
        group, "recluster", curate.recluster, "drop artefacts and excluded tiles, and run again on the others"
    )
    for parser in (name, history, undo, propagate, recluster):
        parser.add_argument("name", metavar="R", help="the run")
    for parser in (name, undo, propagate, recluster):
        parser.add_argument("--author", default="", help="who decides; your login if not given")
    for parser in (name, propagate, recluster):
        parser.add_argument("--interval", type=int, default=None, help="which clustering; the last if not given")
    name.add_argument("cluster", type=int, metavar="CLUSTER", help="its number")
    name.add_argument("title", nargs="?", default=None, metavar="NAME", help="its name; '' takes it away")
    name.add_argument("--mark", default=None, help="tissue, artefact, mixed or unknown; '' takes it away")
    name.add_argument("--note", default=None, help="anything worth remembering")
    undo.add_argument("--decision", type=int, default=None, metavar="N", help="its number in the history")
    undo.add_argument("--redo", action="store_true", help="make again what was undone")
    recluster.add_argument("--reject", default="", metavar="LIST", help="clusters to mark as artefact first, 3,7,12")
    recluster.add_argument("--as", dest="title", default=None, metavar="NEW", help="name of the new run")
    _add_settings(recluster)
    propagate.add_argument("--accept", default=None, metavar="PROPOSAL", help="move the confident tiles of a proposal")
    propagate.add_argument("--least", type=float, default=0.9, help="confidence that counts (%(default)s)")
    _add_settings(propagate)


def _add_tool_commands(group: Any) -> None:
    serve = _command(group, "serve", commands.serve, "open the dashboard")
    demo = _command(group, "demo", commands.demo, "make the demo cohort and a first run, then open the dashboard")
    for parser in (serve, demo):
        parser.add_argument("--port", type=int, default=5006)
        parser.add_argument("--address", default="127.0.0.1", help="interface to listen on (%(default)s)")
        parser.add_argument(
            "--basic-auth",
            type=Path,
            default=None,
            metavar="FILE",
            help="password file made by `tessera password`; needed for any other address",
        )
        parser.add_argument(
            "--editors", default="", metavar="A,B", help="logins that may decide, run and export; all others only look"
        )
        parser.add_argument(
            "--origin",
            action="append",
            default=[],
            metavar="HOST",
            help="another host name (and :port) under which browsers reach it, as behind a proxy; may be repeated",
        )
        parser.add_argument("--tls-cert", type=Path, default=None, metavar="PEM", help="certificate, to serve https")
        parser.add_argument("--tls-key", type=Path, default=None, metavar="PEM", help="key of the certificate")
    password = _command(group, "password", commands.password, "give somebody a login to the dashboard, or take it away")
    password.add_argument("name", metavar="NAME", help="login")
    password.add_argument("--file", type=Path, default=Path("passwords.json"), help="password file (%(default)s)")
    password.add_argument(
        "--role", default=None, help="viewer: look; reader: also name clusters; owner: also run, export and delete"
    )
    password.add_argument("--remove", action="store_true", help="take the login away")
    demo.add_argument("--no-serve", action="store_true", help="only make the workspace")
    demo.add_argument("--offline", action="store_true", help="draw synthetic slides, whatever else is there")
    _command(
        group, "doctor", commands.doctor, "say what is missing or slow on this machine, and how to mend it", json=True
    )


def _add_options(parser: argparse.ArgumentParser, config: type[Any], names: tuple[str, ...]) -> None:
    """An option of its own for each of some settings."""
    about = configuration.settings(config)
    for name in names:
        unit = f" [{about[name].unit}]" if about[name].unit else ""
        default = config.__dataclass_fields__[name].default
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            default=None,
            metavar="X",
            help=f"{about[name].help}{unit} Default {default!r}.".replace("%", "%%"),
        )


def _about_settings(config: type[configuration.Config]) -> Iterator[str]:
    """Every setting with its default, choices and help, wrapped for a terminal."""
    for leaf in configuration.leaves(config):
        about = leaf.about
        if about.internal:
            continue
        choices = f" ({', '.join(about.choices)})" if about.choices else ""
        unit = f" {about.unit}" if about.unit else ""
        only = f" [with {leaf.only[0]}={leaf.only[1]}]" if leaf.only else ""
        text = f"{leaf.path}={leaf.default}{unit}{choices}{only}: {about.help}"
        yield textwrap.fill(text, 110, initial_indent="  ", subsequent_indent="      ")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="KEY=VALUE", help="any setting; may be repeated"
    )


if __name__ == "__main__":
    sys.exit(main())
