"""Memory does not grow with a dump's size: the largest has tens of gigabytes."""

import random
import subprocess
import sys

import pytest

from deployments.faq_matcher.data import read_prepared

# VmHWM is the peak of this program alone; getrusage would count the process that started it.
PROGRAM = """
import sys
from pathlib import Path
from deployments.faq_matcher.preparation.dump import DumpSource
from deployments.faq_matcher.preparation.pipeline import prepare
from deployments.faq_matcher.preparation.settings import PrepareSettings
prepare(DumpSource(Path(sys.argv[1])), Path(sys.argv[2]), PrepareSettings(tag="js", min_duplicates=1))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def write(directory, posts, question, answer):
    """A dump of so many posts of 3 KB: by turns an original, its duplicate, and an answer to the original."""
    draw = random.Random(0)  # noqa: S311
    pool = [f"word{number}" for number in range(5_000)]
    paragraphs = ["<p>" + " ".join(draw.choices(pool, k=170)) + ".</p>\n" for _ in range(500)]
    directory.mkdir()
    with (directory / "Posts.xml").open("w") as file:
        file.write("<posts>\n")
        for number in range(1, posts + 1, 3):
            for row in (
                question(number, f"Original {number}", "".join(draw.choices(paragraphs, k=2))),
                question(number + 1, f"Duplicate {number}", "".join(draw.choices(paragraphs, k=2))),
                answer(number + 2, number, "".join(draw.choices(paragraphs, k=2))),
            ):
                values = " ".join(f'{name}="{escape(str(value))}"' for name, value in row.items())
                file.write(f"  <row {values} />\n")
        file.write("</posts>\n")
    with (directory / "PostLinks.xml").open("w") as file:
        file.write("<postlinks>\n")
        for number in range(1, posts + 1, 3):
            file.write(f'  <row PostId="{number + 1}" RelatedPostId="{number}" LinkTypeId="3" />\n')
        file.write("</postlinks>\n")
    return (directory / "Posts.xml").stat().st_size


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "&#xA;")


def peak_bytes(directory, output):
    command = [sys.executable, "-c", PROGRAM, str(directory), str(output)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return int(result.stdout) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_ten_times_the_dump_takes_no_more_memory(tmp_path, question, answer):
    sizes = [write(tmp_path / f"dump-{posts}", posts, question, answer) for posts in (4_800, 48_000)]
    assert sizes[1] > 130_000_000
    small, large = (peak_bytes(tmp_path / f"dump-{posts}", tmp_path / f"out-{posts}") for posts in (4_800, 48_000))
    assert len(read_prepared(tmp_path / "out-48000").originals) == 16_000
    assert large < 350_000_000
    # The store's cache fills, with 64 MiB at most.
    assert large - small < 90_000_000
