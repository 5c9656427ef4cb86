import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from deployments.faq_matcher.evaluation import plots
from deployments.faq_matcher.evaluation.acceptance import CurvePoint
from deployments.faq_matcher.evaluation.ranks import rank_bars
from deployments.faq_matcher.evaluation.reliability import calibration_bins

CURVE = (CurvePoint(0.9, 1, 0.2), CurvePoint(0.5, 0.8, 0.7), CurvePoint(0.1, 0.6, 0.9))


def ranks(count=125):
    return plots.rank_plot(rank_bars(np.array([1, 1, 2, 30]), count))


def reliability():
    return plots.reliability_plot(
        calibration_bins(np.array([0.1, 0.8, 0.85], np.float32), np.array([False, True, True]))
    )


def precision_recall(no_match=CURVE[::-1], chosen=CURVE[:1]):
    return plots.precision_recall_plot(CURVE, no_match, chosen)


ALL = (ranks, reliability, precision_recall)


def parse(svg):
    return ET.fromstring(svg)  # noqa: S314 - of plots.py itself


def texts(svg):
    return [element.text for element in parse(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("plot", ALL)
def test_is_one_svg_element_that_fits_any_width(plot):
    root = parse(plot())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox")
    assert root.get("width") is None
    assert root.get("height") is None


@pytest.mark.parametrize("plot", ALL)
def test_takes_colours_and_font_from_the_page(plot):
    svg = plot()
    assert "font-family" not in svg
    assert "<style" not in svg
    colors = set(re.findall(r"(?:var\(--\w+, )?#[0-9a-f]{6}\b", svg))
    assert colors <= {f"var({variable}, {color}" for color, variable in plots._PROPERTIES.items()}
    assert f"var(--ink, {plots.INK})" in svg


@pytest.mark.parametrize("plot", ALL)
def test_is_the_same_each_time_and_leaves_the_settings_alone(plot):
    before = dict(mpl.rcParams)
    assert plot() == plot()
    assert dict(mpl.rcParams) == before


def test_ids_differ_between_plots_and_references_hold():
    seen = set()
    for plot in ALL:
        svg = plot()
        ids = re.findall(r'\bid="([^"]+)"', svg)
        references = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg))
        assert references <= set(ids)
        assert not seen & set(ids)
        seen |= set(ids)


def test_ranks_are_labelled_with_their_counts():
    shown = texts(ranks())
    assert {"1", "2", "11\u2013100", "101\u2013125", "Rank of the right original", "Questions"} <= set(shown)
    assert texts(ranks(1))


def test_reliability_names_its_axes():
    shown = texts(reliability())
    assert {"Probability of the best original", "Share right", "Questions", "perfect", "the model"} <= set(shown)


def test_precision_recall_marks_the_threshold():
    assert {"answers", "no match", "threshold 0.90", "Precision", "Recall"} <= set(texts(precision_recall()))


def test_precision_recall_without_strangers_or_answers():
    shown = texts(precision_recall(no_match=(), chosen=()))
    assert "answers" in shown
    assert not [text for text in shown if text == "no match" or text.startswith("threshold")]
