"""Weights: read as tensors and never as code, fitted to a network strictly, or in part for those who ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from tessera.errors import ConfigError

State = dict[str, torch.Tensor]

SUFFIXES = (".safetensors", ".bin", ".pth", ".pt", ".torch", ".ckpt")
_WRAPPERS = ("state_dict", "model", "teacher", "model_state_dict")  # how training scripts pack a state_dict
_PREFIXES = ("module.", "model.", "encoder.", "backbone.", "resnet.")
_COUNTERS = "num_batches_tracked"  # of batch norm; older files lack it, and evaluation does not read it
_SHOWN = 6


@dataclass(frozen=True)
class Fit:
    """How weights fitted a network.

    Attributes:
        loaded: tensors that were taken.
        missing: tensors of the network that were not given; they keep their random start.
        unknown: tensors that the network does not have.
        shapes: tensors of another shape, which keep their random start too.
    """

    loaded: int
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every tensor found its place."""
        return not (self.missing or self.unknown or self.shapes)

    def words(self) -> str:
        """What did not fit, in words; empty when all did."""
        parts = [
            f"{len(keys)} {what} ({_listed(keys)})"
            for keys, what in (
                (self.missing, "missing"),
                (self.shapes, "of another shape"),
                (self.unknown, "that the network does not have"),
            )
            if keys
        ]
        return ", ".join(parts)


def read_state(path: Path, *, told: str = "") -> State:
    """The tensors of a file, or of the one weights file of a folder. No code of the file is run.

    Args:
        path: .safetensors, or what torch.save wrote of a state_dict; a folder that holds one such file.
        told: how the user named it, for messages.

    Raises:
        ConfigError: no such file, not tensors, damaged, or it wants to run code.
    """
    told = told or f"weights={path}"
    file = _the_file(path, told) if path.is_dir() else path
    if not file.is_file():
        raise ConfigError(f"{told}: no such file or folder; imagenet and random need none")
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            stored: object = load_file(file)
        else:
            stored = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ConfigError(
            f"{told} cannot be read as tensors ({type(error).__name__}: {_first_line(error)}): it is damaged, cut "
            "short, or holds Python objects, which are not run; give a .safetensors file or a saved state_dict"
        ) from error
    return _tensors(stored, told)


def fit_state(network: nn.Module, state: Mapping[str, torch.Tensor], *, head: Iterable[str] = ()) -> Fit:
    """Put weights into a network as far as names and shapes agree.

    Args:
        network: changed in place.
        state: tensors by name.
        head: name prefixes of a classifier, which the network was built without: they are passed over.

    Returns:
        What found its place, and what did not.
    """
    own, heads = network.state_dict(), tuple(f"{name}." for name in head)
    known = {_stripped(key, own): value for key, value in state.items()}
    given = {key: value for key, value in known.items() if key in own or not key.startswith(heads or ("\0",))}
    fitting = {key: value for key, value in given.items() if key in own and own[key].shape == value.shape}
    network.load_state_dict(fitting, strict=False)
    return Fit(
        len(fitting),
        tuple(key for key in own if key not in given and not key.endswith(_COUNTERS)),
        tuple(key for key in given if key not in own),
        tuple(
            f"{key} {tuple(given[key].shape)} for {tuple(own[key].shape)}"
            for key in own
            if key in given and key not in fitting
        ),
    )


def check_fit(fit: Fit, *, told: str, encoder: str, allow_partial: bool) -> None:
    """Refuse weights that do not fit whole, unless that was asked for; refuse those of which nothing fits always.

    Raises:
        ConfigError: the weights do not fit; the message names the keys.
    """
    if fit.whole or (allow_partial and fit.loaded):
        return
    hint = "nothing of them fits" if not fit.loaded else "or set allow_partial=true if that is meant"
    raise ConfigError(
        f"{told} do not fit encoder={encoder}: {fit.words()}. They are of another encoder: name that one, {hint}"
    )


def _the_file(folder: Path, told: str) -> Path:
    found = sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES)
    safe = [file for file in found if file.suffix == ".safetensors"]
    for files in (safe, found):
        if len(files) == 1:
            return files[0]
    raise ConfigError(f"{told}: the folder holds {len(found)} weights files, one is wanted; name the file itself")


def _tensors(stored: object, told: str) -> State:
    for key in _WRAPPERS:
        if isinstance(stored, Mapping) and isinstance(stored.get(key), Mapping):
            stored = stored[key]
    tensors = {
        str(key): value
        for key, value in (stored.items() if isinstance(stored, Mapping) else ())
        if isinstance(value, torch.Tensor)
    }
    if not tensors:
        raise ConfigError(f"{told} holds no tensors by name: give a .safetensors file or a saved state_dict")
    return tensors


def _stripped(key: str, own: Mapping[str, torch.Tensor]) -> str:
    """The name without what training scripts put before it, unless the network knows it so."""
    while key not in own and (prefix := next((word for word in _PREFIXES if key.startswith(word)), None)) is not None:
        key = key[len(prefix) :]
    return key


def _listed(keys: tuple[str, ...]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else "no reason given"
