import pickle
import re
from http import HTTPStatus

import pytest

from deployments import errors
from deployments.errors import ScoringError, StartupError


def family(root):
    return [root, *(member for child in root.__subclasses__() for member in family(child))]


ERRORS = [error for error in family(ScoringError) if error.__module__ == errors.__name__]


def drawn():
    """The tree of the docstring: (name, status, code, parent) of each line."""
    found, above = [], {}
    for line in errors.__doc__.splitlines():
        match = re.match(r"^ {4}((?:[│ ] {3})*)([├└]── )?(\w+) +(\d{3}) {2}(\w+)$", line)
        if match:
            indent, branch, name, status, code = match.groups()
            depth = len(indent) // 4 + bool(branch)
            above[depth] = name
            found.append((name, int(status), code, above[depth - 1] if depth else "Exception"))
    return found


def test_the_docstring_draws_the_tree():
    real = [(error.__name__, int(error.status), error.code, error.__base__.__name__) for error in ERRORS]
    assert drawn() == real
    assert len(real) > 10


def test_every_error_of_the_module_is_in_the_tree_or_no_answer_to_a_client():
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert set(classes) == {*ERRORS, StartupError}
    assert not issubclass(StartupError, ScoringError)


def test_codes_tell_errors_apart():
    codes = [error.code for error in ERRORS]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch("[a-z_]+", code) for code in codes)


@pytest.mark.parametrize("error", [*ERRORS, StartupError], ids=lambda error: error.__name__)
def test_an_error_travels_between_processes(error):
    arrived = pickle.loads(pickle.dumps(error("What is wrong.")))  # noqa: S301
    assert type(arrived) is error
    assert str(arrived) == "What is wrong."
    assert getattr(arrived, "message", "What is wrong.") == "What is wrong."


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_has_a_title_and_a_safe_message_of_its_own(error):
    assert error().title
    assert error().message.endswith(".")
    assert error.__doc__


def test_titles_are_those_of_http():
    assert errors.NotFound().title == "Not Found"
    assert errors.ClientGone().title == "Client Closed Request"


def test_only_what_passes_by_itself_is_worth_another_try():
    again = {error.__name__ for error in ERRORS if error.retry_after_seconds}
    assert again == {"Unavailable", "Overloaded", "TooManyPending", "QuotaExceeded"}
    statuses = {error.status for error in ERRORS if error.retry_after_seconds}
    assert statuses == {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
