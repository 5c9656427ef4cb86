import pytest

from deployments.destinations import beside, check_file, check_new, is_taken, put, staged
from deployments.errors import StartupError


def contents(directory):
    return {path.name: path.read_text() for path in directory.iterdir() if path.is_file()}


@pytest.mark.parametrize("there", [None, "empty"])
def test_a_directory_is_made_whole(tmp_path, there):
    if there:
        (tmp_path / "new").mkdir()
    with staged(tmp_path / "new") as directory:
        (directory / "a").write_text("1")
        assert not is_taken(tmp_path / "new")
    assert contents(tmp_path / "new") == {"a": "1"}
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_directory_that_holds_something_is_replaced_only_when_told(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "b").write_text("2")
    with pytest.raises(FileExistsError), staged(tmp_path / "old") as directory:
        (directory / "a").write_text("1")
    assert contents(tmp_path / "old") == {"b": "2"}
    with staged(tmp_path / "old", replace=True) as directory:
        (directory / "a").write_text("1")
    assert contents(tmp_path / "old") == {"a": "1"}
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_what_fails_leaves_nothing(tmp_path):
    def fail():
        with staged(tmp_path / "deep" / "new") as directory:
            (directory / "a").write_text("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list((tmp_path / "deep").iterdir()) == []


def test_what_was_filled_beside_a_directory_may_be_put_there(tmp_path):
    with beside(tmp_path / "deep" / "new") as unused, beside(tmp_path / "deep" / "new") as used:
        assert used.parent == unused.parent == tmp_path / "deep"
        (used / "a").write_text("1")
        put(used, tmp_path / "deep" / "new")
    assert contents(tmp_path / "deep" / "new") == {"a": "1"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["new"]


def test_a_directory_that_is_written_is_new_or_of_its_kind(tmp_path):
    def check(**more):
        check_new(tmp_path, lambda directory: (directory / "model").exists(), "cat model", **more)

    check()
    check_new(tmp_path / "none", lambda _: False, "cat model")
    (tmp_path / "other").touch()
    with pytest.raises(StartupError, match="holds files that are no cat model: choose another --output"):
        check(overwrite=True)
    (tmp_path / "model").touch()
    check(overwrite=True)
    with pytest.raises(StartupError, match="holds a model: choose another --output, or replace it with --overwrite"):
        check()
    with pytest.raises(StartupError, match="holds a cat: choose another --output, or buy one"):
        check(short="cat", instead="buy one")


def test_what_is_taken(tmp_path):
    assert not is_taken(tmp_path)
    assert not is_taken(tmp_path / "none")
    (tmp_path / "file").touch()
    assert is_taken(tmp_path)
    assert is_taken(tmp_path / "file")


def test_a_file_needs_a_directory(tmp_path):
    check_file(tmp_path / "file")
    (tmp_path / "file").touch()
    check_file(tmp_path / "file")
    for wrong in (tmp_path, tmp_path / "none" / "file", tmp_path / "file" / "below"):
        with pytest.raises(StartupError, match="cannot be written: name a file in a directory that exists"):
            check_file(wrong)
