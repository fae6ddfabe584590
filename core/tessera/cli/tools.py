"""Tools: `tessera serve | demo | password | doctor | config | completion`."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from tessera import config as configuration
from tessera.cli.dashboard import Serving, start_dashboard
from tessera.cli.options import ANSWERING, COMMON, DONE, FAILED, Answering, Common
from tessera.cli.terminal import TerminalProgress
from tessera.config import Config, ExportConfig, IngestConfig, PropagateConfig, RunConfig, StreamConfig
from tessera.errors import TesseraError
from tessera.workspace.folder import Workspace

CONFIGS: dict[str, type[Config]] = {
    "run": RunConfig,
    "ingest": IngestConfig,
    "archive": StreamConfig,
    "export": ExportConfig,
    "propagate": PropagateConfig,
}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Server:
    """How the dashboard is served; see `tessera.cli.dashboard.Serving`."""

    port: Annotated[int, Parameter(help="TCP port.")] = 5006
    address: Annotated[str, Parameter(help="Network interface to listen on.")] = "127.0.0.1"
    basic_auth: Annotated[
        Path | None, Parameter(help="Password file made by `tessera password`; needed for any other address.")
    ] = None
    editors: Annotated[
        str, Parameter(help="A,B: logins that may decide, run and export; all others only look.", show_default=False)
    ] = ""
    origin: Annotated[
        list[str] | None,
        Parameter(
            help="Another host name (and :port) under which browsers reach it, as behind a proxy; may be repeated."
        ),
    ] = None
    tls_cert: Annotated[Path | None, Parameter(help="Certificate (PEM), to serve https.")] = None
    tls_key: Annotated[Path | None, Parameter(help="Key of the certificate (PEM).")] = None

    def serving(self) -> Serving:
        """The same for the server.

        Raises:
            TesseraError: a certificate without its key.
        """
        if (self.tls_cert is None) != (self.tls_key is None):
            raise TesseraError("--tls-cert and --tls-key go together: a certificate needs its key")
        tls = None if self.tls_cert is None or self.tls_key is None else (self.tls_cert, self.tls_key)
        origins = tuple(self.origin or ())
        return Serving(self.port, self.address, self.basic_auth, self.editors, origins, tls)


_SERVER = Server()


def serve(*, server: Server = _SERVER, common: Common = COMMON) -> int:
    """Open the dashboard."""
    serving = server.serving()
    process = start_dashboard(Workspace.create(common.workspace).root, serving)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return DONE
    finally:
        process.terminate()
        process.wait()


def demo(
    *,
    no_serve: Annotated[bool, Parameter(help="Only create the workspace.", show_default=False)] = False,
    offline: Annotated[
        bool, Parameter(help="Draw synthetic slides, whatever else is there.", show_default=False)
    ] = False,
    server: Server = _SERVER,
    common: Common = COMMON,
) -> int:
    """Make the demo cohort and a first run, then open the dashboard; it opens first and says what is being done."""
    from tessera.demo import demo

    serving, workspace = server.serving(), Workspace.create(common.workspace)
    process = None if no_serve else start_dashboard(workspace.root, serving)
    try:
        with TerminalProgress() as bars:
            demo.prepare(workspace, bars, offline=offline)
        if process is None:
            return DONE
        print(f"The demo is ready: {serving.url}", flush=True)
        return process.wait()
    finally:
        if process is not None:
            process.terminate()
            process.wait()


def password(
    name: Annotated[str, Parameter(help="Login.")],
    /,
    *,
    file: Annotated[Path, Parameter(help="Password file.")] = Path("passwords.json"),
    role: Annotated[
        str | None,
        Parameter(help="viewer: look; reader: also name clusters; owner: also run, export and delete."),
    ] = None,
    remove: Annotated[bool, Parameter(help="Take the login away.", show_default=False)] = False,
    common: Common = COMMON,  # noqa: ARG001 - every command takes --verbose
) -> int:
    """Give somebody a login to the dashboard, or take it away."""
    from tessera.cli.password import password as set_one

    print(set_one(name, file, role, gone=remove))
    return DONE


def doctor(*, common: Answering = ANSWERING) -> int:
    """Report what is missing or slow on this machine, and how to fix it; ends with 1 when something is missing."""
    from tessera.cli.doctor import describe, examine

    findings = []
    for finding in examine(common.workspace):
        findings.append(finding)
        if not common.json:
            print(describe(finding), flush=True)
    if common.json:
        common.answer({"findings": [dataclasses.asdict(finding) for finding in findings]}, "")
    return FAILED if any(finding.state == "missing" for finding in findings) else DONE


def config(
    which: Annotated[str, Parameter(choices=tuple(CONFIGS), help="Settings of what.")] = "run",
    /,
    *,
    schema: Annotated[bool, Parameter(help="Print their JSON Schema.", show_default=False)] = False,
    defaults: Annotated[bool, Parameter(help="Print a TOML file of their defaults (as without any option).")] = False,
) -> int:
    """Print the defaults of all settings, or their JSON Schema. The defaults are a file for --config."""
    from tessera.cli.about_settings import defaults_file

    if schema and defaults:
        raise TesseraError("give one of --schema and --defaults")
    chosen = CONFIGS[which]
    print(json.dumps(configuration.schema(chosen), indent=2) if schema else defaults_file(chosen))
    return DONE


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell.")], /) -> int:
    """Print the script that completes words of this command in a shell.

    For bash: `tessera completion bash > ~/.local/share/bash-completion/completions/tessera`; for zsh, write it as
    _tessera to a folder of your fpath; for fish: `tessera completion fish > ~/.config/fish/completions/tessera.fish`.
    """
    from tessera.cli.table import COMMANDS

    app = App(name="tessera", help_format="plaintext", default_parameter=Parameter(negative=()))
    for name, command in COMMANDS.items():
        app.command(command.load(), name=name)
    print(app.generate_completion(prog_name="tessera", shell=shell))
    return DONE
