from deployments.replica import replica_id, reserved_cpus


def test_outside_of_a_replica_there_is_none():
    assert (replica_id(), reserved_cpus()) == ("local", None)
