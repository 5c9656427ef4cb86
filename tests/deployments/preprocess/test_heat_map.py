import io

import numpy as np
from PIL import Image

from deployments.preprocess.heat_map import draw


def drawn(pixels, grid):
    with Image.open(io.BytesIO(draw(pixels, grid))) as image:
        assert image.format == "PNG"
        assert image.mode == "RGB"
        return np.asarray(image).astype(int)


def grey(height=60, width=80):
    return np.full((height, width, 3), 128, np.uint8)


def test_it_has_the_size_of_the_picture():
    assert drawn(grey(), [[0.0, 1.0]]).shape == (60, 80, 3)


def test_hot_is_red_and_cold_is_blue_where_the_grid_says():
    picture = drawn(grey(), [[0.0, 0.0], [0.0, 1.0]])
    red, _, blue = picture.transpose(2, 0, 1)
    assert (red - blue)[50, 70] > 60
    for cold in ((5, 5), (5, 75), (55, 5)):
        assert (blue - red)[cold] > 20


def test_no_place_is_hotter_than_the_hottest_cell():
    hot = drawn(grey(), [[1.0]])[0, 0]
    picture = drawn(grey(), [[0.0, 0.3, 0.0], [0.3, 0.5, 0.3]])
    assert (picture[..., 0] - picture[..., 2]).max() < hot[0] - hot[2]


def test_the_picture_shows_through():
    pixels = grey()
    pixels[:, 40:] = 250
    for heat in (0.0, 0.5, 1.0):
        picture = drawn(pixels, [[heat]])
        assert (picture[:, 45:].mean(axis=(0, 1)) - picture[:, :35].mean(axis=(0, 1)) > 40).all()


def test_the_picture_itself_is_left_as_it_is():
    pixels = grey()
    pixels.setflags(write=False)  # as those are that Pillow gives
    draw(pixels, [[0.5, 1.0]])
    assert (pixels == 128).all()
