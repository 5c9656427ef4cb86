import os
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
import venv
from pathlib import Path

import pytest

from deployments.cache_root import cache_root

REPOSITORY = Path(__file__).parents[3]

PILLOW_IMAGES = "SCORING_PILLOW_IMAGES"
FOLDER = Path("Tests") / "images"
WANTED = re.compile(r"^pillow==(\S+) \\\n(?:    --hash=\S+(?: \\)?\n)+", re.MULTILINE)


@pytest.fixture(scope="session")
def photos(find_shared):
    """Paths of real photos, which are no part of the project."""
    return sorted(find_shared("images/imagenet").glob("*.JPEG")) + sorted(find_shared("images/coral").glob("*.*"))


@pytest.fixture
def run_python():
    """Run lines of Python in an interpreter of their own; returns the completed process."""

    def run(code):
        command = [sys.executable, "-c", textwrap.dedent(code)]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)

    return run


@pytest.fixture(scope="session")
def pillow_images(tmp_path_factory):
    """Paths of the images that Pillow is tested with: of the source distribution that our lock names.

    They are no part of this project. They are looked for where a variable says, else in the cache, else fetched.
    """
    if (given := os.environ.get(PILLOW_IMAGES)) is not None:
        folder = Path(given)
    else:
        wanted = WANTED.search((REPOSITORY / "requirements" / "dev.txt").read_text(encoding="utf-8"))
        folder = cache_root("pillow-images") / wanted[1]
        if not folder.exists():
            unpack(download(wanted[0], tmp_path_factory.mktemp("pillow")), folder)
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    assert found, f"{folder} holds no images: correct {PILLOW_IMAGES}."
    return found


def download(requirement, directory):
    """Fetch Pillow's source, checked by the lock's SHA-256; skips the test where that cannot be had."""
    (directory / "wanted.txt").write_text(requirement, encoding="utf-8")
    # The environments of uv have no pip.
    venv.create(directory / "environment", with_pip=True)
    pip = [directory / "environment" / "bin" / "python", "-m", "pip", "download", "--quiet", "--retries", "1"]
    options = ["--require-hashes", "--no-deps", "--no-binary", "pillow", "--requirement", directory / "wanted.txt"]
    ran = subprocess.run(
        [*pip, *options, "--dest", directory / "source"], capture_output=True, text=True, check=False, timeout=300
    )
    assert "DO NOT MATCH THE HASHES" not in ran.stderr, ran.stderr
    if ran.returncode:
        pytest.skip(
            "Pillow's source cannot be downloaded, and with it the images that it is tested with; unpack it and set "
            f"{PILLOW_IMAGES} to its directory {FOLDER}."
        )
    (archive,) = (directory / "source").iterdir()
    return archive


def unpack(archive, folder):
    """Put an archive's images into a folder that appears when all of them are there."""
    staging = folder.with_name(f".{folder.name}.{os.getpid()}")
    with tarfile.open(archive) as files:
        members = [member for member in files if Path(*Path(member.name).parts[1:]).is_relative_to(FOLDER)]
        files.extractall(staging, members, filter="data")
    (top,) = staging.iterdir()
    if not folder.exists():
        (top / FOLDER).rename(folder)
    shutil.rmtree(staging)
