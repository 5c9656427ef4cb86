"""Programs that are asked by lines of JSON, both ends."""

import subprocess
import sys
from contextlib import nullcontext

import pytest

from loadtest import programs
from loadtest.errors import BenchmarkError
from loadtest.programs import answer_of, program

CHILD = """
import sys
from deployments.errors import StartupError
from deployments.image_classifier.settings import ImageClassifierSettings
from loadtest.in_process import answering

def load():
    print("a library says something")
    if sys.argv[1] == "refuse":
        raise StartupError("There are no weights.")
    if sys.argv[1] == "unknown":
        ImageClassifierSettings.model_validate({"engine": "abacus"})
    return {"kind": sys.argv[1]}, answer

def answer(request):
    print("and again")
    if request["do"] == "end":
        print("the last words", file=sys.stderr)
        raise SystemExit(3)
    if request["do"] == "fail":
        raise RuntimeError("out of memory\\nat a place")
    return {"doubled": 2 * request["number"]}

answering.run(load)
"""


@pytest.fixture
def child(monkeypatch):
    """Makes the program above take the place of any other."""
    real = subprocess.Popen

    def start(command, **options):
        return real([sys.executable, "-c", CHILD, *command[3:]], **options)

    monkeypatch.setattr(programs.subprocess, "Popen", start)


def test_answers_one_request_after_another(child):
    with program("any", "good") as running:
        assert running.facts == {"kind": "good"}
        assert running.start_seconds > 0
        assert [running.ask(do="double", number=number) for number in (1, 2)] == [{"doubled": 2}, {"doubled": 4}]


def test_a_failed_request_is_an_error_and_the_next_is_answered(child):
    with program("any", "good") as running:
        with pytest.raises(BenchmarkError, match=r"^Out of memory\.$"):
            running.ask(do="fail")
        assert running.ask(do="double", number=3) == {"doubled": 6}


@pytest.mark.parametrize(
    ("how", "sentence"),
    [("refuse", r"^There are no weights\.$"), ("unknown", "^engine is not possible here: Input should be")],
)
def test_what_cannot_be_loaded_is_an_error(child, how, sentence):
    with pytest.raises(BenchmarkError, match=sentence), program("any", how):
        pass


def test_a_program_that_ends_leaves_its_last_words(child, capsys):
    with program("any", "good") as running:
        with pytest.raises(BenchmarkError, match="has ended"):
            running.ask(do="end")
        assert "the last words" in capsys.readouterr().err
        with pytest.raises(BenchmarkError, match="has ended"):
            running.ask(do="double", number=1)


def test_a_program_meets_its_environment(monkeypatch):
    real, found = subprocess.Popen, {}

    def start(command, **options):
        found.update(options["env"])
        return real([sys.executable, "-c", "print('{}')"], **options)

    monkeypatch.setattr(programs.subprocess, "Popen", start)
    monkeypatch.setenv("KEPT", "yes")
    with program("any", environment={"SCORING_CACHE": "here"}):
        assert (found["SCORING_CACHE"], found["KEPT"]) == ("here", "yes")


@pytest.mark.parametrize("code", [0, 3])
def test_a_program_answers_once_or_fails(monkeypatch, code):
    real = subprocess.run
    script = "import os; print('a library'); print('{\"seen\": \"' + os.environ['KEY'] + '\"}'); raise SystemExit(CODE)"

    def run(command, **options):
        assert command[1:] == ["-m", "loadtest.in_process.any", "--more"]
        return real([sys.executable, "-c", script.replace("CODE", str(code))], **options)

    monkeypatch.setattr(programs.subprocess, "run", run)
    with pytest.raises(BenchmarkError, match=r"^It failed\.$") if code else nullcontext():
        answer = answer_of("any", "--more", failure="It failed.", environment={"KEY": "here"})
        assert (answer, code) == ({"seen": "here"}, 0)
