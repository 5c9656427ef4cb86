from answering_service import lines


def test_matches_are_a_table(run, service):
    result = run("faq", "port?", "--answers", "--explain")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0] == ["Original", "Answer", "Probability", "Text", "Why"]
    assert rows[1] == ["7", "70", "75.0%", "Seven�[31m.", "port", "+1.50,", "a", "-0.25"]
    assert rows[2][:3] == ["8", "80", "25.0%"]
    assert service.asked == [{"input": ["port?"], "top_k": 5, "answers": True, "explain": True}]


def test_options_go_to_the_service(run, service):
    run("faq", "a", "--top-k", 2, "--threshold", "trained", "--model", "m", "--version", "2", "--url", "http://s/p/")
    run("faq", "a", "--threshold", 0.5)
    assert str(service.requests[0].url) == "http://s/p/m/versions/2/score"
    assert service.asked[0] == {"input": ["a"], "top_k": 2, "threshold": "trained"}
    assert service.asked[1]["threshold"] == 0.5


def test_no_match_is_said(run, service):
    service.matched = False
    assert run("faq", "a").stdout == "No match.\n"
    (told,) = lines(run("faq", "a", "--json"))
    assert (told["matched"], told["matches"]) == (False, [])


def test_questions_come_from_a_file_or_from_standard_input(run, service, tmp_path):
    (tmp_path / "q.txt").write_text("\ufefffirst\n\n second \n", encoding="utf-8")
    result = run("faq", "--file", tmp_path / "q.txt")
    assert "first\nOriginal" in result.stdout
    assert "second\nOriginal" in result.stdout
    run("faq", "--file", "-", stdin="third\n")
    run("faq", stdin="fourth\n")
    assert [asked["input"] for asked in service.asked] == [["first", "second"], ["third"], ["fourth"]]


def test_many_questions_are_sent_in_several_requests(run, service):
    told = lines(run("faq", "--json", stdin="".join(f"{number}\n" for number in range(250))))
    assert [each["question"] for each in told] == [str(number) for number in range(250)]
    assert [len(asked["input"]) for asked in service.asked] == [100, 100, 50]


def test_programs_get_a_line_for_each_question(run):
    told = lines(run("faq", "a", "b", "--json", "--answers", "--explain"))
    assert [each["question"] for each in told] == ["a", "b"]
    why = {"terms": [["port", 1.5], ["a", -0.25]], "other": 0.0, "score": 1.25}
    first = {"id": 7, "answer_id": 70, "probability": 0.75, "answer": "Seven\x1b[31m.", "explanation": why}
    assert told[0]["matches"][0] == first
    assert "answer" not in told[0]["matches"][1]
    assert {name: told[0][name] for name in ("model", "version", "weights", "request_id")} == {
        "model": "faq",
        "version": "1",
        "weights": "trained",
        "request_id": "r",
    }
