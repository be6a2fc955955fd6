"""`python -m infra.local` says what it does, ends when told to, and says clearly why it cannot start."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.enable_socket


def ctrl_c_ends_it() -> None:
    """A shell tells what it runs in the background to ignore Ctrl-C; the command must not inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(*arguments: str, **variables: str) -> "subprocess.Popen[str]":
    path = os.pathsep.join(str(ROOT / part) for part in ("layers/domain", "layers/documents", "."))
    return subprocess.Popen(
        [sys.executable, "-m", "infra.local", *arguments],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **variables},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=ctrl_c_ends_it,
    )  # fmt: skip


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("variable", ["ACCORD_WEB_PORT", "ACCORD_AWS_PORT"])
def test_a_port_in_use_is_one_sentence_with_the_way_out(taken_port: int, variable: str) -> None:
    other = {"ACCORD_WEB_PORT": "0", "ACCORD_AWS_PORT": "0"}
    process = run(**{**other, variable: str(taken_port)})
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"Port {taken_port}" in said
    assert re.search(r"ACCORD_WEB_PORT=\d+ ACCORD_AWS_PORT=\d+ make run", said)
    assert len(said.strip().splitlines()) == 1


def test_a_port_where_localhost_leads_to_another_program_is_in_use() -> None:
    with socket.socket(socket.AF_INET6) as other:
        try:
            other.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        other.listen()
        port = other.getsockname()[1]
        said, _ = run(ACCORD_WEB_PORT=str(port), ACCORD_AWS_PORT="0").communicate(timeout=30)
    assert f"Port {port} for the pages is not free" in said


@pytest.mark.parametrize("text", ["web", "99999"])
def test_a_port_that_is_none_is_named(text: str) -> None:
    process = run(ACCORD_WEB_PORT=text)
    said, _ = process.communicate(timeout=30)
    assert (process.returncode, len(said.strip().splitlines())) == (1, 1)
    assert f"ACCORD_WEB_PORT is '{text}'" in said


def test_a_portfolio_that_is_not_there_is_named() -> None:
    process = run("--portfolio", "nowhere.csv", ACCORD_WEB_PORT="0", ACCORD_AWS_PORT="0")
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "There is no file nowhere.csv" in said


def test_it_starts_answers_and_ends_within_two_seconds_of_ctrl_c() -> None:
    process = run(ACCORD_WEB_PORT="0", ACCORD_AWS_PORT="0")
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if "Screening starts" in line:
                break
        address = re.search(r"Outbox\s+(http://localhost:\d+/outbox)", said)
        assert address is not None, said
        with urllib.request.urlopen(address[1], timeout=10) as page:  # noqa: S310 - our own address
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        rest, _ = process.communicate(timeout=10)
        assert time.monotonic() - began < 2
        assert process.returncode == 0
        assert "Accord has stopped" in rest
        assert "Traceback" not in said + rest
    finally:
        process.kill()
        process.communicate()
