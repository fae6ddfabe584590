"""The wheel has everything it needs: installed into an empty environment, its command works from another folder.

Packages that it depends on are those of this environment, added to the path of the new one, so that it takes seconds.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NEEDED = [
    "tessera/__main__.py",
    "tessera/py.typed",
    "tessera_app/app/main.py",
    "tessera_app/app/app_hooks.py",
    "tessera_app/http/login.html",
    *(f"tessera_app/frontend/dist/{name}.js" for name in ("embedding_map", "slide_viewer", "tile_gallery")),
]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment in which nothing but the wheel is installed."""
    root = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(root)], check=True)
    program = root / "bin" / "python"
    install = [program, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (packages,) = (root / "lib").glob("python*/site-packages")
    (packages / "borrowed.pth").write_text(
        sysconfig.get_path("purelib") + "\n"
    )  # its own .pth files do not count there
    return root / "bin"


def tessera(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TESSERA", "VIRTUAL"))}
    command = [str(installed / "tessera"), *words]
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_wheel_holds_bundles_and_templates_and_nothing_called_core(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert set(NEEDED) <= set(names)
    assert {name.split("/")[0] for name in names} == {
        "tessera",
        "tessera_app",
        wheel.name.split("-py3")[0] + ".dist-info",
    }
    assert not [name for name in names if "node_modules" in name or "/frontend/src/" in name or name.endswith(".pyc")]


@pytest.mark.slow
def test_commands_work_from_any_folder(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()  # which broke version 0.1
    (tmp_path / "core" / "__init__.py").write_text("raise SystemExit('not ours')")
    found = tessera(installed, tmp_path, "doctor", "--json")
    assert found.returncode == 0, found.stdout + found.stderr
    assert {item["part"] for item in json.loads(found.stdout)["findings"]} >= {"OpenSlide", "torch", "workspace"}
    assert tessera(installed, tmp_path, "demo", "--help").stdout.startswith("Usage: tessera demo")
    where = subprocess.run(
        [str(installed / "python"), "-c", "import tessera, tessera_app; print(tessera.__file__, tessera_app.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(path.startswith(str(installed.parent)) for path in where.stdout.split())


@pytest.mark.slow
def test_the_dashboard_answers_from_the_installed_package(installed: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TESSERA"))}
    words = [str(installed / "tessera"), "serve", "--port", str(port), "--workspace", str(tmp_path / "w")]
    with subprocess.Popen(words, cwd=tmp_path, env=clean, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert any("app running at" in line for line in process.stderr)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/app", timeout=60) as page:
                assert page.status == 200
                assert "Tessera" in page.read().decode()
        finally:
            process.terminate()
            process.wait(60)


def test_every_dependency_is_imported_or_says_why() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    start = lines.index("dependencies = [")
    explained = {lines[i + 1] for i, line in enumerate(lines) if line.strip().startswith("#")}
    sources = "\n".join(path.read_text() for room in ("core", "app") for path in (ROOT / room).rglob("*.py"))
    called = {
        "faiss-cpu": "faiss",
        "faiss-gpu": "faiss",
        "opencv-python-headless": "cv2",
        "openslide-python": "openslide",
    }
    called |= {"openslide-bin": "openslide", "pylance": "lance", "scikit-learn": "sklearn", "umap-learn": "umap"}
    called |= {"argon2-cffi": "argon2", "pillow": "PIL"}
    for requirement in tomllib.loads("\n".join(lines))["project"]["dependencies"]:
        name = re.split(r"[<>=;\[ ]", requirement)[0]
        module = called.get(name, name).replace("-", "_")
        used = re.search(rf"(import|from) {module}\b|import_module\(\"{module}", sources)
        line = next(line for line in lines[start:] if f'"{name}' in line)
        assert used or line in explained, f"{name}: nothing imports it, and no comment above it says why it is needed"
