"""Files whose digests are right and whose content is not: the compiled loops would follow them out of their arrays."""

import contextlib
import hashlib
import io
import json
import pickle
import zipfile

import numpy as np
import pytest

from deployments.errors import StartupError
from deployments.faq_matcher import storage


@pytest.fixture
def saved(model, tmp_path):
    model.save(tmp_path / "by words")
    return tmp_path / "by words"


@pytest.fixture
def saved_meaning(meaning_model, tmp_path):
    meaning_model.save(tmp_path / "by meaning")
    return tmp_path / "by meaning"


def forge(directory, name, content):
    """Write a file, and its digest into the manifest."""
    (directory / name).write_bytes(content)
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (directory / "manifest.json").write_text(json.dumps(manifest))


def arrays_of(path):
    with np.load(path) as arrays:
        return dict(arrays)


def packed(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def assert_refused(directory):
    with pytest.raises(StartupError, match=r"is damaged \(its files do not fit together\): train it again"):
        storage.read(directory)


def put(place, value):
    """An array with one value changed."""

    def change(array):
        array = array.copy()
        array[place] = value
        return array

    return change


def put_all(*values):
    def change(array):
        array = array.copy()
        array[1 : 1 + len(values)] = values
        return array

    return change


def test_forging_nothing_changes_nothing(saved, saved_meaning):
    for directory, name in ((saved, "words.npz"), (saved_meaning, "meanings.npz")):
        forge(directory, name, packed(arrays_of(directory / name)))
        storage.read(directory)


FORM = {
    "other type": lambda array: array.astype(np.float64),
    "other byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "shorter": lambda array: array[:-1],
    "longer": lambda array: np.concatenate([array, array[-1:]]),
    "empty": lambda array: array[:0],
    "one number": lambda array: np.array(array.flat[0]),
    "more dimensions": lambda array: array[None],
    "fewer dimensions": lambda array: array[0],
    "text": lambda array: np.array(["a"] * len(array)),
    "fields": lambda array: np.zeros(len(array), [("a", "i4")]),
}


@pytest.mark.parametrize("change", FORM)
@pytest.mark.parametrize("array", ["hashes", "idf", "starts", "places", "weights"])
def test_words_of_another_form_are_refused(saved, array, change):
    arrays = arrays_of(saved / "words.npz")
    arrays[array] = FORM[change](arrays[array])
    forge(saved, "words.npz", packed(arrays))
    assert_refused(saved)


@pytest.mark.parametrize("change", FORM)
@pytest.mark.parametrize("array", ["profiles", "wordings", "starts"])
def test_meanings_of_another_form_are_refused(saved_meaning, array, change):
    arrays = arrays_of(saved_meaning / "meanings.npz")
    arrays[array] = FORM[change](arrays[array])
    forge(saved_meaning, "meanings.npz", packed(arrays))
    assert_refused(saved_meaning)


LARGE = 2**62

WORDS = {
    "a place behind the originals": ("places", put(5, 4)),
    "a place far behind the originals": ("places", put(0, 2**31 - 1)),
    "a place before the originals": ("places", put(-1, -1)),
    "a start behind the end": ("starts", put(-1, LARGE)),
    "a start before the beginning": ("starts", put(0, -1)),
    "a start after the beginning": ("starts", put(0, 1)),
    "a start in between behind the end": ("starts", put(3, LARGE)),
    "falling starts": ("starts", lambda starts: starts[::-1]),
    # Each minus the one before is positive in 64 bits.
    "starts that wrap around": ("starts", put_all(LARGE + 1, -(2**63) + 5)),
    "weights that are no number": ("weights", put(0, np.nan)),
    "infinite weights": ("weights", put(0, np.inf)),
    "frequencies that are no number": ("idf", put(0, np.nan)),
}


@pytest.mark.parametrize("name", WORDS)
def test_words_that_lead_out_of_their_arrays_are_refused(saved, name):
    array, change = WORDS[name]
    arrays = arrays_of(saved / "words.npz")
    arrays[array] = change(arrays[array])
    forge(saved, "words.npz", packed(arrays))
    assert_refused(saved)


MEANINGS = {
    "a start behind the end": ("starts", put(-1, LARGE)),
    "a start in between behind the end": ("starts", put(2, LARGE)),
    "a start before the beginning": ("starts", put(0, -1)),
    "an original without a wording": ("starts", put(2, 0)),
    "starts that wrap around": ("starts", put_all(LARGE + 1, -(2**63) + 5)),
    "other dimensions": ("wordings", lambda rows: rows[:, :-1]),
    "profiles that are no number": ("profiles", put((0, 0), 0x7FC0)),
    "infinite wordings": ("wordings", put((0, 0), 0xFF80)),
}


@pytest.mark.parametrize("name", MEANINGS)
def test_meanings_that_lead_out_of_their_arrays_are_refused(saved_meaning, name):
    array, change = MEANINGS[name]
    arrays = arrays_of(saved_meaning / "meanings.npz")
    arrays[array] = change(arrays[array])
    forge(saved_meaning, "meanings.npz", packed(arrays))
    assert_refused(saved_meaning)


def test_embeddings_of_another_length_than_the_encoders_are_refused(saved_meaning):
    from deployments.faq_matcher.model import FaqModel

    arrays = arrays_of(saved_meaning / "meanings.npz")
    for name in ("profiles", "wordings"):
        arrays[name] = np.repeat(arrays[name], 100, axis=1)
    forge(saved_meaning, "meanings.npz", packed(arrays))
    storage.read(saved_meaning)
    with pytest.raises(StartupError, match="train it again"):
        FaqModel.load(saved_meaning)


@pytest.mark.parametrize("array", ["hashes", "idf", "starts", "places", "weights"])
def test_missing_and_further_arrays_are_refused(saved, array):
    arrays = arrays_of(saved / "words.npz")
    forge(saved, "words.npz", packed({name: value for name, value in arrays.items() if name != array}))
    assert_refused(saved)
    forge(saved, "words.npz", packed(arrays | {f"{array}2": arrays[array]}))
    assert_refused(saved)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return exec, (f"open({str(self.path)!r}, 'w')",)


@pytest.mark.parametrize("array", ["hashes", "idf", "starts", "places", "weights"])
def test_pickled_objects_are_refused_and_never_loaded(saved, tmp_path, array):
    arrays = arrays_of(saved / "words.npz")
    arrays[array] = np.array([Trap(tmp_path / "sprung")] * len(arrays[array]), dtype=object)
    forge(saved, "words.npz", packed(arrays))
    assert_refused(saved)
    forge(saved, "words.npz", pickle.dumps(Trap(tmp_path / "sprung")))
    assert_refused(saved)
    assert not (tmp_path / "sprung").exists()


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def header(shape):
    return f"{{'descr': '<u8', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


NAMES = ("hashes", "idf", "starts", "places", "weights")
FILES = {
    "nothing": b"",
    "text": b"hashes",
    "one array": npy(np.zeros(3)),
    "a zip without arrays": zipped(),
    "a zip of text": zipped(**dict.fromkeys(NAMES, b"text")),
    "a zip of empty files": zipped(**dict.fromkeys(NAMES, b"")),
    "arrays cut off": zipped(**dict.fromkeys(NAMES, npy(np.zeros(100))[:200])),
    "arrays larger than memory": zipped(
        **dict.fromkeys(NAMES, b"\x93NUMPY\x01\x00v\x00" + header("(10000000000000,)").encode())
    ),
    "arrays of negative length": zipped(**dict.fromkeys(NAMES, b"\x93NUMPY\x01\x00v\x00" + header("(-5,)").encode())),
}


@pytest.mark.parametrize("name", FILES)
def test_files_without_these_arrays_are_refused(saved, name):
    forge(saved, "words.npz", FILES[name])
    assert_refused(saved)


@pytest.mark.parametrize("offset", range(0, 900, 37))
def test_a_damaged_archive_is_read_or_refused(saved, offset):
    content = bytearray((saved / "words.npz").read_bytes())
    content[offset] ^= 0xFF
    content[-1 - offset] ^= 0xFF
    forge(saved, "words.npz", bytes(content))
    with contextlib.suppress(StartupError):
        assert storage.read(saved).originals


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("originals.json", []),
        ("originals.json", [[1, 101]]),
        ("originals.json", [[1, 101, 5]]),
        ("originals.json", [[1, 101, "How?"]]),
        ("duplicates.json", [[1, 999, "How?"]]),
        ("duplicates.json", {"a": 1}),
        ("answers.json", []),
        ("answers.json", [1, 2, 3, 4]),
        ("answers.json", [None] * 5),
    ],
)
def test_texts_that_do_not_fit_are_refused(saved, name, content):
    forge(saved, name, json.dumps(content).encode())
    assert_refused(saved)


def test_fewer_wordings_than_duplicates_are_refused(saved_meaning):
    forge(saved_meaning, "duplicates.json", b"[]")
    assert_refused(saved_meaning)
