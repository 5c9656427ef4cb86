from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from deployments.faq_matcher.data import read_prepared
from deployments.faq_matcher.preparation.dump import DumpSource
from deployments.faq_matcher.preparation.pipeline import prepare
from deployments.faq_matcher.preparation.settings import PrepareSettings


def _question(row_id, title, body="<p>Please tell.</p>", **more):
    return {"Id": row_id, "PostTypeId": 1, "Title": title, "Body": body, "Tags": "<js>", **more}


def _answer(row_id, parent, body="<p>Like this.</p>", score=0, **more):
    return {"Id": row_id, "PostTypeId": 2, "ParentId": parent, "Score": score, "Body": body, **more}


def _xml(root, rows):
    lines = [f"  <row {' '.join(f'{name}={quoteattr(str(value))}' for name, value in row.items())} />" for row in rows]
    return "\n".join(['\ufeff<?xml version="1.0" encoding="utf-8"?>', f"<{root}>", *lines, f"</{root}>"])


class Dump:
    """A dump in a directory; row n, counted from 0, stands in line n + 3."""

    def __init__(self, directory: Path):
        self.directory = directory
        directory.mkdir()

    @property
    def posts(self):
        return self.directory / "Posts.xml"

    @property
    def links(self):
        return self.directory / "PostLinks.xml"

    def write(self, posts, pairs=()):
        links = [{"PostId": pair[0], "RelatedPostId": pair[1], "LinkTypeId": 3} for pair in pairs]
        self.posts.write_text(_xml("posts", posts), encoding="utf-8")
        self.links.write_text(_xml("postlinks", links), encoding="utf-8")
        return self

    def prepare(self, output, **settings):
        return prepare(DumpSource(self.directory), output, PrepareSettings(**settings))


@pytest.fixture
def dump(tmp_path):
    return Dump(tmp_path / "dump")


@pytest.fixture
def output(tmp_path):
    return tmp_path / "output"


@pytest.fixture
def prepared(dump, output):
    """Prepares a dump and reads the result back."""

    def run(posts, pairs=(), **settings):
        report = dump.write(posts, pairs).prepare(output, **{"test_fraction": 0.0, **settings}).report
        return read_prepared(output), report

    return run


@pytest.fixture
def question():
    """Makes a question's row."""
    return _question


@pytest.fixture
def answer():
    """Makes an answer's row."""
    return _answer


@pytest.fixture
def found():
    """Findings of a report: part and reason, lines and columns of the examples."""

    def found(findings):
        return {
            (finding.part, finding.reason): [(each["line"], each["column"]) for each in finding.examples]
            for finding in findings.values()
        }

    return found
