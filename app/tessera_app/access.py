"""Who this session belongs to and what they may do. Every page that writes asks here first, on the server.

Without a login everybody is the owner. With one, the name comes from the login alone: never from what a browser sends
along.
"""

from __future__ import annotations

import os

import panel as pn
from tessera.errors import AccessError
from tessera.workspace.people import Role

from tessera_app.http.logins import Logins

EDITORS = "TESSERA_EDITORS"
COMMANDS = {"project": Role.READER, "propagate": Role.READER, "compare": Role.READER, "evaluate": Role.READER}
_MAY = {
    Role.VIEWER: "look",
    Role.READER: "name, mark, merge and split clusters",
    Role.OWNER: "ingest, run, export and delete",
}


class Access:
    """The logins of this server process; `tessera_app.http.door` sets them when it is started with a password file."""

    def __init__(self) -> None:
        self.logins: Logins | None = None

    def user(self) -> str | None:
        """Login of the session that asks; None where nobody has to log in.

        Raises:
            AccessError: there is a login and this session has none, or not any more.
        """
        if self.logins is None:
            return None
        document = pn.state.curdoc
        context = None if document is None else document.session_context
        name = None if context is None else self.logins.owner(context.id)
        if name is None:
            raise AccessError("your login has ended: load the page again and log in")
        return name

    def role(self) -> Role:
        """What the session that asks may do: everything where nobody has to log in.

        Raises:
            AccessError: see `user`.
        """
        name = self.user()
        return Role.OWNER if name is None else role_of(name, self.logins)


ACCESS = Access()


def role_of(name: str, logins: Logins | None) -> Role:
    """Role of a login: that of the password file, unless `tessera serve --editors` names those who may do all."""
    editors = {editor.strip() for editor in os.environ.get(EDITORS, "").split(",") if editor.strip()}
    if editors:
        return Role.OWNER if name in editors else Role.VIEWER
    return Role.VIEWER if logins is None else logins.role(name)


def user() -> str | None:
    """See `Access.user`."""
    return ACCESS.user()


def user_or_none() -> str | None:
    """Login of the session that asks; None where there is none."""
    try:
        return ACCESS.user()
    except AccessError:
        return None


def has_login() -> bool:
    """Whether people log in here, so that names are not typed."""
    return ACCESS.logins is not None


def may(role: Role) -> bool:
    """Whether the person of this session has at least a role."""
    try:
        return ACCESS.role() >= role
    except AccessError:
        return False


def require(role: Role) -> None:
    """Refuse what needs a role that the person of this session does not have.

    Raises:
        AccessError: the role is too small, or the login has ended.
    """
    if ACCESS.role() < role:
        raise AccessError(
            f"{user()} may look but not change anything here: to {_MAY[role]} needs the role {role.name.lower()}, "
            "which the owner gives with `tessera password`"
        )


def require_command(command: str) -> None:
    """Refuse to start a command for somebody who may not; what is not listed in `COMMANDS` is for owners.

    Raises:
        AccessError: see `require`.
    """
    require(COMMANDS.get(command, Role.OWNER))
