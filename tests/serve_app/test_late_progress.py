import io

import pytest
from rich.console import Console

from serve_app.late_progress import PATIENCE_SECONDS, LateProgress


class Clockwork:
    """A timer that goes off when told to."""

    def __init__(self, seconds, function):
        assert seconds == PATIENCE_SECONDS
        self.function = function
        self.state = "new"
        clockworks.append(self)

    def start(self):
        self.state = "running"

    def cancel(self):
        self.state = "cancelled"

    def join(self):
        assert self.state == "cancelled"


clockworks = []


@pytest.fixture(autouse=True)
def _forget():
    clockworks.clear()


def shown(work, *, terminal=True):
    out = io.StringIO()
    with LateProgress(Console(file=out, force_terminal=terminal, width=100), Clockwork) as progress:
        work(progress)
    return out.getvalue()


def late(progress):
    progress("Reading [words]", 0, 0)
    clockworks[0].function()
    progress("Holding out", 3, 4)


def test_shows_step_and_share_once_it_takes_a_while():
    text = shown(late)
    assert "Reading [words]" in text
    assert "Holding out" in text
    assert "75%" in text
    assert clockworks[0].state == "cancelled"


def test_leaves_nothing_behind():
    # Up one line, and erase it.
    assert shown(late).endswith("\x1b[1A\x1b[2K")


def test_shows_nothing_of_what_is_quick():
    assert "Reading" not in shown(lambda progress: progress("Reading", 0, 0))
    assert clockworks[0].state == "cancelled"


def test_shows_nothing_where_nobody_watches():
    assert shown(lambda progress: progress("Reading", 0, 0), terminal=False) == ""
    assert clockworks == []


def test_stops_where_the_work_fails():
    def fail(progress):
        clockworks[0].function()
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - its own
        shown(fail)
    assert clockworks[0].state == "cancelled"
