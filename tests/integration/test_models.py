"""Real models on real data, over HTTP."""

import csv
import subprocess

import numpy as np
import pytest
from services import ROOT, SCORING, write_config

from deployments.ingress.access.access_directory import AccessDirectory


def test_mobilenet_recognizes_real_photos(serve, data, tmp_path):
    photos, weights = data / "images" / "imagenet", data / "weights" / "mobilenet_v2.pth"
    # The file's profile is production, so requests need a key.
    key = AccessDirectory(tmp_path).create("test", ["scoring.invoke"]).primary
    environment = {"SCORING_IMAGE_WEIGHTS": str(weights), "SCORING_ACCESS": str(tmp_path)}
    service = serve("--config", ROOT / "config" / "mobilenet.yaml", environment=environment)
    service.wait_for("Everything else")
    service.client.headers["x-api-key"] = key.text
    right = 0
    for photo in sorted(photos.iterdir()):
        content, headers = photo.read_bytes(), {"content-type": "image/jpeg"}
        response = service.client.post("/image/score?top_k=1", content=content, headers=headers)
        assert response.status_code == 200, photo.name
        assert response.headers["x-model-weights"] == "trained"
        assert "weights" not in response.json()
        ((label, probability),) = response.json()["result"][0]["image"]
        right += label.split()[0] == photo.name.split("_")[0]
        assert 0 < probability <= 1
    assert right >= 78
    lynx = service.client.post("/image/score", content=(data / "images" / "lynx.jpg").read_bytes(), headers=headers)
    assert lynx.json()["result"][0]["image"][0][0] == "n02127052 lynx, catamount"


def test_mobilenet_shows_where_it_sees_the_lynx(serve, data, tmp_path):
    weights = data / "weights" / "mobilenet_v2.pth"
    mobilenet = {"architecture": "mobilenet_v2", "weights": "IMAGENET1K_V1", "weights_uri": str(weights)}
    model = {**mobilenet, "engine": "torch", "explanations": {"max_waiting": 0}}
    args = {"models": [{"kind": "image_classifier", "versions": [{"model": model}]}]}
    service = serve("--config", write_config(tmp_path / "c.yaml", args))
    service.wait_for("Everything else")
    photo, headers = (data / "images" / "lynx.jpg").read_bytes(), {"content-type": "image/jpeg"}
    response = service.client.post("/image/score?explain=true", content=photo, headers=headers)
    assert response.status_code == 200, response.text
    explanation = response.json()["explanations"]["image"]
    assert (explanation["label"], explanation["method"]) == ("n02127052 lynx, catamount", "grad-cam")
    assert explanation["probability"] > 0.9
    # Its face is in the upper half of the picture, right of the middle.
    grid = np.array(explanation["grid"])
    assert grid.shape == (7, 7)
    assert grid[1:4, 2:6].mean() > 2 * grid[4:].mean()
    assert grid[1:4, 2:6].mean() > 2 * grid[:, :2].mean()


@pytest.fixture
def halves(data, tmp_path):
    """Half of each original's duplicates to train on, and the other half to ask."""
    with (data / "faq" / "stackfaq_dup.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    train, ask = rows[0::2], rows[1::2]
    duplicates = tmp_path / "duplicates.tsv"
    with duplicates.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter="\t")
        writer.writeheader()
        writer.writerows(train)
    return duplicates, [(row["Text0"], int(row["AnswerId"])) for row in ask]


def test_a_model_trained_on_ones_own_files_matches_other_wordings(serve, data, tmp_path, halves):
    duplicates, questions = halves
    faq, model = data / "faq", tmp_path / "model"
    subprocess.run(
        [
            *(SCORING, "faq", "train", "--questions", faq / "stackfaq_orig.tsv", "--duplicates", duplicates),
            *("--answers", faq / "stackfaq_ans.tsv", "--output", model),
        ],
        check=True,
    )
    args = {"models": [{"kind": "faq_matcher", "versions": [{"model": {"model_dir": str(model)}}]}]}
    service = serve("--config", write_config(tmp_path / "c.yaml", args))
    service.wait_for("Everything else")
    right = 0
    for text, answer in questions:
        result = service.client.post("/faq/score", json={"input": text}).json()["result"][0]
        assert len(result) == 125
        right += result[0][1] == answer
    assert right / len(questions) >= 0.90
