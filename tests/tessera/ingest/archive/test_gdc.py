from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from tessera.config import StreamConfig
from tessera.errors import ConfigError
from tessera.ingest.archive.catalogue import RemoteSlide
from tessera.ingest.archive.gdc import CatalogueError, GdcClient, GdcSource, read_token
from tessera.ingest.archive.manifest import ManifestSource, UrlListSource
from tessera.ingest.barcode import parse_barcode

from tests.standins.gdc_server import Fault, StandIn

pytestmark = pytest.mark.usefixtures("no_waiting")


def config(archive: StandIn, **about: Any) -> StreamConfig:
    return StreamConfig(**{"gdc_url": archive.url, "attempts": 3, **about})


def listed(archive: StandIn, **about: Any) -> list[str]:
    found = GdcSource(config(archive, **about), ["TCGA-BRCA"], ["Diagnostic Slide"]).catalogue()
    return [slide.name for slide in found.slides]


def fill(archive: StandIn, n: int) -> list[str]:
    names = [f"TCGA-A1-{i:04d}-01Z-00-DX1.svs" for i in range(n)]
    for name in names:
        archive.add(name, name.encode())
    return names


def test_the_listing_is_complete_and_filtered(archive: StandIn) -> None:
    names = fill(archive, 23)
    archive.add("TCGA-A1-0000-01A-01-TS1.svs", b"x", kind="Tissue Slide")
    archive.add("TCGA-A1-0000-01Z-00-DX2.svs", b"x", project="TCGA-LUAD")
    archive.add("TCGA-A1-0001-01Z-00-DX2.svs", b"x", access="controlled")
    assert (
        sorted(listed(archive, page_size=10)) == names
    )  # three pages, where a query without a size would give ten rows
    program = GdcSource(config(archive), ["TCGA"], ["Diagnostic Slide"]).catalogue()
    assert len(program.slides) == 24
    assert program.release == "Data Release 44.0"
    assert {slide.project for slide in program.slides} == {"TCGA-BRCA", "TCGA-LUAD"}
    ids = [slide.file_id for slide in program.slides]
    assert ids == sorted(ids)
    assert listed(archive, limit=5) == listed(archive)[:5]


def test_a_release_in_the_middle_starts_the_listing_again(archive: StandIn) -> None:
    names = fill(archive, 12)

    def grow(answer: dict[str, Any], number: int) -> dict[str, Any]:
        if number == 1:
            answer["data"]["pagination"]["total"] += 1
        return answer

    archive.listing = grow
    assert sorted(listed(archive, page_size=10)) == names
    assert [one.body["from"] for one in archive.asked if one.path == "/files"] == [0, 10, 0, 10]


def test_a_row_on_two_pages_starts_the_listing_again(archive: StandIn) -> None:
    names = fill(archive, 12)
    first: list[Any] = []

    def repeat(answer: dict[str, Any], number: int) -> dict[str, Any]:
        first.append(answer["data"]["hits"][0])
        if number == 1:
            answer["data"]["hits"][0] = first[0]
        return answer

    archive.listing = repeat
    assert sorted(listed(archive, page_size=10)) == names
    archive.listing = lambda answer, _: {**answer, "data": {**answer["data"], "hits": answer["data"]["hits"][:1] * 5}}
    with pytest.raises(CatalogueError, match="changed each time"):
        listed(archive, page_size=10)


def test_large_pages_time_out_and_are_halved(archive: StandIn) -> None:
    names = fill(archive, 30)
    archive.largest_page = 20
    assert sorted(listed(archive, page_size=50)) == names
    sizes = [one.body["size"] for one in archive.asked if one.path == "/files"]
    assert sizes[-1] == 12
    assert max(sizes) == 50


@pytest.mark.parametrize(
    "fault", [Fault("html"), Fault("status", 500), Fault("status", 503, headers={"Retry-After": "1"})]
)
def test_the_catalogue_is_asked_again(archive: StandIn, fault: Fault) -> None:
    names = fill(archive, 3)
    archive.script("/files", fault, fault)
    assert sorted(listed(archive)) == names
    archive.script("/files", *[fault] * 100)
    with pytest.raises(CatalogueError, match="cannot be read"):
        listed(archive)


def test_a_malformed_filter_is_not_repeated(archive: StandIn) -> None:
    fill(archive, 1)
    archive.script("/files", Fault("status", 400, body=b'{"message": "malformed filters"}'))
    with pytest.raises(CatalogueError, match="malformed filters"):
        listed(archive, page_size=10)
    assert sum(one.path == "/files" for one in archive.asked) == 1


def test_unknown_projects_strategies_and_empty_results_say_what_to_do(archive: StandIn) -> None:
    fill(archive, 1)
    with pytest.raises(ConfigError, match="check the names"):
        GdcSource(config(archive), ["TCGA-NONE"], ["Diagnostic Slide"]).catalogue()
    with pytest.raises(ConfigError, match="choose of"):
        GdcSource(config(archive), ["TCGA-BRCA"], ["Slides"])
    with pytest.raises(ConfigError, match="--project"):
        GdcSource(config(archive), [], ["Diagnostic Slide"])


def test_rows_that_are_not_safe_are_named(archive: StandIn) -> None:
    archive.add("good.svs", b"1", cases=None)
    for number, about in enumerate(
        (
            {"file_name": "../../evil.svs"},
            {"file_name": ".."},
            {"md5sum": "short"},
            {"file_size": 0},
            {"file_name": None},
            {"md5sum": None},
        )
    ):
        archive.add(f"bad{number}.svs", b"2", **about)
    archive.add("id.svs", b"3", file_id="a/../b")
    found = GdcSource(config(archive), ["TCGA"], ["Diagnostic Slide"])
    found._filters = lambda: None  # type: ignore[method-assign, assignment, return-value]
    catalogue = found.catalogue()
    assert [(slide.name, slide.project) for slide in catalogue.slides] == [("good.svs", "")]
    assert len(catalogue.rejected) == 7


def test_a_retired_id_is_found_by_version_and_by_name(archive: StandIn) -> None:
    new = archive.add("TCGA-A1-0001-01Z-00-DX1.AAAA.svs", b"new")
    old = RemoteSlide("old-id", "TCGA-A1-0001-01Z-00-DX1.AAAA.svs", 3, "0" * 32, (f"{archive.url}/data/old-id",))
    with GdcClient(config(archive)) as client:
        assert client.renew(old) is not None
        archive.versions["old-id"] = new
        renewed = client.renew(RemoteSlide("old-id", "TCGA-A1-0001-01Z-00-DX1.BBBB.svs", 3, "0" * 32, old.urls))
        assert renewed is not None
        assert renewed.file_id == new
        assert renewed.urls == (f"{archive.url}/data/{new}",)
        assert client.renew(RemoteSlide("other", "TCGA-A1-0009-01Z-00-DX1.svs", 3, "0" * 32, old.urls)) is None


def test_manifests_of_four_and_five_columns(archive: StandIn, tmp_path: Path) -> None:
    path = tmp_path / "manifest.txt"
    path.write_text("id\tfilename\tmd5\tsize\tstate\nabc\ta.svs\t" + "A" * 32 + "\t12\treleased\n")
    mirrored = ManifestSource(path, config(archive, mirror="http://mirror/bucket/")).catalogue().slides
    assert mirrored == [
        RemoteSlide("abc", "a.svs", 12, "a" * 32, ("http://mirror/bucket/abc/a.svs", f"{archive.url}/data/abc"))
    ]
    path.write_text(
        f"id\tfilename\tmd5\tsize\nabc\ta.svs\t{'0' * 32}\t12\nabc\tb.svs\t{'0' * 32}\t12\nx\ty/z.svs\t{'0' * 32}\t1\n"
    )
    found = ManifestSource(path, config(archive)).catalogue()
    assert [slide.file_id for slide in found.slides] == ["abc"]
    assert [reason.split(":")[0] for _, reason in found.rejected] == [
        "it is listed twice",
        "its name 'y/z.svs' contains a path",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("id\tname\n", "has no column filename, md5, size"),
        ("id\tfilename\tmd5\tsize\n", "lists no slides"),
        ("id\tfilename\tmd5\tsize\na\tb.svs\n", "line 2: has another number of columns"),
        ("id\tfilename\tmd5\tsize\na\tb\tc\td\te\tf\n", "line 2: has another number of columns"),
        ("id\tfilename\tmd5\tsize\na\tb.svs\tx\tbig\n", "line 2: size 'big'"),
        ("<html>", "has no column"),
    ],
)
def test_malformed_manifests(archive: StandIn, tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "manifest.txt"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        ManifestSource(path, config(archive)).catalogue()
    with pytest.raises(ConfigError, match="cannot read"):
        ManifestSource(tmp_path / "none", config(archive)).catalogue()


def test_a_list_of_urls(tmp_path: Path) -> None:
    path = tmp_path / "slides.csv"
    path.write_text(
        f"url,size,md5,project\nhttps://host/a/b%20c.svs,5,{'1' * 32},GTEx\nftp://host/d.svs,5,{'1' * 32},\n"
    )
    found = UrlListSource(path, StreamConfig()).catalogue()
    assert [(slide.name, slide.project) for slide in found.slides] == [("b c.svs", "GTEx")]
    assert found.rejected == [("d.svs", "it has no http address: correct the list")]


def test_barcodes() -> None:
    full = parse_barcode("TCGA-OL-A5RX-01Z-00-DX1.0B9D3B6E.svs")
    assert (full.patient, full.site, full.sample_type, full.slide_type) == ("TCGA-OL-A5RX", "OL", "Primary Tumor", "DX")
    assert parse_barcode("TCGA-CR-7395-11A-01-TS1").sample_type == "Solid Tissue Normal"
    assert parse_barcode("TCGA-CR-7395-20A-01-TS1").sample_type == "control"
    assert parse_barcode("TCGA-CR-7395").patient == "TCGA-CR-7395"
    assert parse_barcode("CMU-1").patient == ""


def test_the_token_stays_out_of_sight(archive: StandIn, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("secret\n")
    token = read_token(config(archive, token_file=str(path)), {})
    assert "secret" not in repr(token)
    assert token.headers(f"{archive.url}/data/x") == {"X-Auth-Token": "secret"}
    assert token.headers("http://elsewhere/data/x") == {}
    assert read_token(config(archive), {"TESSERA_GDC_TOKEN": "t"}).headers(archive.url) == {"X-Auth-Token": "t"}
    with pytest.raises(ConfigError, match="token file"):
        read_token(config(archive, token_file=str(tmp_path / "none")), {})


def test_where_nobody_answers_the_first_question_is_not_asked_for_minutes(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: refused
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with (
            GdcClient(StreamConfig(gdc_url=url)) as client,
            pytest.raises(CatalogueError, match="is online") as refused,
        ):
            client.release()
    assert "cannot be reached" in str(refused.value)
    said = [record.getMessage() for record in caplog.records if record.name == "tessera.ingest.archive.http"]
    assert len(said) == 2
    assert "tried again in 1 s (1 of 3 tries)" in said[0]
