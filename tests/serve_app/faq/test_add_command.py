import pytest

from deployments.faq_matcher import storage
from deployments.faq_matcher.data import Duplicate, FaqData, Original
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.training import train

HEAD = "Id\tAnswerId\tText0\n"


@pytest.fixture(scope="module")
def learned():
    originals = tuple(
        Original(n, 100 + n, f"How do I open a {thing}?")
        for n, thing in enumerate(("tin", "door", "book", "shop", "jar"))
    )
    return train(FaqData(originals, (Duplicate(1, 101, "The gate won't open"),)), Recipe(rounds=0))


@pytest.fixture
def run(tmp_path, learned, faq):
    storage.write(tmp_path / "model", learned)
    (tmp_path / "q.tsv").write_text(HEAD + "9\t109\tWhat is the [red]price[/red] of :tea:?\n")
    (tmp_path / "d.tsv").write_text(HEAD + "2\t102\tTurning the first page\n")
    (tmp_path / "a.tsv").write_text("Id\tQuestionId\tText0\n109\t9\tTwo pounds.\n")

    def run(*arguments, model="model"):
        given = [tmp_path / each if str(each)[-4:] == ".tsv" else each for each in arguments]
        return faq("add", "--model", tmp_path / model, *given)

    return run


def test_adds_and_tells_what_changed(run, cells, tmp_path, learned):
    result = run("--output", tmp_path / "new", "--questions", "q.tsv", "--duplicates", "d.tsv", "--answers", "a.tsv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert cells(result)[0][:4] == ["joined", "1", "1", "1"]
    assert "2 of 2 new questions are matched to their originals." in result.stdout
    assert "Of 6 questions that the model had, 0 are matched to another original than before." in result.stdout
    assert f"Saved in {tmp_path / 'new'}." in result.stdout.replace("\n", "")
    assert "train it again with `scoring faq train`" in result.stdout
    after = storage.read(tmp_path / "new")
    assert after.answers[-1] == "Two pounds."
    assert len(storage.read(tmp_path / "model").originals) == len(learned.originals)


def test_changes_the_model_itself_when_told(run, refusal, tmp_path):
    assert run("--in-place", "--questions", "q.tsv").exit_code == 0
    after = storage.read(tmp_path / "model")
    assert (len(after.originals), len(after.facts.additions)) == (6, 1)
    assert "q.tsv, line 2: Id is '9', which the model has already" in refusal(run("--in-place", "--questions", "q.tsv"))


def test_shows_new_questions_that_are_matched_to_others(run, cells, tmp_path):
    (tmp_path / "d.tsv").write_text(HEAD + "2\t102\tHow do I open a tin?\n")
    result = run("--in-place", "--questions", "q.tsv", "--duplicates", "d.tsv")
    assert "1 of 2 new questions are matched to their originals." in result.stdout
    row = cells(result)[-1]
    assert row[:3] == ["How do I open a tin?", "How do I open a book?", "How do I open a tin?"]
    assert float(row[3]) < 1


def test_shows_what_moved_as_it_is_written(run, cells, tmp_path):
    (tmp_path / "q.tsv").write_text(
        HEAD + "9\t109\tThe gate won't open [red]:tea:[/red]\n8\t108\tThe gate won't open\n"
    )
    result = run("--in-place", "--questions", "q.tsv")
    assert "1 are matched to another original than before" in result.stdout
    move = ["The gate won't open", "How do I open a door?", "How do I open a door?", "The gate won't open"]
    assert cells(result)[-1] == move


def test_texts_are_no_markup(run, tmp_path):
    (tmp_path / "d.tsv").write_text(HEAD + "2\t102\tWhat is the [red]price[/red] of :tea:?\n")
    result = run("--in-place", "--questions", "q.tsv", "--duplicates", "d.tsv")
    assert "[red]price[/red] of :tea:" in result.stdout


def test_needs_one_place_to_write(run, refusal, tmp_path):
    sentence = "Name a new directory with --output, or change the model itself with --in-place."
    assert sentence in refusal(run("--questions", "q.tsv"))
    assert sentence in refusal(run("--questions", "q.tsv", "--in-place", "--output", tmp_path / "new"))
    storage.write(tmp_path / "other", storage.read(tmp_path / "model"))
    assert "or change the model itself with --in-place" in refusal(
        run("--questions", "q.tsv", "--output", tmp_path / "other")
    )


def test_says_what_is_wrong(run, refusal, tmp_path):
    assert "none holds no FAQ model" in refusal(run("--in-place", "--questions", "q.tsv", model="none"))
    assert "There is nothing to add" in refusal(run("--in-place"))
    assert "none.tsv cannot be read" in refusal(run("--in-place", "--questions", "none.tsv"))
    (tmp_path / "d.tsv").write_text(HEAD + "2\t999\tWhy?\n")
    assert "d.tsv, line 2: AnswerId is '999'" in refusal(run("--output", tmp_path / "new", "--duplicates", "d.tsv"))
    assert not (tmp_path / "new").exists()
