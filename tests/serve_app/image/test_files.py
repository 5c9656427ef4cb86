import io
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.client.payloads import Payload
from serve_app.image.files import image_payload, images_payload, names_of


def parts(payload):
    head = f"Content-Type: {payload.media_type}\r\n\r\n".encode()
    return [
        (part.get_filename(), part.get_payload(decode=True))
        for part in message_from_bytes(head + payload.content).walk()
    ][1:]


def test_an_image_is_bytes_a_path_or_an_open_file(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"IMG")
    path = tmp_path / "a.jpg"
    with path.open("rb") as file:
        for image in (b"IMG", bytearray(b"IMG"), memoryview(b"IMG"), path, str(path), io.BytesIO(b"IMG"), file):
            assert image_payload(image) == Payload(b"IMG", "application/octet-stream")


def test_chunks_stay_chunks():
    payload = image_payload(iter([b"I", b"MG"]))
    assert payload.can_be_sent
    reading = payload.content.read()
    assert next(reading) == b"I"
    assert not payload.can_be_sent
    assert list(reading) == [b"MG"]


@pytest.mark.parametrize("wrong", [None, 7, ["a"], io.StringIO("text")])
def test_what_is_no_image_is_refused(wrong):
    with pytest.raises(TypeError, match=r"An image is bytes|binary mode"):
        image_payload(wrong)


def test_a_file_that_is_missing_is_told_as_such(tmp_path):
    with pytest.raises(FileNotFoundError):
        image_payload(tmp_path / "none.jpg")


def test_several_images_are_a_form_with_names(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"IMGa")
    images = [tmp_path / "a.jpg", b"\r\n--IMGb"]
    names = names_of(images)
    assert names == ["a.jpg", "image-2"]
    assert parts(images_payload(images, names)) == [("a.jpg", b"IMGa"), ("image-2", b"\r\n--IMGb")]


@given(
    st.lists(
        st.sampled_from(["a.jpg", "x/a.jpg", "image-2", "image-3", "ä.jpg", 'q".jpg', "/"]).map(Path) | st.just(b"")
    )
)
def test_every_image_has_a_harmless_name_of_its_own(images):
    names = names_of(images)
    assert len(set(names)) == len(images)
    assert all(name.isascii() and not set(name) & set('"\\/\r\n ') for name in names)
