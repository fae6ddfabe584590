"""A dashboard in its own process and a Chromium that may only talk to it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

PATIENCE_MS = 120_000  # a busy machine may need it; nothing is judged by time
expect.set_options(timeout=PATIENCE_MS)

Serve = Callable[..., str]
PASSWORD = "omnis cellula e cellula"


def password_file(path: Path, **roles: str) -> Path:
    """A password file of logins and their roles; all have `PASSWORD`, hashed as weakly as argon2 lets us."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    people = {name: {"hash": cheap.hash(PASSWORD), "role": role} for name, role in roles.items()}
    path.write_text(json.dumps({"version": 1, "people": people}))
    path.chmod(0o600)
    return path


@pytest.fixture
def browser() -> Iterator[Any]:
    """A fresh Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def open_tab(browser: Any) -> Any:
    """One more page, patient."""
    made = browser.new_page(viewport={"width": 1280, "height": 1000})
    made.set_default_timeout(PATIENCE_MS)
    return made


@pytest.fixture
def page(browser: Any) -> Any:
    """A fresh Chromium and one page in it."""
    return open_tab(browser)


@pytest.fixture
def offline_page(page: Any) -> Iterator[Any]:
    """A page whose test fails when it asks for anything that is not on this machine, or when its scripts raise."""
    outside: list[str] = []
    errors: list[str] = []

    def route(request: Any) -> None:
        if request.request.url.startswith(("http://127.0.0.1", "http://localhost", "data:", "blob:")):
            request.continue_()
        else:
            outside.append(request.request.url)
            request.abort()

    page.context.route("**/*", route)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert not outside, outside
    assert not errors, errors


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start `panel serve app/` on a workspace; gives the address of the page."""
    yield from serving(tmp_path)


def serving(folder: Path) -> Iterator[Serve]:
    """What `serve` does, for fixtures that live longer. Logs go to `folder`; all servers end with the fixture."""
    processes = []

    def start(workspace: Path, *words: str, panel: tuple[str, ...] = ("-m", "panel")) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [
            sys.executable,
            *panel,
            "serve",
            str(ROOT / "app"),
            "--port",
            str(port),
            "--num-threads",
            "4",
            *words,
        ]
        environment = {**os.environ, "TESSERA_WORKSPACE": str(workspace)}
        log = folder / f"serve-{port}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=subprocess.PIPE, env=environment, cwd=folder)
        processes.append(process)
        _wait_for_line(process, b"app running at", log)
        return f"http://localhost:{port}/app"

    yield start
    for process in processes:
        process.terminate()
        process.wait(timeout=PATIENCE_MS / 1000)


def _wait_for_line(process: subprocess.Popen[bytes], words: bytes, log: Path) -> None:
    """Read what the server says until it says `words`; a thread writes the rest into its log."""
    said = process.stderr
    assert said is not None
    with log.open("ab") as stream:
        for line in said:
            stream.write(line)
            if words in line:
                break
        else:
            raise AssertionError(log.read_text())

    def drain() -> None:
        with log.open("ab") as stream:
            shutil.copyfileobj(said, stream)

    threading.Thread(target=drain, daemon=True).start()
