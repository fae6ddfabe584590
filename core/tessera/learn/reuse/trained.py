"""A finished run's network, as its last save has it: what evaluation and assignment look at tiles with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from tessera.config import RunConfig
from tessera.errors import RunError
from tessera.learn.features.layers import read_layers
from tessera.learn.features.space import Space
from tessera.learn.features.whitening import Normalisation
from tessera.learn.methods.base import load_normalisation
from tessera.learn.nets.encoders import Encoder, build_encoder
from tessera.learn.nets.heads import Embedder, projector
from tessera.learn.train import checkpoint
from tessera.runs.control import Run
from tessera.workspace.folder import Workspace


@dataclass(frozen=True)
class Trained:
    """Networks of a run.

    Attributes:
        interval: clustering that came after these weights, or -1 when they are in the middle of a training pass.
        encoder: gives features.
        network: gives what the bank holds, before normalisation: the encoder, or encoder and projection.
        normalisation: what leads from there to the points that were clustered; None = only the unit length.
        space: what the bank holds.
    """

    interval: int
    encoder: Encoder
    network: nn.Module
    normalisation: Normalisation | None
    space: Space


def load_trained(workspace: Workspace, run: Run) -> Trained:
    """Networks of a run's last checkpoint, on the CPU, in evaluation mode.

    Raises:
        RunError: it has no checkpoint that can be read.
    """
    found = checkpoint.load_last(workspace.run_folder(run.name).checkpoint_path, run.digest)
    if found is None:
        raise RunError(f"{run.name} has no checkpoint: its encoder cannot be loaded")
    encoder = untrained(run.config)
    encoder.load_state_dict(found.state["encoder"])
    space = Space.of(found.state)
    network = _network(space, encoder, found.state).eval()
    interval = found.interval if found.batch == 0 else -1
    return Trained(interval, encoder, network, load_normalisation(found.state), space)


def untrained(config: RunConfig) -> Encoder:
    """The encoder of a run with random weights."""
    return build_encoder(
        config.encoder.name,
        weights="random",
        seed=config.seed,
        input=config.encoder.input,
        own_colour=config.encoder.colour == "own",
    )


def starting(config: RunConfig) -> Encoder | None:
    """The encoder of a run with the weights that it started from; None when they were random."""
    own = config.encoder
    if own.weights == "random":
        return None
    return build_encoder(
        own.name,
        weights=own.weights,
        seed=config.seed,
        input=own.input,
        allow_partial=own.allow_partial,
        own_colour=own.colour == "own",
    )


def _network(space: Space, encoder: Encoder, state: dict[str, Any]) -> nn.Module:
    if space.layers:
        return read_layers(encoder, space.layers, space.pool)
    if not space.projector:
        return encoder
    head = projector(*space.projector)
    head.load_state_dict(state["projector"])
    return Embedder(encoder, head)
