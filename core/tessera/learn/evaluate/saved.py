"""The last evaluation of a run, kept in its folder so that the page shows it without doing it again. Light.

No torch.
"""

from __future__ import annotations

import json
from typing import Any

from tessera.workspace.files import write_bytes
from tessera.workspace.run_folder import RunFolder

VERSION = 1
_NAME = "evaluation.json"


def save(folder: RunFolder, found: dict[str, Any]) -> None:
    """Keep an evaluation, in place of an older one.

    Raises:
        OSError: no space, no permission.
    """
    write_bytes(folder.root / _NAME, json.dumps({"version": VERSION, **found}).encode())


def load(folder: RunFolder) -> dict[str, Any] | None:
    """The last evaluation of a run; None when there is none that this version can read."""
    try:
        found = json.loads((folder.root / _NAME).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("version") == VERSION else None
