"""Encoders by `hf-hub:OWNER/NAME` and `local-dir:PATH`: the cache is looked at first, then the network.

Downloads are those of huggingface_hub: they go to its cache, resume after a break, and take the token from HF_TOKEN or
`hf auth login`. The token appears in no message and no log.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tessera.errors import ConfigError
from tessera.learn.nets.pathology import Colour

HUB, FOLDER = "hf-hub:", "local-dir:"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_CONFIG = "config.json"
_HOME = "https://huggingface.co"


@dataclass(frozen=True)
class Published:
    """What a repository or folder says of its network.

    Attributes:
        architecture: timm's name.
        arguments: for timm.
        mean: of the input, 0-1.
        std: of the input, 0-1.
        px: side of the input.
        licence: as it says, or empty.
        head: prefix of the classifier's tensors.
    """

    architecture: str
    arguments: dict[str, Any]
    mean: Colour
    std: Colour
    px: int
    licence: str
    head: str


def is_hub_name(name: str) -> bool:
    """Whether an encoder is named by where it lies."""
    return name.startswith((HUB, FOLDER))


def read_config(name: str) -> Published:
    """What an encoder's `config.json` says, in timm's layout.

    Raises:
        ConfigError: there is none, it cannot be fetched, or it is of another library.
    """
    path = _locate(name, _CONFIG)
    if path is None:
        raise ConfigError(f"encoder={name}: it has no {_CONFIG}, so its network is not known: is it a timm model?")
    try:
        told = json.loads(path.read_text())
        about = told.get("pretrained_cfg", told)
        return Published(
            told["architecture"],
            {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in told.get("model_args", {}).items()
            },
            tuple(about.get("mean", (0.485, 0.456, 0.406))),
            tuple(about.get("std", (0.229, 0.224, 0.225))),
            int(about.get("input_size", (3, 224, 224))[-1]),
            str(about.get("license") or told.get("license") or ""),
            str(about.get("classifier") or "head"),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"encoder={name}: its {_CONFIG} is not one of timm ({type(error).__name__}: {error}); of other libraries "
            "only "
            "the encoders of the table can be loaded, by their short names"
        ) from error


def find_weights(name: str, file: str = "") -> Path:
    """The weights file of an encoder, fetched when neither cache nor folder has it.

    Args:
        name: hf-hub:OWNER/NAME or local-dir:PATH.
        file: its name where it is not a usual one.

    Raises:
        ConfigError: there is none, or it cannot be fetched: gated, no network, the hub broke off.
    """
    for candidate in (file,) if file else _WEIGHTS:
        path = _locate(name, candidate)
        if path is not None:
            return path
    raise ConfigError(f"encoder={name}: there is no {' or '.join((file,) if file else _WEIGHTS)} in it")


def _locate(name: str, file: str) -> Path | None:
    if name.startswith(FOLDER):
        folder = Path(name.removeprefix(FOLDER)).expanduser()
        if not folder.is_dir():
            raise ConfigError(f"encoder={name}: no such folder")
        return folder / file if (folder / file).is_file() else None
    return _from_hub(name.removeprefix(HUB), file)


def _from_hub(repository: str, file: str) -> Path | None:
    """A file of a repository; None when the repository lacks it."""
    import httpx
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    where: dict[str, Any] = {"cache_dir": os.environ.get("HF_HUB_CACHE"), "endpoint": os.environ.get("HF_ENDPOINT")}
    try:
        return Path(hf_hub_download(repository, file, local_files_only=True, **where))
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as error:
        raise ConfigError(f"encoder={HUB}{repository}: write it as {HUB}OWNER/NAME") from error
    try:
        return Path(hf_hub_download(repository, file, **where))
    except GatedRepoError as error:
        raise ConfigError(_gated(repository)) from error
    except RepositoryNotFoundError as error:
        raise ConfigError(
            f"encoder={HUB}{repository}: the hub knows no such repository, or it is private: check the name at {_HOME}"
        ) from error
    except LocalEntryNotFoundError as error:  # nothing cached, and the hub does not answer
        raise ConfigError(_unreachable(repository, error)) from error
    except EntryNotFoundError:
        return None
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        code = getattr(getattr(error, "response", None), "status_code", None)
        raise ConfigError(_gated(repository) if code in (401, 403) else _unreachable(repository, error)) from error


def _gated(repository: str) -> str:
    token = "the token that is set does not open it" if os.environ.get("HF_TOKEN") else "no HF_TOKEN is set"
    return (
        f"encoder={HUB}{repository} is gated and {token}: ask for access at {_HOME}/{repository}, then set HF_TOKEN or "
        "run `hf auth login`, or bring its files in a folder: encoder=local-dir:PATH"
    )


def _unreachable(repository: str, error: Exception) -> str:
    return (
        f"encoder={HUB}{repository} is not in the cache and cannot be fetched ({type(error).__name__}): what has come "
        "is "
        "kept, start again to go on; without a network copy its folder from another machine: encoder=local-dir:PATH"
    )
