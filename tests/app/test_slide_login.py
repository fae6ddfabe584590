"""With a password set, no part of a slide leaves the server without it; with none, parts come with a long life."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.slide_facts import read_slide
from tests.core.planted import RUN, Planted

ROUTES = ("slide/1.dzi", "slide/1/8/0_0.jpg", f"cells/{RUN}/2/1")


@pytest.mark.browser
def test_slides_need_the_login(serve: Any, cohort: Planted, tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text(json.dumps({"reader": "secret"}))
    address = serve(cohort.workspace.root, "--basic-auth", str(tmp_path / "users.json"), "--cookie-secret", "x" * 40)
    for route in ROUTES:
        for base in (address, address.removesuffix("/app")):
            assert httpx.get(f"{base}/{route}", timeout=60).status_code == 403, route


@pytest.mark.browser
def test_parts_of_a_slide_come_with_a_long_life_and_what_is_missing_is_not_found(serve: Any, cohort: Planted) -> None:
    address = serve(cohort.workspace.root)
    for route, kind in zip(ROUTES, ("application/json", "image/jpeg", "application/octet-stream"), strict=True):
        answer = httpx.get(f"{address}/{route}", timeout=60)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        assert "immutable" in answer.headers["Cache-Control"]
        assert "private" in answer.headers["Cache-Control"]
    for missing in ("slide/77.dzi", "slide/1/99/0_0.jpg", "slide/1/8/5_0.jpg", "slide/../1.dzi", f"cells/{RUN}/9/1"):
        answer = httpx.get(f"{address}/{missing}", timeout=60)
        assert answer.status_code == 404, missing
        assert read_slide(cohort.workspace, 1, None).path not in answer.text
