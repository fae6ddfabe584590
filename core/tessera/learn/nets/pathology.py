"""The published pathology encoders: where each lies, how it is built, read and scaled, and what its licence allows.

The table itself is `pathology.toml` beside this file: an encoder more is an entry more there. None of the weights come
with Tessera, and nothing that a repository holds is run as code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from tessera.errors import ConfigError

Colour = tuple[float, float, float]
Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class PathologyEncoder:
    """One published encoder.

    Attributes:
        name: what `encoder=` takes.
        hub: repository on the Hugging Face hub.
        architecture: timm's name of the network; empty where the network needs code of its own, which is not run here.
        arguments: for timm; "swiglu" and "silu" stand for its classes.
        colour: mean and standard deviation of the input, 0-1.
        px: side of the tiles that it was trained on.
        mpp: um per px of the tiles that it was trained on.
        pooling: class (token), or class+mean (of the patches beside it).
        features: length of the vector.
        layout: of the stored weights: timm, vit or dinov2 (of the transformers library), dinov2-hub (Meta's own).
        file: of the weights in the repository, where it has not the usual name.
        licence: as the model card names it.
        commercial: whether that allows commercial use; some forbid it for data made from the features too.
        gated: whether access has to be asked for.
        tcga: whether TCGA was in its training set; None = not published.
        citation: the paper.
        unsure: which of these facts were not confirmed.
    """

    name: str
    hub: str
    colour: tuple[Colour, Colour]
    features: int
    licence: str
    commercial: bool
    gated: bool
    citation: str
    architecture: str = ""
    arguments: Arguments = field(default_factory=dict)
    pooling: str = "class"
    px: int = 224
    mpp: float = 0.5
    layout: str = "timm"
    file: str = ""
    tcga: bool | None = None
    unsure: tuple[str, ...] = ()

    @property
    def patch_px(self) -> int:
        """Side of a patch."""
        if "patch_size" in self.arguments:
            return int(self.arguments["patch_size"])
        digits = self.architecture.partition("patch")[2]
        return int(digits.split("_")[0]) if digits else 16

    def licence_words(self) -> str:
        """One line for cards and exports."""
        if self.commercial:
            return f"{self.name}: {self.licence}"
        said = f"{self.name}: {self.licence}, no commercial use"
        return f"{said}; read it before you pass on data that were chosen by its features"


def _read() -> tuple[PathologyEncoder, ...]:
    told = tomllib.loads(resources.files(__package__).joinpath("pathology.toml").read_text())
    colours = {name: (tuple(mean), tuple(std)) for name, (mean, std) in told["colours"].items()}
    return tuple(
        PathologyEncoder(**{**row, "colour": colours[row["colour"]], "unsure": tuple(row.get("unsure", ()))})
        for row in told["encoder"]
    )


TABLE = _read()
_BY_NAME = {row.name: row for row in TABLE} | {f"hf-hub:{row.hub}".lower(): row for row in TABLE}


def known(name: str) -> PathologyEncoder | None:
    """The row of an encoder, by its short name or by `hf-hub:OWNER/NAME`; None when the table lacks it."""
    return _BY_NAME.get(name.lower())


def check_runnable(row: PathologyEncoder) -> None:
    """Refuse an encoder whose network is published as code of its own.

    Raises:
        ConfigError: the setting has no such value; the message says which there are.
    """
    if not row.architecture:
        raise ConfigError(
            f"encoder={row.name}: its network is published as Python code of its own ({row.hub}), which is not run "
            "here; "
            "extract its features with TRIDENT or slide2vec and bring the vectors, or choose "
            "uni2-h, virchow2, h-optimus-0 or midnight-12k"
        )


def licence_of(encoder: str) -> str:
    """The licence of an encoder's weights in one line, by name; empty when nothing is known."""
    row = known(encoder)
    return row.licence_words() if row is not None else ""
