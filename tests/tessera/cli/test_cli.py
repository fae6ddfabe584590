from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tessera.cli import main


def run(*words: object) -> int:
    return main.main([str(word) for word in words])


def test_doctor_finds_this_machine_able(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("doctor", "--workspace", tmp_path, "--json") == 0
    findings = {item["part"]: item for item in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["OpenSlide"]["state"] == "ok"
    assert findings["workspace"]["state"] in ("ok", "slow")


@pytest.mark.parametrize("command", ["ingest", "run", "export", "propagate", "serve"])
def test_help_can_be_read_whatever_it_says(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main([command, "--help"])
    assert ended.value.code == 0
    assert "%%" not in capsys.readouterr().out


def test_a_missing_workspace_says_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", "--workspace", tmp_path / "none") == 1
    assert "tessera ingest" in capsys.readouterr().err


def test_ingest_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ingest", "--workspace", tmp_path / "w") == 1
    assert "nothing to ingest" in capsys.readouterr().err


def test_wrong_settings_are_named_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("ingest", tmp_path, "--mpp", "-1", "--workspace", tmp_path / "w") == 1
    assert "mpp=-1" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


def test_slides_are_not_served_to_others_without_a_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("serve", "--address", "0.0.0.0", "--workspace", tmp_path / "w") == 1
    assert "password" in capsys.readouterr().err


@pytest.mark.slow
def test_the_dashboard_ends_with_the_command_that_started_it(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "tessera", "serve", "--workspace", str(tmp_path / "w"), "--port", str(port)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("app running at" in line for line in process.stderr)
        (server,) = psutil.Process(process.pid).children()
        process.terminate()
        assert process.wait(60) != 0
        assert server.wait(60) is None or not server.is_running()
