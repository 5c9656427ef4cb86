import threading

from cluster.doctor.findings import Check, Finding, Outcome, Stage, failed, ok, together, warning
from cluster.doctor.runner import run_checks, skip


def explain(error):
    return failed(f"broke: {error}", "")


def check(run, limit=20.0):
    return Check("check", Stage.DEPLOY, run, limit_seconds=limit)


def test_results_come_in_the_order_of_the_checks_and_run_side_by_side():
    both = threading.Barrier(2, timeout=20)

    def meet(name):
        def run():
            both.wait()
            return ok(name)

        return run

    results = run_checks([check(meet("first")), check(meet("second"))], explain)
    assert [each.finding for each in results] == [ok("first"), ok("second")]


def test_one_that_hangs_is_given_up_and_one_that_breaks_is_explained():
    never = threading.Event()

    def broken():
        raise ValueError("it")

    def hanging():
        never.wait()
        return ok("late")

    results = run_checks([check(hanging, 0.05), check(broken), check(lambda: ok("fine"))], explain, at_once=1)
    never.set()
    assert [each.finding.outcome for each in results] == [Outcome.FAILED, Outcome.FAILED, Outcome.OK]
    assert results[0].finding.message == "no answer within 0.05 s"
    assert results[1].finding.message == "broke: it"


def test_nothing_to_run_gives_no_results_and_what_is_skipped_says_why():
    assert run_checks([], explain) == []
    assert skip([check(lambda: ok(""))], "because")[0].finding == Finding(Outcome.SKIPPED, "because")


def test_the_worst_of_several_findings_counts():
    found = together([ok("a"), warning("b", "do"), warning("c", "do")], "nothing")
    assert found == Finding(Outcome.WARNING, "b; c", "do")
    assert together([], "nothing").outcome is Outcome.SKIPPED
