"""axe-core over a page, through the shadow roots of Panel.

It comes with `npm ci` in the front end and is not vendored.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.tessera_app.conftest import ROOT

SCRIPT = ROOT / "app" / "tessera_app" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")


def findings(page: Any, inside: str = "") -> list[str]:
    """Serious findings, in words: rule, and the first place.

    Args:
        page: of Playwright, as it stands.
        inside: css of the part to look at; the whole page if empty.
    """
    if not SCRIPT.is_file():
        pytest.skip("axe-core is not installed: run `npm ci` in app/tessera_app/frontend")
    page.evaluate(SCRIPT.read_text())
    found = page.evaluate("inside => axe.run(...(inside ? [{include: [inside.split(' ')]}] : []))", inside)
    return [
        f"{one['id']}: {one['help']} ({len(one['nodes'])}) {one['nodes'][0]['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
    ]
