from pathlib import Path

import pytest
import yaml

from serve_app.config_file import config_of
from serve_app.config_lines import config_yaml, model_yaml, show_saved


def test_settings_stay_in_order_and_letters_stay_letters():
    text = config_yaml({"name": "Vögel", "kind": "image_classifier"})
    assert text == "name: Vögel\nkind: image_classifier\n"


@pytest.mark.parametrize(
    "name", ["faq", "a: b", "- #1", 'it\'s "so"', "\u2028 \t", "many words " * 20, "Vögel", "null"]
)
def test_a_model_in_any_directory_is_served_with_the_lines_that_are_shown(capsys, tmp_path, name):
    show_saved(tmp_path / name, "faq_matcher", "faq")
    said, _, lines = capsys.readouterr().out.partition("\n\n")
    assert said == f"Saved in {tmp_path / name}. `scoring serve --config FILE` serves it, with these lines in FILE:"
    assert lines == model_yaml("faq_matcher", "faq", {"model": {"model_dir": str(tmp_path / name)}})
    ((model, version),) = config_of(yaml.safe_load(lines), "lines").settings({}).versions
    assert (model.name, version.model.model_dir) == ("faq", str(tmp_path / name))


def test_a_relative_directory_is_named_in_full(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    show_saved(Path("model"), "faq_matcher", "faq")
    assert f"model_dir: {tmp_path / 'model'}\n" in capsys.readouterr().out
