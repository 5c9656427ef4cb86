"""The benchmark of decoding: what it makes, what it measures, what it says."""

import json
import subprocess
import sys
from io import BytesIO

import pytest
from PIL import Image
from typer.testing import CliRunner

from loadtest import commands
from loadtest.decode import measure, report
from loadtest.errors import BenchmarkError
from loadtest.in_process import decode
from loadtest.payloads import generated_photo

TIMES = {
    "scaled": {"p50": [10.0, 12.0, 11.0], "least": [9.0, 9.5, 9.2]},
    "whole": {"p50": [66.0, 60.0, 70.0], "least": [55.0, 56.0, 57.0]},
    "width": 4000,
    "height": 3000,
    "bytes": 1_004_000,
}
CLASSES = {
    "photos": 100, "pixels": 0.243, "pixels_most": 22.0, "agree": 99, "ties": 1, "largest": 0.0342,
    "largest_mean": 0.0056, "noise_agree": 96, "noise_ties": 2, "noise_largest": 0.098, "noise_largest_mean": 0.0167,
}  # fmt: skip


def test_enlarges_to_twelve_megapixels():
    image = Image.open(BytesIO(decode.enlarged(generated_photo())))
    assert image.size == (4000, 3000)
    assert image.format == "JPEG"


def test_measures_both_ways_of_each_size():
    small = decode.timed([generated_photo()], 0.01, 2)
    assert (small["width"], small["height"], small["bytes"]) == (500, 375, len(generated_photo()))
    for way in ("scaled", "whole"):
        assert len(small[way]["p50"]) == 2
        assert all(0 < least <= p50 for least, p50 in zip(small[way]["least"], small[way]["p50"], strict=True))


def test_differences_count_ties_apart():
    near, far = {3: 0.4004, 5: 0.4, 7: 0.1}, {3: 0.6, 5: 0.3, 7: 0.1}
    rows = [
        decode._difference(near, {5: 0.41, 3: 0.4, 7: 0.09}),
        decode._difference(far, {3: 0.5, 5: 0.4, 7: 0.1}),
        decode._difference(far, {5: 0.5, 3: 0.4, 7: 0.1}),
    ]
    found = decode._summary(rows)
    assert (found["agree"], found["ties"]) == (1, 1)
    assert found["largest"] == pytest.approx(0.2)


def test_the_table_compares_both_ways():
    table = report({"sizes": {"12 megapixels": TIMES}, "classes": CLASSES})
    assert table.rows == [
        ["12 megapixels", "4,000 x 3,000", "1,004", "11.0 (10.0-12.0)", "9.0", "66.0 (60.0-70.0)", "55.0", "6.0"]
    ]
    assert "the same class for 99 and for 1 has two less than 0.001 apart" in table.notes[1]
    assert "0.034 at most" in table.notes[1]
    assert table.data["sizes"]["12 megapixels"]["scaled"]["p50"] == [10.0, 12.0, 11.0]


def test_without_weights_nothing_is_said_of_classes():
    assert len(report({"sizes": {"12 megapixels": TIMES}}).notes) == 1


def test_the_program_answers_with_json(tmp_path):
    photo = tmp_path / "photo"
    photo.write_bytes(generated_photo())
    command = [sys.executable, "-m", "loadtest.in_process.decode", "--photos", str(photo)]
    ran = subprocess.run([*command, "--seconds", "0.01", "--rounds", "1"], capture_output=True, text=True, check=True)
    assert set(json.loads(ran.stdout)["sizes"]) == {"as they are", "12 megapixels"}


def test_a_directory_without_photos_is_an_error(tmp_path):
    with pytest.raises(BenchmarkError, match="holds no image files"):
        measure(tmp_path, weights=None, seconds=1, rounds=1)


def test_the_command_explains_itself():
    assert CliRunner().invoke(commands.app, ["decode", "--help"]).exit_code == 0
