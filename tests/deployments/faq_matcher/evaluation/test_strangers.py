import pytest

from deployments.errors import StartupError
from deployments.faq_matcher.evaluation.strangers import read_strangers


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.tsv", "Text0\nWho?\nWhen?\n"),
        ("s.csv", "Id,Text0\n1,Who?\n2,When?\n"),
        ("s.jsonl", '{"Text0": "Who?"}\n{"Text0": "When?"}\n'),
    ],
)
def test_reads_any_table(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert read_strangers(tmp_path / name) == ["Who?", "When?"]


def test_of_prepared_data_the_questions_for_a_test_are_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed, and without it there is no Parquet.")
    from pyarrow import parquet

    for name, text in (("questions", "Known?"), ("test", "Unseen?")):
        table = pyarrow.table({"Id": [1], "AnswerId": [1], "Text0": [text]})
        parquet.write_table(table, tmp_path / f"{name}.parquet")
    assert read_strangers(tmp_path) == ["Unseen?"]


def test_says_what_is_wrong(tmp_path):
    with pytest.raises(StartupError, match=r"test\.parquet"):
        read_strangers(tmp_path)
    (tmp_path / "s.tsv").write_text("Id\tText0\n1\tWho?\n2\t\n")
    with pytest.raises(StartupError, match=r"s\.tsv, line 3: Text0 is empty"):
        read_strangers(tmp_path / "s.tsv")
    (tmp_path / "s.tsv").write_text("Text0\n")
    with pytest.raises(StartupError, match=r"s\.tsv holds no question"):
        read_strangers(tmp_path / "s.tsv")
    (tmp_path / "s.tsv").write_text("Text\nWho?\n")
    with pytest.raises(StartupError, match="Text0"):
        read_strangers(tmp_path / "s.tsv")
