"""What the server does when it begins: routes for bytes, beside the page."""

import sys
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1]
if (_CHECKOUT / "core" / "tessera").is_dir():
    sys.path.insert(0, str(_CHECKOUT / "core"))
    sys.path.insert(0, str(_CHECKOUT / "app"))
from tessera_app.http import routes

routes.install()
