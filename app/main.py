"""The page that `panel serve app/` serves, from an installed package or a bare checkout."""

import sys
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1]
if (_CHECKOUT / "core" / "tessera").is_dir():
    sys.path.insert(0, str(_CHECKOUT / "core"))
    sys.path.insert(0, str(_CHECKOUT / "app"))
from tessera_app.shell import build

build().servable(title="Tessera")
