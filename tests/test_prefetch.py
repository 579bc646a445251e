"""Weights that are fetched when the page starts, from a Hub on 127.0.0.1."""

import pytest
import tiny
from test_weights import FILE, server, source  # noqa: F401  a fixture

from inpaint import InpaintError, zoo
from inpaint.page import prefetch


@pytest.fixture
def wanted(server, monkeypatch):  # noqa: F811
    """A Hub, and a method whose weights are there and wanted."""
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, "model")))
    monkeypatch.setenv("INPAINT_PREFETCH", f"telea, {tiny.NAME}@places")
    return server


def test_what_is_listed_is_fetched_once_and_said(wanted, capsys):
    prefetch.begin().join(60)
    assert zoo.ready(tiny.NAME)
    begun, ended = capsys.readouterr().out.splitlines()
    assert begun.startswith(f"{tiny.NAME}:places: fetching") and ended == f"{tiny.NAME}:places: here"
    assert prefetch.begin() is None, "nothing is missing"


def test_a_failure_is_one_line_and_stops_nothing(wanted, capsys):
    wanted.fail(FILE, status=404)
    wanted.fail("resolve", status=404)
    prefetch.begin().join(60)
    _, told = capsys.readouterr().out.splitlines()
    assert "not fetched" in told and "no such file" in told and not zoo.ready(tiny.NAME)


@pytest.mark.parametrize(
    "text, words", [("lama, nonsense", "no model 'nonsense'"), ("lama@x", "no weights 'x'"), ("telea@x", "without")]
)
def test_what_is_not_there_is_told_at_the_start(text, words, monkeypatch):
    monkeypatch.setenv("INPAINT_PREFETCH", text)
    with pytest.raises(InpaintError, match=f"INPAINT_PREFETCH: .*{words}"):
        prefetch.begin()


def test_nothing_is_fetched_unasked(monkeypatch):
    monkeypatch.delenv("INPAINT_PREFETCH", raising=False)
    assert prefetch.begin() is None
