import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import StartupError
from deployments.image_classifier.conversion.class_table import read_classes


def table(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_reads_classes_by_file(tmp_path):
    path = table(tmp_path, '\ufefffile,class_index,name\n"a,b.jpg",0,tench\nc.png,9,"x\ny"\n')
    assert read_classes(path, 10) == {"a,b.jpg": 0, "c.png": 9}


@pytest.mark.parametrize("value", ["10", "-1", "", "cat", "1.0", "²", "1" * 5000])
def test_a_class_that_there_is_not_is_named_with_its_line(tmp_path, value):
    path = table(tmp_path, f"file,class_index\na.jpg,3\nb.jpg,{value}\n")
    with pytest.raises(StartupError, match=r"labels\.csv, line 3, column class_index must be a number from 0 to 9"):
        read_classes(path, 10)


def test_a_short_row_is_named(tmp_path):
    with pytest.raises(StartupError, match="line 2, column class_index"):
        read_classes(table(tmp_path, "file,class_index\na.jpg\n"), 10)


@pytest.mark.parametrize(("content", "missing"), [("", "file"), ("file,class\n", "class_index"), ("a\n", "file")])
def test_a_missing_column_is_named(tmp_path, content, missing):
    with pytest.raises(StartupError, match=f"line 1 has no column {missing}"):
        read_classes(table(tmp_path, content), 10)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(StartupError, match=r"none\.csv cannot be read: No such file"):
        read_classes(tmp_path / "none.csv", 10)
    with pytest.raises(StartupError, match="is no CSV file in UTF-8"):
        read_classes(table(tmp_path, b"file,class_index\n\xff,1\n"), 10)


@given(content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"file,class_index\n{text}".encode()))
def test_any_content_is_read_or_refused(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    path.write_bytes(content)
    try:
        classes = read_classes(path, 10)
    except StartupError:
        return
    assert all(0 <= index < 10 for index in classes.values())
