"""What a run's bank holds, and what leads there from a tile.

Saved with the checkpoint, so that nobody asks for the method.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Space:
    """The space that the last clustering was made in.

    Attributes:
        layers: of the encoder that are read, see `tessera.learn.features.layers.read_layers`; empty = its last vector.
        pool: of these layers: mean or mean-and-spread.
        views: symmetries of the square over which features are averaged.
        projector: widths of the projector between encoder and bank, (input, hidden, output); empty = the encoder's own
            features.
        normalised: whether rows of the bank are the points that were clustered; otherwise they are what the network
            gives, and the normalisation is still to be applied.
    """

    layers: str = ""
    pool: str = "mean"
    views: int = 1
    projector: tuple[int, ...] = ()
    normalised: bool = True

    def state(self) -> dict[str, Any]:
        """As plain values for a checkpoint."""
        return {**asdict(self), "projector": list(self.projector)}

    @classmethod
    def of(cls, state: dict[str, Any]) -> Space:
        """The space of a checkpoint's state.

        Until b674df0 there was none in it: with a projector, the bank held embeddings.
        """
        if "space" in state:
            return cls(**{**state["space"], "projector": tuple(state["space"]["projector"])})
        if "projector" not in state:
            return cls()
        first, last = state["projector"]["0.weight"], state["projector"]["3.weight"]
        widths = (int(first.shape[1]), int(first.shape[0]), int(last.shape[0]))
        return cls(projector=widths, normalised=False)
