"""The data routes of a real server, with a password and without."""

from __future__ import annotations

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tessera.explore.clustering import open_clustering
from tessera.explore.projection import points_file
from tessera.explore.slide_map import label_grid, overlay_png
from tessera_app.http.routes import ROUTES

from tests.tessera.planted import RUN, Planted, copy_of, jpegs
from tests.tessera_app.conftest import PASSWORD, password_file, serving

pytestmark = pytest.mark.slow  # starts servers

ADDRESSES = [
    "t/5",
    "around/5",
    "thumbnail/1",
    "mask/1",
    "kept/1",
    f"overlay/{RUN}/2/1/",
    f"points/{RUN}/2/2",
    f"values/{RUN}/2/slide",
    f"sheet/{RUN}/2/0",
    f"mean/{RUN}/2/0",
    f"clusters/{RUN}/2",
    f"nearby/{RUN}/2",
    f"gallery/{RUN}/2/0",
    f"members/{RUN}/2/0/near/0",
    f"tile/{RUN}/2/5",
    f"alike/{RUN}/2/5",
    f"near/{RUN}/2/0",
    f"parts/{RUN}/2/0/3",
    f"decisions/{RUN}",
]
ADDRESSES[6:6] = [f"cells/{RUN}/2/1", "slide/1.dzi", "slide/1/8/0_0.jpg"]  # in the order of ROUTES
Answer = tuple[int, dict[str, str], bytes]


class Client:
    """Keeps cookies, follows redirects, and takes error codes as answers."""

    def __init__(self, page: str) -> None:
        self._root = page.removesuffix("app")
        self._cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())

    def __call__(self, address: str, **form: str) -> Answer:
        opener = urllib.request.build_opener(self._cookies)
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with opener.open(self._root + address, data, timeout=60) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()


@pytest.fixture(scope="module")
def cohort(planted_once: Planted, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    planted = copy_of(planted_once, tmp_path_factory.mktemp("routes") / "workspace")
    xy = np.random.default_rng(0).uniform(-1, 1, (planted.n, 2))
    planted.workspace.run_folder(RUN).save_projection(2, xy.astype(np.float32))
    return planted


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from serving(tmp_path_factory.mktemp("servers"))


@pytest.fixture(scope="module")
def open_page(cohort: Planted, start: Any) -> str:
    return str(start(cohort.workspace.root))


@pytest.fixture(scope="module")
def locked_page(cohort: Planted, start: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    passwords = password_file(tmp_path_factory.mktemp("secret") / "passwords.json", rudolf="viewer")
    words = ("--basic-auth", str(passwords), "--cookie-secret", "0123456789abcdef")
    return str(start(cohort.workspace.root, *words))


@pytest.fixture
def client(open_page: str) -> Client:
    return Client(open_page)


def test_the_addresses_below_are_one_of_each_route() -> None:
    import re

    hit = [[i for i, route in enumerate(ROUTES) if re.fullmatch(route[0], "/" + address)] for address in ADDRESSES]
    assert hit == [[i] for i in range(len(ROUTES))]


@pytest.mark.parametrize("address", ADDRESSES)
def test_with_a_password_nothing_is_sent_before_the_login(locked_page: str, client: Client, address: str) -> None:
    stranger = Client(locked_page)
    code, _, body = stranger(address)
    assert code == 403
    assert len(body) < 500
    stranger("login", username="rudolf", password="omnis")
    assert stranger(address)[0] == 403
    known = Client(locked_page)
    known("login", username="rudolf", password=PASSWORD)
    assert known(address)[0] == 200
    assert known(address)[2] == client(address)[2]


def test_a_forged_cookie_opens_nothing(locked_page: str) -> None:
    request = urllib.request.Request(
        locked_page.removesuffix("app") + "t/5", headers={"Cookie": 'user="rudolf"; is_guest=1'}
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=60)


def test_the_page_asks_for_the_login_and_that_page_asks_nobody_else(locked_page: str) -> None:
    code, headers, body = Client(locked_page)("app")
    assert code == 200
    assert b'type="password"' in body
    assert b"http" not in body.replace(b'http-equiv="', b"")
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert RUN.encode() not in body
    logout = Client(locked_page)("logout")
    assert logout[0] == 200
    assert b"http" not in logout[2]


def test_tiles_are_the_bytes_of_the_store(client: Client, cohort: Planted) -> None:
    tiles = jpegs(cohort)
    for tile in (0, 5, cohort.n - 1):
        code, headers, body = client(f"t/{tile}")
        assert (code, headers["Content-Type"]) == (200, "image/jpeg")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "private" in headers["Cache-Control"]
        assert body == tiles[tile]


def test_pictures_of_slides_and_points_are_those_of_the_library(client: Client, cohort: Planted) -> None:
    clustering = open_clustering(cohort.workspace, RUN)
    for slide in (1, 3):
        folder = cohort.workspace.slide_folder(slide)
        assert client(f"thumbnail/{slide}")[2] == (folder / "thumbnail.jpg").read_bytes()
        assert client(f"mask/{slide}")[2] == (folder / "mask.png").read_bytes()
        assert client(f"overlay/{RUN}/2/{slide}/")[2] == overlay_png(label_grid(clustering, slide))
        assert client(f"overlay/{RUN}/2/{slide}/3")[2] == overlay_png(label_grid(clustering, slide), 3)
    assert client(f"points/{RUN}/2/2")[2] == points_file(clustering, cohort.workspace.run_folder(RUN).projection(2))
    assert client(f"points/{RUN}/0/2")[2] != client(f"points/{RUN}/2/2")[2]
    sheet = cv2.imdecode(np.frombuffer(client(f"sheet/{RUN}/2/0")[2], np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape == (56, 224, 3)


@pytest.mark.parametrize(
    "address",
    [
        "t/1000000",
        "t/99999999999999999999999",
        "thumbnail/77",
        "mask/77",
        "kept/77",
        "kept/99999999999999999999999",
        f"overlay/{RUN}/9/1/",
        f"overlay/{RUN}/2/77/",
        "overlay/nobody/0/1/",
        f"points/{RUN}/2/1",
        f"points/{RUN}/7/2",
        f"sheet/{RUN}/9/0",
        "slide/77.dzi",
        "slide/1/99/0_0.jpg",
        "slide/1/8/5_0.jpg",
        "slide/..%2f1.dzi",
        f"cells/{RUN}/9/1",
        "slide/99999999999999999999/8/0_0.jpg",
        f"sheet/{RUN}/2/1",
        f"clusters/{RUN}/9",
        f"gallery/{RUN}/2/1",
        f"members/{RUN}/2/1/near/0",
        f"parts/{RUN}/2/0/999",
        f"tile/{RUN}/2/99999999",
        f"alike/{RUN}/2/99999999",
        "clusters/nobody/0",
        "t/-1",
        "t/..",
        "t/5/..%2f..%2fledger.sqlite",
        "thumbnail/..%2f..%2fledger.sqlite",
        "points/..%2f..%2fx/2/2",
    ],
)
def test_what_is_not_there_is_not_found_and_no_path_is_told(client: Client, cohort: Planted, address: str) -> None:
    code, _, body = client(address)
    assert code == 404
    assert str(cohort.workspace.root).encode() not in body
    assert b"Traceback" not in body
    assert client("t/0")[0] == 200


def test_the_policy_of_the_page_lets_nothing_in_from_outside(client: Client) -> None:
    code, headers, _ = client("app")
    assert code == 200
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert not [word for words in policy.values() for word in words.split() if "http" in word or "*" in word]


def test_importing_the_dashboard_loads_no_torch() -> None:
    import subprocess
    import sys

    script = (
        "import tessera_app.shell, tessera_app.http.routes, sys\n"
        "heavy = {'torch', 'umap', 'faiss', 'timm', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, cwd=root)
