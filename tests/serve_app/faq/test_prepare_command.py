import json
import subprocess
import sys

import pytest

from deployments.faq_matcher.data import read_prepared

QUESTIONS = "Id\tAnswerId\tText0\n1\t101\tHow?\n2\t201\tWhere?\n3\t301\t?!\n"
DUPLICATES = "Id\tAnswerId\tText0\n11\t101\tIn which way?\n12\t101\tBy what means?\n"
POSTS = """<posts>
<row Id="1" PostTypeId="1" Title="How?" Body="&lt;p&gt;Tell.&lt;/p&gt;" />
<row Id="2" PostTypeId="2" ParentId="1" Score="1" Body="&lt;p&gt;Thus.&lt;/p&gt;" />
</posts>"""


@pytest.fixture
def run(faq):
    return lambda *arguments: faq("prepare", *arguments)


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "q.tsv").write_text(QUESTIONS)
    (tmp_path / "d.tsv").write_text(DUPLICATES)
    return "--questions", tmp_path / "q.tsv", "--duplicates", tmp_path / "d.tsv"


@pytest.fixture
def dump(tmp_path):
    directory = tmp_path / "dump"
    directory.mkdir()
    (directory / "Posts.xml").write_text(POSTS)
    (directory / "PostLinks.xml").write_text("<postlinks></postlinks>")
    return directory


@pytest.fixture
def places(tables, dump):
    return {"dump": dump, "q": tables[1]}


def test_prepares_tables_and_tells_what_was_done(run, cells, tmp_path, tables):
    output = tmp_path / "my data"
    result = run(*tables, "--output", output, "--seed", 1)
    assert result.exit_code == 0, result.output
    rows = cells(result)
    assert ["in the tables", "3", "2", "0"] in rows
    assert ["kept", "2", "2", "0"] in rows
    assert ["originals", "1", "Text0 has no letters or digits", "q.tsv:4"] in rows
    assert f"Saved in {output}: 1 duplicates to train with, 1 for the test; report.json says more." in result.stdout
    assert f"Next: scoring faq train --data '{output}' --output MODEL" in result.stdout
    assert len(read_prepared(output).originals) == 2


def test_every_option_reaches_the_settings(run, tmp_path, dump):
    options = [
        "--tag",
        "a",
        "--min-duplicates",
        0,
        "--min-length",
        1,
        "--max-length",
        50,
        "--code",
        "drop",
        "--seed",
        7,
    ]
    options += ["--no-require-answer", "--test-fraction", 0.25, "--accept-truncated"]
    (dump / "Posts.xml").write_text(POSTS.replace('<row Id="1"', '<row Tags="|a|" Id="1"').removesuffix("</posts>"))
    result = run("--dump", dump, "--output", tmp_path / "output", *options)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "output" / "report.json").read_text())["settings"] == {
        "tag": "a",
        "min_duplicates": 0,
        "min_length": 1,
        "max_length": 50,
        "code": "drop",
        "html": None,
        "require_answer": False,
        "test_fraction": 0.25,
        "seed": 7,
        "accept_truncated": True,
    }
    assert "Kept, though" in result.stdout
    assert "breaks off" in result.stdout


def test_replaces_only_if_asked(run, tmp_path, tables, dump):
    output = tmp_path / "output"
    assert run(*tables, "--output", output).exit_code == 0
    refused = run("--dump", dump, "--output", output)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "replace it with --overwrite." in refused.stderr
    assert run("--dump", dump, "--output", output, "--overwrite").exit_code == 0
    assert [original.text for original in read_prepared(output).originals] == ["How?\nTell."]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Nothing to prepare: name a Stack Exchange dump with --dump, or a table with --questions."),
        (["--duplicates", "d.tsv"], "Nothing to prepare"),
        (["--dump", "{dump}", "--answers", "a.tsv"], "--answers means nothing beside --dump: leave it out."),
        (["--dump", "{dump}", "--questions", "a.tsv", "--html"], "--questions, --html means nothing beside --dump"),
        (["--questions", "{q}", "--accept-truncated"], "--accept-truncated means nothing beside --questions"),
        (["--dump", "{q}"], "q.tsv holds no Posts.xml: unpack"),
        (["--questions", "none.tsv"], "none.tsv cannot be read: No such file or directory."),
        (["--questions", "{q}", "--min-length", "99"], "leaves no question to train from"),
        (["--questions", "{q}", "--output", "{q}"], "q.tsv holds files that are no prepared FAQ"),
        (["--questions", "{q}", "--output", "{q}/below"], "below cannot be written: "),
    ],
)
def test_refuses_with_a_sentence(run, tmp_path, places, arguments, said):
    arguments = [argument.format(**places) for argument in arguments]
    result = run(*([] if "--output" in arguments else ["--output", tmp_path / "output"]), *arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("wrong", [["--test-fraction", "1.1"], ["--min-length", "-1"], ["--code", "perhaps"]])
def test_refuses_values_out_of_range(run, tmp_path, tables, wrong):
    result = run(*tables, "--output", tmp_path / "output", *wrong)
    assert result.exit_code == 2
    assert wrong[0] in result.stderr


WITHOUT_PYARROW = """
import sys
import typer
from serve_app.faq.prepare_command import prepare
sys.modules["pyarrow"] = None
typer.run(prepare)
"""


def test_a_missing_library_is_named(tmp_path, tables):
    command = [sys.executable, "-c", WITHOUT_PYARROW, *map(str, tables), "--output", str(tmp_path / "output")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert result.stderr == "pyarrow is not installed: install it with `pip install 'ray-scoring[faq-training]'`.\n"
