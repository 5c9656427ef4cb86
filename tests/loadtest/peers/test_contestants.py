"""Who takes part, and what can be selected."""

import pytest

from loadtest.errors import BenchmarkError
from loadtest.peers.contestants import Contestant, cells_of, contestants
from loadtest.peers.peers import PEERS

BOTH = ("faq", "image")


def chosen(**more):
    return contestants(**{"only": [], "models": BOTH, "workers": [1, 2], "alternatives": False, **more})


def test_all_take_part_with_one_and_two_workers():
    found = chosen()
    assert len(set(found)) == len(found)
    for model in BOTH:
        for peer in PEERS:
            assert [one.workers for one in found if (one.server, one.model) == (peer, model)] == [1, 2]
    ours = [(one.model, one.object, one.workers) for one in found if one.is_ours]
    assert ours == [
        ("faq", "same", None),
        ("faq", "same", 1),
        ("faq", "same", 2),
        ("faq", "own", None),
        ("faq", "own", 2),
        ("image", "same", None),
        ("image", "same", 2),
    ]


def test_a_profile_needs_only_some():
    found = chosen(only=["ours", "fastapi"], models=["faq"], workers=[2])
    assert [(one.server, one.workers, one.object) for one in found] == [
        ("fastapi", 2, "same"),
        ("ours", None, "same"),
        ("ours", 2, "same"),
        ("ours", None, "own"),
        ("ours", 2, "own"),
    ]


def test_alternatives_are_the_settings_that_were_not_chosen():
    found = [one for one in chosen(alternatives=True, workers=[1]) if one.is_alternative]
    assert [one.title for one in found] == [
        "LitServe, one by one",
        "BentoML, one by one",
        "MLServer, one by one",
        "FastAPI, 2 streams",
        "LitServe, joined",
        "BentoML, 2 streams",
    ]
    assert [one.title for one in chosen() if one.is_alternative] == []


def test_unknown_servers_are_named():
    with pytest.raises(BenchmarkError, match="no server named triton; there are ours, fastapi"):
        chosen(only=["triton"])


def test_cells():
    assert cells_of([]) == {"faq": (1, 16, 64), "image": (1, 8, 32)}
    assert cells_of(["faq-16"]) == {"faq": (16,)}
    assert cells_of(["image-8", "faq-64", "faq-1"]) == {"faq": (1, 64), "image": (8,)}
    with pytest.raises(BenchmarkError, match="no cell named faq-7; there are faq-1, faq-16"):
        cells_of(["faq-7"])


def test_workers_are_told():
    assert Contestant("ours", "faq", None).workers_text == "default (1-2)"
    assert Contestant("ours", "image", None).workers_text == "default (1)"
    assert Contestant("fastapi", "faq", 2).workers_text == "2"
