import pytest
from pydantic import TypeAdapter

from deployments.image_classifier.kept_json import find_json, keep_json

FORM = TypeAdapter(dict[str, int])


def test_what_was_kept_is_found(tmp_path):
    file = tmp_path / "deep" / "facts.json"
    assert find_json(file, FORM) is None
    for value in ({"layers": 152}, {"layers": 18}):
        keep_json(file, FORM, value, "A fact")
        assert find_json(file, FORM) == value
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("content", [b"", b"nothing", b'{"layers": "many"}', b"[]", b"\xff"])
def test_what_is_of_another_form_is_not_there(tmp_path, content):
    (tmp_path / "facts.json").write_bytes(content)
    assert find_json(tmp_path / "facts.json", FORM) is None


def test_what_cannot_be_kept_is_said_and_leaves_nothing(tmp_path, caplog):
    file = tmp_path / "facts.json"
    file.mkdir()
    keep_json(file, FORM, {"layers": 152}, "A fact")
    assert f"A fact cannot be kept in {tmp_path}: Is a directory." in caplog.text
    assert list(tmp_path.iterdir()) == [file]
    (tmp_path / "file").touch()
    keep_json(tmp_path / "file" / "facts.json", FORM, {"layers": 152}, "A fact")
    assert "Not a directory" in caplog.text or "File exists" in caplog.text
