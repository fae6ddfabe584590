"""Who may change things: everybody, or only the logins that `tessera serve --editors` names; all others look."""

from __future__ import annotations

import os

import panel as pn
from tessera.errors import AccessError

EDITORS = "TESSERA_EDITORS"


def may_change(user: str | None) -> bool:
    """Whether somebody may decide, run and export.

    Args:
        user: login; None where no password is asked for.
    """
    named = os.environ.get(EDITORS, "")
    return not named or user in {name.strip() for name in named.split(",")}


def require_editor() -> None:
    """Refuse if the person of this session may only look.

    Raises:
        AccessError: so it is.
    """
    if not may_change(pn.state.user):
        raise AccessError(f"{pn.state.user or 'you'} may look but not change anything here: ask for the editor's role")
