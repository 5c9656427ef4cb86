import pytest

from deployments.image_classifier import curve_cache
from deployments.image_classifier.batch_curve import BatchSpeed
from deployments.image_classifier.curve_cache import CURVES, CurveCache

FACTS = {"engine": "openvino", "threads": 2}
CURVE = [BatchSpeed(1, 0.1, 10.0), BatchSpeed(2, 0.15, 13.3)]


@pytest.fixture
def directory(cache):
    return cache.parent / CURVES


def test_what_was_measured_is_found_again(directory):
    assert CurveCache(FACTS).find() is None
    CurveCache(FACTS).store(CURVE)
    assert CurveCache(dict(reversed(FACTS.items()))).find() == CURVE
    assert len(list(directory.iterdir())) == 1


@pytest.mark.parametrize("other", [{"threads": 1}, {"engine": "torch"}, {"side": 224}])
def test_another_engine_has_its_own(other):
    CurveCache(FACTS).store(CURVE)
    assert CurveCache(FACTS | other).find() is None


def test_another_cpu_has_its_own(monkeypatch):
    CurveCache(FACTS).store(CURVE)
    monkeypatch.setattr(curve_cache, "cpu_model", lambda: "another")
    assert CurveCache(FACTS).find() is None


@pytest.mark.parametrize("content", [b"", b"nothing", b"[]", b'[{"size": "many"}]', b"\xff"])
def test_a_damaged_file_is_none(directory, content):
    CurveCache(FACTS).store(CURVE)
    (path,) = directory.iterdir()
    path.write_bytes(content)
    assert CurveCache(FACTS).find() is None
    CurveCache(FACTS).store(CURVE)
    assert CurveCache(FACTS).find() == CURVE


def test_a_directory_that_cannot_be_written_is_said_and_no_error(directory, caplog):
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.write_text("a file in its place")
    CurveCache(FACTS).store(CURVE)
    assert "cannot be kept" in caplog.text
    assert CurveCache(FACTS).find() is None
