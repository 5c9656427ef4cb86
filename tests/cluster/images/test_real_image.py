"""The image that this source makes, in a real Docker engine that has it."""

import pytest

from cluster.images.build import image_name
from cluster.images.engine import find_engine
from cluster.settings import ImageSettings
from deployments.errors import StartupError

MOST_BYTES = 1.6e9

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def engine():
    try:
        found = find_engine()
        has = found.has(image_name(ImageSettings(), "cpu"))
    except StartupError as error:
        pytest.skip(f"Needs a Docker engine: {error}")
    if not has:
        pytest.skip("The Docker engine does not have this source's image; `scoring cluster image build` makes it.")
    return found


@pytest.fixture(scope="module")
def image():
    return image_name(ImageSettings(), "cpu")


def test_it_is_small_enough(engine, image):
    assert engine.size(image) <= MOST_BYTES


def test_it_runs_as_nobody_in_particular(engine, image):
    assert engine.run(image, ["id", "-u"]).strip() == "10001"


def test_the_application_is_installed_and_runs_on_a_read_only_file_system(engine, image):
    assert engine.run(image, ["scoring", "--version"]).startswith("ray-scoring ")


def test_a_login_shell_finds_it_too(engine, image):
    assert engine.run(image, ["bash", "-lc", "command -v ray scoring"]).split() == [
        "/opt/venv/bin/ray",
        "/opt/venv/bin/scoring",
    ]


def test_a_program_that_handles_no_signal_ends_when_it_is_told_as_the_first_process(engine, image):
    told = engine.run(image, ["python", "-c", "import os, signal; os.kill(1, signal.SIGTERM); signal.pause()"])
    assert told == ""


def test_it_keeps_nothing_of_the_build(engine, image):
    assert engine.run(image, ["sh", "-c", "ls -A /run/secrets /source /wheels /opt 2>/dev/null || true"]).split() == [
        "/opt:",
        "venv",
    ]


def test_its_bill_has_ray_and_openvino_and_no_torch(engine, image):
    sbom = pytest.importorskip("cluster.images.sbom", reason="Needs the extra `cluster`.")
    bill = sbom.bill_of_materials(image, engine)

    assert "pkg:pypi/ray@" in bill
    assert "pkg:pypi/openvino@" in bill
    assert "pkg:pypi/torch@" not in bill
    assert "pkg:deb/debian/libc6@" in bill
