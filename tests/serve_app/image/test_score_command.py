import json

from answering_service import lines
from typer.testing import CliRunner

from serve_app.score.commands import app


def test_classes_are_a_table_with_bars(run, photo):
    result = run("image", photo("a.jpg"))
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()[1:]
    assert first.split()[:3] == ["n1", "lynx", "75.0%"]
    assert first.count("█") == 22
    assert second.count("█") == 7
    assert "a.jpg" not in result.stdout
    assert "untrained" in result.stderr


def test_an_image_that_is_refused_does_not_keep_the_others_back(run, photo):
    files = photo("a.jpg"), photo("b.gif", b"GIF"), photo("c.jpg")
    result = run("image", *files)
    assert result.exit_code == 1
    assert [line for line in result.stdout.splitlines() if line.endswith(".jpg")] == [str(files[0]), str(files[2])]
    assert f"{files[1]}: This is not an image. (422 invalid_image, request r-2)\n" in result.stderr
    result = run("image", *files, "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each.get("error", {}).get("code") for each in told] == [None, "invalid_image", None]
    assert told[0]["classes"][0] == {"label": "n1 lynx", "probability": 0.75}
    assert told[0]["image"] == str(files[0])


def test_an_image_comes_from_standard_input(run, service):
    result = CliRunner().invoke(app, ["image", "-", "--json"], input=b"IMG\xff", catch_exceptions=False)
    assert json.loads(result.stdout)["image"] == "-"
    assert service.requests[0].content == b"IMG\xff"


def test_heat_maps_are_written(run, photo, service, tmp_path):
    directory = tmp_path / "maps"
    result = run("image", photo("a.jpg"), "--heat-maps", directory, "--explain-class", 7)
    assert (directory / "a.jpg.heat-map.png").read_bytes() == b"\x89PNG"
    assert "Explained: n1 (75.0%), by occlusion." in result.stdout
    assert dict(service.requests[0].url.params) == {"top_k": "3", "explain": "true", "explain_class": "7"}
    (told,) = lines(run("image", photo("a.jpg"), "--explain", "--json"))
    assert told["explanation"]["grid"] == [[1.0]]
    assert "heat_map" not in told["explanation"]


def test_labels_cannot_steer_the_terminal(run, photo, service):
    service.label = "n1 \x1b]0;owned\x07\nlynx [red]"
    shown = run("image", photo("a.jpg")).stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[red]" in shown
