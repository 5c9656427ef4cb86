from deployments.recent_replicas import RECENT_SECONDS, RecentReplicas


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_without_answers_the_least_number_counts():
    assert RecentReplicas(2).count() == 2


def test_each_replica_that_answered_counts_once():
    replicas = RecentReplicas(1, Clock())
    for name in ("a", "b", "a", "c"):
        replicas.saw(name)
    assert replicas.count() == 3


def test_a_silent_replica_is_forgotten():
    clock = Clock()
    replicas = RecentReplicas(1, clock)
    replicas.saw("a")
    replicas.saw("b")
    clock.now = RECENT_SECONDS + 1
    replicas.saw("b")
    assert replicas.count() == 1


def test_after_a_loss_counting_starts_anew():
    replicas = RecentReplicas(1, Clock())
    replicas.saw("a")
    replicas.saw("b")
    replicas.forget()
    assert replicas.count() == 1
