import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from typer.testing import CliRunner

from deployments.errors import StartupError
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.tuning import Setting
from serve_app.config_file import config_of, read_config
from serve_app.image.commands import app
from serve_app.image.tune_settings import Tuned, read_tuned, tuned_yaml
from serve_app.layout import lay_out

REPOSITORY = Path(__file__).parents[2]
SMALL = {"architecture": "squeezenet1_1", "weights": "DEFAULT", "download": False, "device": "cpu"}
SETTING = Setting(threads=3, streams=2, max_batch=4, in_flight=16)


@pytest.fixture(autouse=True)
def wide(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def config(tmp_path):
    """Write a config with these settings."""

    def write(settings):
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(lay_out(settings)), encoding="utf-8")
        return path

    return write


def image(**version):
    return {"kind": "image_classifier", "versions": [version]}


def run(*arguments):
    return CliRunner().invoke(app, ["tune", *map(str, arguments)], catch_exceptions=False)


def refusal(*arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def image_version(text, name="image"):
    settings = config_of(yaml.safe_load(text), "written").settings(os.environ)
    return next(model for model in settings.models if model.name == name).versions[0]


def test_without_a_config_there_are_lines_to_put_into_one():
    version = image_version(tuned_yaml(Tuned("image", "1", ImageClassifierSettings(), 2, None), SETTING))
    assert (version.model.threads, version.model.streams, version.model.max_batch) == (3, 2, 4)
    assert version.scaling.max_concurrent_requests == 16


def test_a_copy_of_the_config_keeps_all_else(config, monkeypatch):
    monkeypatch.setenv("PLACE", "here")
    path = config(
        {
            "models": [
                {"kind": "faq_matcher"},
                {**image(model=SMALL), "name": "small"},
                {**image(model={"model_dir": "${PLACE}", "threads": 9}, scaling={"cpus": 2}), "name": "other"},
            ]
        }
    )
    tuned = read_tuned(path, "other")
    assert (tuned.name, tuned.cpus, tuned.settings.model_dir) == ("other", 2, "here")
    before, after = (yaml.safe_load(text) for text in (path.read_text(), tuned_yaml(tuned, SETTING)))
    version = after["applications"][1]["args"]
    assert version["model"] == {"model_dir": "${PLACE}", "threads": 3, "streams": 2, "max_batch": 4}
    assert version["scaling"] == {"cpus": 2, "max_concurrent_requests": 16}
    before["applications"][1]["args"] = version
    assert after == before
    assert read_config(path).content == tuned.content


@pytest.mark.parametrize("args", [{}, {"profile": "local"}, {"models": [{"kind": "image_classifier"}]}])
def test_what_a_config_leaves_out_is_put_there(config, args):
    version = image_version(tuned_yaml(read_tuned(config(args), None), SETTING))
    assert version.model == ImageClassifierSettings(threads=3, streams=2, max_batch=4)
    assert version.scaling.max_concurrent_requests == 16


def test_a_config_needs_one_image_model(config):
    with pytest.raises(StartupError, match=r"^The config has no image model\.$"):
        read_tuned(config({"models": [{"kind": "faq_matcher"}]}), None)
    two = config({"models": [{**image(), "name": name} for name in ("one", "two")]})
    with pytest.raises(StartupError, match="several image models: name one of one, two with --model"):
        read_tuned(two, None)
    with pytest.raises(StartupError, match="no image model of the name three"):
        read_tuned(two, "three")


def test_the_best_is_shown_and_written(config, tmp_path):
    path = config({"models": [image(model=SMALL, scaling={"cpus": 1})]})
    output = tmp_path / "tuned.yaml"
    options = ["--p99", 1e6, "--seconds", 2, "--config", path, "--outside-ms", 1]
    result = run(*options, "--output", output)
    assert result.exit_code == 0, result.output
    assert f"Wrote it to {output}." in result.stdout
    version = image_version(output.read_text())
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    settings = [tuple(map(int, row[:4])) for row in rows]
    found = (
        version.model.threads,
        version.model.streams,
        version.model.max_batch,
        version.scaling.max_concurrent_requests,
    )
    assert found in settings
    assert "exists: choose another --output" in refusal(*options, "--output", output)


def test_a_wish_that_nothing_fulfils_is_said(config, tmp_path):
    path = config({"models": [image(model=SMALL, scaling={"cpus": 1})]})
    output = tmp_path / "tuned.yaml"
    result = run("--p99", 0.001, "--seconds", 1, "--config", path, "--output", output, "--outside-ms", 0)
    assert result.exit_code == 1
    assert "No setting keeps p99 under 0.001 ms, the least is" in result.stderr
    assert not output.exists()


def test_what_cannot_be_done_is_said_first(config, tmp_path):
    assert "no such directory" not in refusal("--p99", 9, "--output", tmp_path / "none" / "file")
    assert "does not exist" in refusal("--p99", 9, "--config", tmp_path / "none.yaml")
    wrong = config({"models": [image(model={"architecture": "no_such_network", "device": "cpu"})]})
    assert "no_such_network" in refusal("--p99", 9, "--config", wrong, "--outside-ms", 0)


def test_ctrl_c_shows_what_was_measured_and_leaves_nothing(config, tmp_path):
    output = tmp_path / "tuned.yaml"
    path = config({"models": [image(model=SMALL, scaling={"cpus": 1})]})
    # What it prints when a measurement is done is when it may be interrupted.
    program = """
        import signal, sys
        from deployments.image_classifier import tuning
        from serve_app.cli import main
        if __name__ == "__main__":
            signal.signal(signal.SIGINT, signal.default_int_handler)
            follow = tuning._follow
            def told(*arguments):
                for trial in follow(*arguments):
                    yield trial
                    print("measured", flush=True)
            tuning._follow = told
            main()
    """
    file = tmp_path / "program.py"
    file.write_text("\n".join(line[8:] for line in program.splitlines()))
    command = [sys.executable, str(file), "image", "tune", "--p99", "1e6", "--config", str(path)]
    process = subprocess.Popen(
        [*command, "--output", str(output), "--seconds", "600"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "measured\n"
    started = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err == "Stopped; nothing is written.\n"
    assert "Images/s" in out
    assert not output.exists()
    assert started
    _, left = psutil.wait_procs(started, timeout=60)
    assert left == []
