"""`tessera password`: who may log in to the dashboard, and as what."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from tessera.errors import AccessError
from tessera.workspace.people import Role, remove, set_password

DEFAULT_FILE = Path("passwords.json")


def password(name: str, file: Path = DEFAULT_FILE, role: str | None = None, *, gone: bool = False) -> str:
    """Give somebody a login, another password or another role, or take the login away.

    The password is asked for, or read from standard input where that is no terminal; never from the words of the
    command, which other users of the machine can read.

    Args:
        name: login.
        file: password file; made with mode 0600 if it is missing.
        role: viewer, reader or owner; if not given, what they had, or viewer.
        gone: take the login away.

    Returns:
        What was done, for the terminal.

    Raises:
        AccessError: the name, role or password cannot be used, or the file is broken.
    """
    if gone:
        remove(file, name)
        return f"{name} may not log in any more; what they have open ends at once"
    if role is not None and role.upper() not in Role.__members__:
        raise AccessError(f"no role {role!r}: choose viewer, reader or owner")
    now = set_password(file, name, _asked(name), None if role is None else Role[role.upper()])
    return f"{name} may log in as {now.name.lower()} (password file {file})"


def _asked(name: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass(f"Password for {name}: ")
    if first != getpass.getpass("Once more: "):
        raise AccessError("the two passwords differ: nothing was changed")
    return first
