"""The tiles of a saved selection.

The polygon is kept, never the numbers, so a selection of millions is a few corners.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tessera.curate.decisions.state import Selection, state_of
from tessera.errors import DecisionError
from tessera.explore.projection import inside_polygon
from tessera.workspace.folder import Workspace


def find_selection(workspace: Workspace, run: str, name: str) -> Selection:
    """A saved selection by its name.

    Raises:
        DecisionError: there is none.
    """
    found = [selection for selection in state_of(workspace, run).selections if selection.name == name]
    if not found:
        raise DecisionError(f"{run} has no selection {name}")
    return found[0]


def selection_tiles(workspace: Workspace, run: str, selection: Selection) -> npt.NDArray[np.int64]:
    """Tiles inside a selection on the map it was drawn on, int64 (M,), ascending.

    Raises:
        RunError: that map is gone.
    """
    xy = workspace.run_folder(run).projection(selection.map_interval)
    return inside_polygon(xy, np.asarray(selection.polygon, np.float64))
