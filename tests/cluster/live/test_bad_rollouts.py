"""Changes that cannot work, under load: the version before serves every request, and status says why."""

import pytest
from real_cluster import until

from cluster.kuberay.causes import CauseKind
from cluster.kuberay.states import State, serves
from cluster.kuberay.waiting import NotReady

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

READY_SECONDS = 420
QUESTION = '{"data": ["Another program uses port 8000"]}'


def rolled_out(service, changed, note, *, cause):
    """Apply a change that fails, and say how it did."""
    service.settings = changed
    service.apply(note)
    with pytest.raises(NotReady) as error:
        service.wait_for_deployment(timeout_seconds=READY_SECONDS)
    assert cause in {each.kind for each in error.value.causes}
    # What is seen later may be its next try.
    assert error.value.state in {State.FAILED, State.UNHEALTHY}
    assert serves(service.ray_services.read())
    return str(error.value)


def rolled_back(service, settings):
    service.ray_services.roll_back()
    service.settings = settings()
    service.wait_for_deployment(timeout_seconds=READY_SECONDS)
    assert service.state is State.HEALTHY
    assert service.run(QUESTION)["matched"] == [True]


def test_an_image_that_does_not_exist(restored, settings, load):
    before = restored.ray_services.read().service.status.active.cluster
    with load("bad rollout: an image that does not exist, and back") as outcome:
        said = rolled_out(restored, settings(tag="none"), "an image that is not there", cause=CauseKind.IMAGE)
        assert "Requests are answered by the version before it" in said
        rolled_back(restored, settings)
    assert restored.ray_services.read().service.status.active.cluster == before
    assert outcome.is_explained()


def test_an_application_that_fails_to_start(restored, settings, load):
    with load("bad rollout: an application that fails to start, and back") as outcome:
        changed = settings(faq_model={"model_dir": "/models/none"})
        said = rolled_out(restored, changed, "a model that is not there", cause=CauseKind.APPLICATION)
        assert "/models/none" in said
        until(lambda: "/models/none" in (restored.error or ""), 60, "the error of the web service says so")
        rolled_back(restored, settings)
    assert outcome.is_explained()


def test_a_model_that_fails_its_check(restored, settings, load):
    """Its weights are not those that its manifest says: no replica may serve them."""
    with load("bad rollout: a model that fails its check, and back") as outcome:
        changed = settings(image_model={"model_dir": "/models/changed"})
        said = rolled_out(restored, changed, "weights that were changed", cause=CauseKind.APPLICATION)
        assert "/models/changed" in said
        rolled_back(restored, settings)
    assert outcome.is_explained()
