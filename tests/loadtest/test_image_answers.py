"""The benchmark of answers: its table, and what it refuses."""

import json

from typer.testing import CliRunner

from loadtest import commands
from loadtest.image_answers import report
from loadtest.image_variants import VARIANTS


def answered(agreement, **more):
    return {
        "images": 100, "agreement": agreement, "difference": 0.1234, "accuracy": (0.77, 0.8),
        "difference_mean": 0.0123, "others": {}, "facts": {}, **more,
    }  # fmt: skip


def test_each_engine_stands_beside_what_is_wanted():
    variants = [variant for variant in VARIANTS if variant.name in {"PyTorch bf16", "OpenVINO int8", "Keras fp32"}]
    found = {
        "PyTorch bf16": answered(1.0),
        "OpenVINO int8": answered(0.98, others={"a.jpg": 0.25, "b.jpg": 0.01}),
    }
    table = report("mobilenet_v2", {"photos": 100, "accuracy": 0.8}, variants, found, {"Keras fp32": "No such engine."})
    assert table.rows[0][-1] == "80%"
    assert table.rows[1:] == [
        ["PyTorch bf16", "100 of 100", "97 %", "0.12", "0.012", "77%"],
        ["OpenVINO int8", "98 of 100", "95 %", "0.12", "0.012", "77%"],
    ]
    assert [note for note in table.notes if note.startswith("int8: two networks")]
    assert (
        "OpenVINO int8: where the class is another, the reference's first two were 0.010, 0.250 apart." in table.notes
    )
    assert table.notes[-1] == "Keras fp32 is left out. No such engine."
    json.dumps(table.data)


def test_incomplete_data_is_named(tmp_path):
    def ran():
        result = CliRunner().invoke(commands.app, ["answers", "--data", str(tmp_path)])
        assert result.exit_code == 1
        return result.output

    assert "mobilenet_v2.pth is missing" in ran()
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "mobilenet_v2.pth").touch()
    assert "holds no photos" in ran()
    (tmp_path / "images" / "imagenet").mkdir(parents=True)
    (tmp_path / "images" / "imagenet" / "a.jpg").touch()
    assert "imagenet_labels.csv is missing" in ran()
