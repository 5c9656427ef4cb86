import hashlib

import pytest

from deployments.errors import StartupError
from deployments.image_classifier.labels import IMAGENET, imagenet_labels, read_labels


def test_imagenet_has_a_thousand_labels_in_class_order():
    labels = imagenet_labels()
    ids = [label.split(" ", 1)[0] for label in labels]
    assert len(set(ids)) == 1000
    assert ids == sorted(ids)
    assert labels[0] == "n01440764 tench, Tinca tinca"
    assert labels[287] == "n02127052 lynx, catamount"
    assert labels[999] == "n15075141 toilet tissue, toilet paper, bathroom tissue"


def test_imagenet_labels_begin_as_torchvision_names_them():
    from torchvision.models import ResNet152_Weights

    names = [label.split(" ", 1)[1].split(", ") for label in imagenet_labels()]
    categories = ResNet152_Weights.DEFAULT.meta["categories"]
    different = [
        (ours[0], theirs)
        for ours, theirs in zip(names, categories, strict=True)
        if theirs not in ours and ours[0] not in theirs
    ]
    assert different == []


def test_imagenet_labels_equal_a_published_list(shared_data):
    published = (shared_data / "images" / "imagenet_synsets.txt").read_text().splitlines()
    assert imagenet_labels() == published


def test_the_file_is_the_one_that_was_checked():
    digest = hashlib.sha256(IMAGENET.read_bytes()).hexdigest()
    assert digest == "c98cf8e050b2f67f824762ebdb5bcf683adc7955382b9ff8b1c0f49548bb449b"


def test_reads_labels_of_the_users_own(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes("\ufeffcat\r\nbig dog \r\nÄffchen\r\n".encode())
    assert read_labels(str(path)) == ["cat", "big dog", "Äffchen"]
    assert read_labels(path.as_uri()) == ["cat", "big dog", "Äffchen"]


def test_reads_labels_over_http(server):
    server.files["/labels.txt"] = b"cat\ndog\n"
    assert read_labels(server.url("/labels.txt")) == ["cat", "dog"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "one class on each line"), (b"cat\n\ndog\n", "one class on each line"), (b"\xff\xfe\xff", "not UTF-8")],
)
def test_refuses_labels_that_are_none(tmp_path, content, sentence):
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    with pytest.raises(StartupError, match=rf"^The labels file labels\.txt .*{sentence}"):
        read_labels(str(path))


def test_says_which_labels_are_missing(tmp_path):
    with pytest.raises(StartupError, match=r"^The labels file none\.txt cannot be had: there is no such file"):
        read_labels(str(tmp_path / "none.txt"))
