from __future__ import annotations

import hashlib
from pathlib import Path

FRONTEND = Path(__file__).resolve().parents[2] / "app" / "tessera_app" / "frontend"


def test_bundles_are_made_from_these_sources() -> None:
    digest = hashlib.sha256()
    folders = (FRONTEND / "src", FRONTEND / "src" / "bench", FRONTEND / "src" / "lib")
    scripts = [path for folder in folders for path in sorted(folder.glob("*.js"))]
    for path in [*scripts, *(FRONTEND / name for name in ("build.mjs", "package.json", "package-lock.json"))]:
        digest.update(path.read_bytes())
    assert (FRONTEND / "dist" / "sources.sha256").read_text().strip() == digest.hexdigest(), "run `make frontend`"


def test_every_component_has_its_bundle_and_licences_are_there() -> None:
    for source in (FRONTEND / "src").glob("*.js"):
        assert (FRONTEND / "dist" / source.name).stat().st_size > 500
    assert "openseadragon 6.1.1 (BSD-3-Clause)" in (FRONTEND / "dist" / "LICENSES.txt").read_text()
