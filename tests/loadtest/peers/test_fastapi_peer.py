"""A peer for real: FastAPI in its own environment, started as the comparison does, asked over HTTP."""

from pathlib import Path

import joblib
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from loadtest.payloads import Payload
from loadtest.peers import answers, environments
from loadtest.peers.contestants import Contestant
from loadtest.peers.material import Material, expected
from loadtest.peers.running import started


@pytest.mark.integration
def test_fastapi_answers_as_the_model_itself(tmp_path):
    if not environments.is_made("fastapi"):
        pytest.skip("FastAPI's environment is not made; `scoring bench peers --only fastapi` makes it.")
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["stop it", "start it", "ask it"], [0, 1, 2])
    joblib.dump({"pipeline": pipeline, "ids": [1, 2, 3], "answer_ids": [11, 12, 13]}, tmp_path / "faq.joblib")
    material = Material(tmp_path / "faq.joblib", Path("own"), Path("network"), "fp32", {})
    payloads = [Payload(b'{"input": "start", "top_k": 3}', "application/json")]
    should = [answers.ranked({"result": each}) for each in expected(material, "faq", payloads, tmp_path)]
    with started(Contestant("fastapi", "faq", 1), material, payloads) as running:
        answers.check_same([answers.ranked(each) for each in running.answers(1)], should, "FastAPI")
        assert should[0][0][0] == "2"
        assert running.memory() > 10
        processes = running.service.processes()
    assert not [each for each in processes if each.is_running() and each.status() != "zombie"]
