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

WORDS, MEANINGS = "words.npz", "meanings.npz"
ARRAYS = {
    WORDS: ("hashes", "idf", "starts", "places", "weights"),
    MEANINGS: ("profiles", "wordings", "starts"),
}


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


@pytest.fixture
def forge_array(request):
    """Changes one array of a saved model; returns the directory."""

    def forge_array(file, array, change):
        directory = request.getfixturevalue({WORDS: "saved", MEANINGS: "saved_meaning"}[file])
        arrays = arrays_of(directory / file)
        forge(directory, file, packed(arrays | {array: change(arrays[array])}))
        return directory

    return forge_array


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
    for directory, name in ((saved, WORDS), (saved_meaning, MEANINGS)):
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
@pytest.mark.parametrize(("file", "array"), [(file, array) for file, arrays in ARRAYS.items() for array in arrays])
def test_arrays_of_another_form_are_refused(forge_array, file, array, change):
    assert_refused(forge_array(file, array, FORM[change]))


LARGE = 2**62

OUTSIDE_WORDS = {
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


@pytest.mark.parametrize("name", OUTSIDE_WORDS)
def test_words_that_lead_out_of_their_arrays_are_refused(forge_array, name):
    assert_refused(forge_array(WORDS, *OUTSIDE_WORDS[name]))


OUTSIDE_MEANINGS = {
    "a start behind the end": ("starts", put(-1, LARGE)),
    "a start in between behind the end": ("starts", put(2, LARGE)),
    "a start before the beginning": ("starts", put(0, -1)),
    "an original without a wording": ("starts", put(2, 0)),
    "starts that wrap around": ("starts", put_all(LARGE + 1, -(2**63) + 5)),
    "other dimensions": ("wordings", lambda rows: rows[:, :-1]),
    "profiles that are no number": ("profiles", put((0, 0), 0x7FC0)),
    "infinite wordings": ("wordings", put((0, 0), 0xFF80)),
}


@pytest.mark.parametrize("name", OUTSIDE_MEANINGS)
def test_meanings_that_lead_out_of_their_arrays_are_refused(forge_array, name):
    assert_refused(forge_array(MEANINGS, *OUTSIDE_MEANINGS[name]))


def test_embeddings_of_another_length_than_the_encoders_are_refused(saved_meaning):
    from deployments.faq_matcher.model import FaqModel

    arrays = arrays_of(saved_meaning / MEANINGS)
    for name in ("profiles", "wordings"):
        arrays[name] = np.repeat(arrays[name], 100, axis=1)
    forge(saved_meaning, MEANINGS, packed(arrays))
    storage.read(saved_meaning)
    with pytest.raises(StartupError, match="train it again"):
        FaqModel.load(saved_meaning)


@pytest.mark.parametrize("array", ARRAYS[WORDS])
def test_missing_and_further_arrays_are_refused(saved, array):
    arrays = arrays_of(saved / WORDS)
    forge(saved, WORDS, packed({name: value for name, value in arrays.items() if name != array}))
    assert_refused(saved)
    forge(saved, WORDS, packed(arrays | {f"{array}2": arrays[array]}))
    assert_refused(saved)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return exec, (f"open({str(self.path)!r}, 'w')",)


@pytest.mark.parametrize("array", ARRAYS[WORDS])
def test_pickled_objects_are_refused_and_never_loaded(saved, tmp_path, array):
    arrays = arrays_of(saved / WORDS)
    arrays[array] = np.array([Trap(tmp_path / "sprung")] * len(arrays[array]), dtype=object)
    forge(saved, WORDS, packed(arrays))
    assert_refused(saved)
    forge(saved, WORDS, pickle.dumps(Trap(tmp_path / "sprung")))
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


FILES = {
    "nothing": b"",
    "text": b"hashes",
    "one array": npy(np.zeros(3)),
    "a zip without arrays": zipped(),
    "a zip of text": zipped(**dict.fromkeys(ARRAYS[WORDS], b"text")),
    "a zip of empty files": zipped(**dict.fromkeys(ARRAYS[WORDS], b"")),
    "arrays cut off": zipped(**dict.fromkeys(ARRAYS[WORDS], npy(np.zeros(100))[:200])),
    "arrays larger than memory": zipped(
        **dict.fromkeys(ARRAYS[WORDS], b"\x93NUMPY\x01\x00v\x00" + header("(10000000000000,)").encode())
    ),
    "arrays of negative length": zipped(
        **dict.fromkeys(ARRAYS[WORDS], b"\x93NUMPY\x01\x00v\x00" + header("(-5,)").encode())
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_without_these_arrays_are_refused(saved, name):
    forge(saved, WORDS, FILES[name])
    assert_refused(saved)


@pytest.mark.parametrize("offset", range(0, 900, 37))
def test_a_damaged_archive_is_read_or_refused(saved, offset):
    content = bytearray((saved / WORDS).read_bytes())
    content[offset] ^= 0xFF
    content[-1 - offset] ^= 0xFF
    forge(saved, WORDS, bytes(content))
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
