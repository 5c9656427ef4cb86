"""What benchmarks send."""

import json
from io import BytesIO
from pathlib import Path

import pytest

from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload, generated_photo, photo_payloads, question_payloads, written


def test_own_questions_differ():
    bodies = [json.loads(payload.content) for payload in question_payloads(None)]
    assert len({body["input"] for body in bodies}) == 30
    assert all(body["top_k"] == 3 for body in bodies)


def test_questions_from_a_tsv_and_from_lines(tmp_path):
    table = tmp_path / "q.tsv"
    table.write_text('Id\tAnswerId\tText0\n1\t2\tWhy "this"?\n', encoding="utf-8")
    lines = tmp_path / "q.txt"
    lines.write_text("Why?\n\nÉ 中?\n", encoding="utf-8")
    assert [json.loads(each.content)["input"] for each in question_payloads(table)] == ['Why "this"?']
    assert [json.loads(each.content)["input"] for each in question_payloads(lines)] == ["Why?", "É 中?"]


@pytest.mark.parametrize("content", [b"", b"Id\tText\n1\tWhy?\n", b"\xff\xfe\xff"])
def test_bad_files_of_questions_are_named(tmp_path, content):
    file = tmp_path / "q.tsv"
    file.write_bytes(content)
    with pytest.raises(BenchmarkError, match=r"q\.tsv"):
        question_payloads(file)


def test_photos_of_a_directory_keep_their_types(tmp_path):
    (tmp_path / "deeper").mkdir()
    (tmp_path / "a.PNG").write_bytes(b"png")
    (tmp_path / "deeper" / "b.jpg").write_bytes(b"jpg")
    (tmp_path / "notes.txt").write_bytes(b"no photo")
    found = [(each.content, each.content_type) for each in photo_payloads(tmp_path)]
    assert found == [(b"png", "image/png"), (b"jpg", "image/jpeg")]


def test_a_directory_without_photos_is_refused(tmp_path):
    with pytest.raises(BenchmarkError, match="no image files"):
        photo_payloads(tmp_path)


def test_the_generated_photo_is_as_large_as_a_photo_and_always_the_same():
    image = pytest.importorskip("PIL.Image")
    photo = generated_photo()
    opened = image.open(BytesIO(photo))
    assert (opened.format, opened.size, opened.mode) == ("JPEG", (500, 375), "RGB")
    assert 40_000 < len(photo) < 200_000
    assert photo == generated_photo()


def test_bodies_become_files_in_their_order(tmp_path):
    bodies = [b"one", b"\x00\xff", b"one"]
    paths = written([Payload(body, "image/png") for body in bodies], tmp_path)
    assert len(set(paths)) == 3
    assert [Path(path).read_bytes() for path in paths] == bodies
