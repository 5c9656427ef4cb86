import pytest

from deployments.errors import StartupError
from deployments.faq_matcher.data import Answer, Duplicate, Original, read_prepared
from deployments.faq_matcher.preparation.dump import DumpSource
from deployments.faq_matcher.preparation.dump_index import tags_of


@pytest.fixture
def one_question(question, answer):
    return [question(1, "One"), answer(2, 1)]


def ids(items):
    return [item.id for item in items]


def test_questions_answers_and_duplicates(prepared, question, answer):
    posts = [
        question(
            1, "How &amp; why?", "<p>Tell &lt;me&gt;\n now.</p><pre><code>a = 1\n</code></pre>", AcceptedAnswerId=4
        ),
        question(2, "Same thing", "<p>In other words</p>", Tags="<other>"),
        answer(3, 1, "<p>No.</p>", 9),
        answer(4, 1, "<p>Yes.</p>", -2),
        {"Id": 5, "PostTypeId": 4, "Body": "a wiki"},
    ]
    data, report = prepared(posts, [(2, 1)])
    assert data.originals == (Original(1, 4, "How &amp; why?\nTell <me> now.\na = 1"),)
    assert data.duplicates == (Duplicate(2, 4, "Same thing\nIn other words"),)
    assert data.answers == (Answer(4, 1, "Yes."),)
    assert not report.dropped
    assert [(source.rows, len(source.sha256)) for source in report.sources] == [(1, 64), (5, 64)]


def test_code_blocks_of_questions_can_go(prepared, question, answer):
    body = "<p>Why <code>x</code>?</p><pre><code>y</code></pre>"
    data, _ = prepared([question(1, "How?", body), answer(2, 1, "<pre><code>z</code></pre>")], code="drop")
    assert data.originals[0].text == "How?\nWhy x?"
    assert data.answers[0].text == "z"


def test_the_accepted_answer_else_the_best_else_the_oldest(prepared, question, answer, found):
    posts = [
        question(1, "One", AcceptedAnswerId=11),
        question(2, "Two", AcceptedAnswerId=99),
        question(3, "Three", AcceptedAnswerId=21),
        question(4, "Four"),
        answer(10, 1, score=5),
        answer(11, 1, score=1),
        answer(20, 2, score=1),
        answer(21, 2, score=5),
        answer(30, 3, score=-1),
        answer(40, 4, score=3),
        answer(41, 4, score=3),
    ]
    data, report = prepared(posts)
    assert {original.id: original.answer_id for original in data.originals} == {1: 11, 2: 21, 3: 30, 4: 40}
    said = "is that of no answer to this question; the best-scored answer counts, where there is one"
    assert found(report.noted) == {("originals", said): [(4, "AcceptedAnswerId"), (5, "AcceptedAnswerId")]}


def test_originals_without_answer_go_with_their_duplicates(prepared, question, answer, found):
    posts = [
        question(1, "One"),
        question(2, "Two", AcceptedAnswerId=9),
        question(3, "Three"),
        answer(4, 3),
        question(5, "x"),
    ]
    data, report = prepared(posts, [(5, 2)])
    assert ids(data.originals) == [3]
    reason = "is that of no answer to this question, and there is no other"
    assert found(report.dropped) == {
        ("originals", reason): [(3, "AcceptedAnswerId"), (4, "AcceptedAnswerId")],
        ("duplicates", "belongs to an original that was dropped"): [(7, "Id")],
    }


def test_originals_without_answer_can_stay(prepared, question, answer):
    posts = [
        question(1, "One"),
        question(2, "Two"),
        answer(3, 2),
        question(4, "Uno"),
        question(5, "Tre"),
        answer(6, 5, "<hr>"),
    ]
    data, _ = prepared(posts, [(4, 1)], require_answer=False)
    assert [(original.id, original.answer_id) for original in data.originals] == [(1, 1), (2, 3), (5, 6)]
    assert [(duplicate.id, duplicate.answer_id) for duplicate in data.duplicates] == [(4, 1)]
    assert ids(data.answers) == [3]


def test_an_answer_that_says_nothing_is_none(prepared, question, answer, found):
    posts = [question(1, "One"), answer(2, 1, "<p>👍 !</p>"), question(3, "Three"), answer(4, 3)]
    data, report = prepared(posts)
    assert ids(data.originals) == [3]
    assert found(report.dropped) == {
        ("answers", "has no letters or digits"): [(4, "Body")],
        ("originals", "is that of no answer that was kept"): [(3, "AcceptedAnswerId")],
    }


@pytest.mark.parametrize("written", ["<a><JavaScript><b>", "|a|javascript|", "<javascript>"])
def test_keeps_a_tag_of_originals(prepared, question, answer, written):
    posts = [
        question(1, "One", Tags=written),
        question(2, "Two", Tags="<java><script>"),
        question(3, "Three", Tags=""),
        question(4, "Uno", Tags="<c>"),
        question(5, "Due", Tags="<javascript>"),
        *(answer(number + 10, number) for number in range(1, 4)),
    ]
    data, report = prepared(posts, [(4, 1), (5, 2)], tag="javaScript")
    assert ids(data.originals) == [1]
    assert ids(data.duplicates) == [4]
    assert [(step.originals, step.duplicates, step.answers) for step in report.steps[:2]] == [(5, 2, 3), (1, 1, 1)]


def test_tags_of_both_forms():
    assert tags_of("<a><B-c>") == ["a", "b-c"] == tags_of("|a|b-c|")
    assert tags_of("") == [""]


def test_links_that_lead_nowhere_twice_or_in_circles(prepared, question, answer, found):
    posts = [question(number, f"Question {number}") for number in range(1, 9)] + [
        answer(11, 1),
        answer(13, 3),
        answer(17, 7),
    ]
    links = [(2, 1), (99, 1), (2, 98), (4, 4), (5, 2), (6, 5), (3, 8), (8, 3), (2, 7), (2, 1)]
    data, report = prepared(posts, links)
    assert ids(data.originals) == [1, 3, 7]
    assert [(each.id, each.answer_id) for each in data.duplicates] == [(2, 11), (5, 11), (6, 11), (8, 13)]
    nowhere = [("PostId", "is that of no question in Posts.xml"), ("RelatedPostId", "is the question itself")]
    assert found(report.dropped) == {
        ("links", nowhere[0][1]): [(5, "RelatedPostId"), (4, "PostId")],
        ("links", nowhere[1][1]): [(6, "RelatedPostId")],
        ("links", "is another original of a question whose original is known"): [
            (12, "RelatedPostId"),
            (11, "RelatedPostId"),
        ],
        ("links", "closes a circle of duplicates, whose oldest question became the original"): [(9, "RelatedPostId")],
        ("originals", "is that of no answer to this question, and there is no other"): [(6, "AcceptedAnswerId")],
    }


def test_of_two_originals_the_one_with_the_tag_counts(prepared, question, answer):
    posts = [question(1, "One", Tags="<a>"), question(2, "Two"), question(3, "Three"), answer(4, 1), answer(5, 2)]
    data, _ = prepared(posts, [(3, 1), (3, 2)], tag="js")
    assert [(each.id, each.answer_id) for each in data.duplicates] == [(3, 5)]


def test_minimum_number_of_duplicates(prepared, question, answer, found):
    posts = [question(number, f"Question {number}") for number in range(1, 8)] + [answer(11, 1), answer(12, 2)]
    data, report = prepared(posts, [(3, 1), (4, 1), (5, 4), (6, 2), (7, 2)], min_duplicates=3)
    assert ids(data.originals) == [1]
    assert ids(data.duplicates) == [3, 4, 5]
    assert found(report.dropped)["originals", "has fewer than 3 duplicates"] == [(4, "Id")]


def test_duplicates_that_cannot_be_used_do_not_count(prepared, question, answer):
    posts = [
        question(1, "One", AcceptedAnswerId=9),
        question(2, "Two"),
        question(3, "?", "!"),
        answer(9, 1),
        question(4, "x" * 99),
    ]
    with pytest.raises(StartupError, match="leaves no question to train from; the most frequent reason, 1 times: "):
        prepared(posts, [(2, 1), (3, 1)], min_duplicates=2)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"PostTypeId": 1, "Title": "a", "Body": "b"}, ("posts", "is missing", "Id")),
        ({"Id": "x", "PostTypeId": 1, "Title": "a", "Body": "b"}, ("posts", "is no whole number", "Id")),
        ({"Id": "-3", "PostTypeId": 1, "Title": "a", "Body": "b"}, ("posts", "is no whole number", "Id")),
        ({"Id": "9" * 19, "PostTypeId": 1, "Title": "a", "Body": "b"}, ("posts", "is no whole number", "Id")),
        ({"Id": 3, "Title": "a", "Body": "b"}, ("posts", "is missing", "PostTypeId")),
        (
            {"Id": 1, "PostTypeId": 1, "Title": "a", "Body": "b"},
            ("posts", "is there a second time; the first row counts", "Id"),
        ),
        (
            {"Id": 2, "PostTypeId": 1, "Title": "a", "Body": "b"},
            ("posts", "is there a second time; the first row counts", "Id"),
        ),
        ({"Id": 3, "PostTypeId": 2, "Score": 1, "Body": "b"}, ("posts", "is missing", "ParentId")),
        (
            {"Id": 3, "PostTypeId": 2, "ParentId": 1, "Score": "many", "Body": "b"},
            ("posts", "is no whole number", "Score"),
        ),
        ({"Id": 3, "PostTypeId": 1, "Body": "b"}, ("originals", "is missing", "Title")),
        ({"Id": 3, "PostTypeId": 1, "Title": "a"}, ("originals", "is missing", "Body")),
        ({"Id": 3, "PostTypeId": 1, "Title": " ", "Body": "<p> </p>"}, ("originals", "is empty", "Body")),
        (
            {"Id": 3, "PostTypeId": 1, "Title": "?", "Body": "<p>🤷🏽‍♀️ ...</p>"},
            ("originals", "has no letters or digits", "Body"),
        ),
        (
            {"Id": 3, "PostTypeId": 1, "Title": "a", "Body": "x" * 1_000_000},
            ("originals", "has more than 100,000 characters", "Body"),
        ),
        (
            {"Id": 3, "PostTypeId": 1, "Title": "a", "Body": "<i>" * 999},
            ("originals", "has more than 100 HTML tags open at once", "Body"),
        ),
    ],
)
def test_a_bad_row_is_left_out_and_told(prepared, one_question, found, row, said):
    data, report = prepared([*one_question, row], require_answer=False)
    assert ids(data.originals) == [1]
    assert data.originals[0].text == "One\nPlease tell."
    part, reason, column = said
    assert found(report.dropped) == {(part, reason): [(5, column)]}


def test_other_scripts_and_emoji_are_kept(prepared, question, answer):
    texts = ["如何排序 a", "كيف أرتب القائمة", "फ़ाइल कैसे खोलें", "Wie 🤷🏽‍♀️ sortiere ich?"]
    posts = [question(number, text, f"<p>{text}</p>") for number, text in enumerate(texts, 1)] + [
        answer(10 + n, n) for n in range(1, 5)
    ]
    data, _ = prepared(posts)
    assert [original.text for original in data.originals] == [f"{text}\n{text}" for text in texts]


def test_posts_may_come_in_any_order(dump, output, question, answer):
    posts = [
        question(1, "One"),
        question(2, "Two"),
        answer(3, 1, score=1),
        answer(4, 1, score=2),
        answer(5, 2),
        question(6, "Six"),
    ]
    dump.write(posts, [(6, 1)]).prepare(output)
    expected = [(output / name).read_bytes() for name in ("questions.parquet", "answers.parquet")]
    dump.write(posts[::-1], [(6, 1)]).prepare(output.with_name("other"))
    assert [
        (output.with_name("other") / name).read_bytes() for name in ("questions.parquet", "answers.parquet")
    ] == expected


def test_a_dump_that_breaks_off(dump, output, question, answer, found):
    dump.write([question(1, "One"), answer(2, 1), question(3, "Three"), answer(4, 3)])
    dump.posts.write_bytes(dump.posts.read_bytes()[:-40])
    with pytest.raises(StartupError, match=r"Posts\.xml, line 6 breaks off at column 3, after 3 rows"):
        dump.prepare(output)
    assert not output.exists()
    report = dump.prepare(output, accept_truncated=True).report
    assert ids(read_prepared(output).originals) == [1]
    assert found(report.noted) == {("posts", "come from a file that breaks off"): [(6, "")]}


def test_refuses_a_directory_without_the_files(tmp_path):
    with pytest.raises(StartupError, match=r"holds no Posts\.xml"):
        DumpSource(tmp_path)
    (tmp_path / "Posts.xml").touch()
    with pytest.raises(StartupError, match=r"holds no PostLinks\.xml"):
        DumpSource(tmp_path)
