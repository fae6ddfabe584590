"""Start the dashboard's server process. Nothing secret is in its words: other users of the machine can read those."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tessera.errors import TesseraError
from tessera.workspace.background import SAFE_PYTHON, safe_environment
from tessera.workspace.folder import ENVIRONMENT_VARIABLE
from tessera.workspace.people import PASSWORDS_VARIABLE, read

_CHECKOUT_APP = Path(__file__).resolve().parents[3] / "app" / "tessera_app"
_LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Serving:
    """How the dashboard is served.

    Attributes:
        port: TCP port.
        address: interface to listen on.
        passwords: password file, see `tessera password`; None = no login, this machine only.
        editors: logins that may do everything, while all others look; empty = the roles of the password file.
        origins: host names under which browsers reach it, as `slides.hospital.org`, besides the address itself.
        tls: certificate and key, PEM files; None = plain http.
    """

    port: int = 5006
    address: str = "127.0.0.1"
    passwords: Path | None = None
    editors: str = ""
    origins: tuple[str, ...] = ()
    tls: tuple[Path, Path] | None = None

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"{'https' if self.tls else 'http'}://{self.address}:{self.port}/app"


def start_dashboard(root: Path, serving: Serving) -> subprocess.Popen[bytes]:
    """Start the server.

    Args:
        root: the workspace folder.
        serving: how.

    Raises:
        TesseraError: the dashboard is not installed, it would be open to others without a password, or the password
            file cannot be used.
    """
    _check(serving)
    words = [*SAFE_PYTHON, "-m", "panel", "serve", _served_folder(), "--num-threads", "4"]
    words += [f"--port={serving.port}", f"--address={serving.address}"]
    for origin in (f"{serving.address}:{serving.port}", f"localhost:{serving.port}", *serving.origins):
        words.append(f"--allow-websocket-origin={origin}")
    if serving.tls is not None:
        words += [f"--ssl-certfile={serving.tls[0]}", f"--ssl-keyfile={serving.tls[1]}"]
    settings = {ENVIRONMENT_VARIABLE: str(root)}
    if serving.passwords is not None:
        settings[PASSWORDS_VARIABLE] = str(serving.passwords.resolve())
    if serving.editors:
        settings["TESSERA_EDITORS"] = serving.editors
    print(f"Tessera dashboard: {serving.url}  (workspace {root}; Ctrl-C ends it)", flush=True)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that callers end the server too
    return subprocess.Popen(words, env={**safe_environment(os.environ), **settings})


def _check(serving: Serving) -> None:
    if serving.passwords is not None:
        read(serving.passwords)
    elif serving.editors:
        raise TesseraError("--editors names logins: give --basic-auth FILE with it, or nobody has one")
    elif serving.address not in _LOCAL:
        raise TesseraError(
            f"refusing to serve slides on {serving.address} without a password: make a password file with "
            "`tessera password NAME --file FILE` and give --basic-auth FILE"
        )


def _served_folder() -> str:
    """The folder with main.py and app_hooks.py: inside an installed package, or app/ of the checkout.

    Raises:
        TesseraError: the dashboard is not installed.
    """
    found = importlib.util.find_spec("tessera_app")
    package = Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else _CHECKOUT_APP
    for folder in (package / "app", package.parent):
        if (folder / "app_hooks.py").is_file():
            return str(folder)
    raise TesseraError("the dashboard (package tessera_app) is not installed: run `make install` in the checkout")
