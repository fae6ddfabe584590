"""The folder of a project: where each thing lies, and the ledger that says what is true."""

from __future__ import annotations

import os
from pathlib import Path

from tessera.errors import WorkspaceError
from tessera.workspace import schema
from tessera.workspace.ledger import Ledger
from tessera.workspace.run_folder import RunFolder

ENVIRONMENT_VARIABLE = "TESSERA_WORKSPACE"


class Workspace:
    """Paths and ledger of one workspace folder.

    Args:
        root: the folder. Use `create` or `open`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ledger = Ledger(root / "ledger.sqlite")

    @classmethod
    def create(cls, root: Path) -> Workspace:
        """Make the folder if it is missing and open it.

        Raises:
            WorkspaceError: the folder cannot be written, or its ledger is newer, damaged or gone.
        """
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)  # what is in it is about patients
        except OSError as error:
            raise WorkspaceError(f"cannot make the workspace folder {root}: {error}") from error
        if not os.access(root, os.W_OK):
            raise WorkspaceError(f"the workspace folder {root} is not writable: choose another with --workspace")
        workspace = cls(root.resolve())
        Ledger.create(workspace.ledger.path)
        return workspace

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """Open a workspace that exists.

        Raises:
            WorkspaceError: there is none, or its ledger is newer, damaged or gone.
        """
        if not (root / "ledger.sqlite").is_file():
            schema.refuse_to_replace(root / "ledger.sqlite")
            raise WorkspaceError(f"no workspace in {root}: make one with `tessera ingest SOURCE --workspace {root}`")
        return cls.create(root)

    def __eq__(self, other: object) -> bool:
        """Two objects for one folder are equal, so that handles with them are."""
        return isinstance(other, Workspace) and other.root == self.root

    def __hash__(self) -> int:
        """Of the folder."""
        return hash(self.root)

    @property
    def tiles_path(self) -> Path:
        """The Lance table of all tiles."""
        return self.root / "tiles.lance"

    def n_tiles(self) -> int:
        """Tiles that are committed: rows of the store beyond this number are not official yet."""
        with self.ledger.read() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = 'n_tiles'").fetchone()
        return 0 if row is None else int(row["value"])

    def slide_folder(self, slide_id: int) -> Path:
        """Where thumbnail.jpg and mask.png of a slide lie."""
        return self.root / "slides" / str(slide_id)

    def run_folder(self, name: str) -> RunFolder:
        """The files of a run."""
        return RunFolder(self.root / "runs" / name)


def default_root() -> Path:
    """The workspace named by TESSERA_WORKSPACE, or ./workspace."""
    return Path(os.environ.get(ENVIRONMENT_VARIABLE, "workspace"))
