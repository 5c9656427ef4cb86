import pytest
from grpc import StatusCode

from deployments import errors
from deployments.errors import Forbidden, Overloaded, ScoringError
from deployments.ingress.oip.grpc.statuses import metadata_of, status_of

STATUSES = {
    "ScoringError": StatusCode.INTERNAL,
    "BadRequest": StatusCode.INVALID_ARGUMENT,
    "InvalidJson": StatusCode.INVALID_ARGUMENT,
    "InvalidInput": StatusCode.INVALID_ARGUMENT,
    "InvalidImage": StatusCode.INVALID_ARGUMENT,
    "InvalidText": StatusCode.INVALID_ARGUMENT,
    "Unauthenticated": StatusCode.UNAUTHENTICATED,
    "Forbidden": StatusCode.PERMISSION_DENIED,
    "NotFound": StatusCode.NOT_FOUND,
    "RequestTimeout": StatusCode.DEADLINE_EXCEEDED,
    "PayloadTooLarge": StatusCode.RESOURCE_EXHAUSTED,
    "ModelError": StatusCode.INTERNAL,
    "ClientGone": StatusCode.CANCELLED,
    "Unavailable": StatusCode.UNAVAILABLE,
    "Overloaded": StatusCode.RESOURCE_EXHAUSTED,
    "TooManyPending": StatusCode.RESOURCE_EXHAUSTED,
}


@pytest.mark.parametrize(("name", "status"), STATUSES.items())
def test_every_error_has_its_status(name, status):
    assert status_of(getattr(errors, name)("x")) is status


def test_an_error_of_an_unknown_http_status_is_the_clients_or_the_services():
    assert status_of(type("New", (ScoringError,), {"status": 451})()) is StatusCode.INVALID_ARGUMENT
    assert status_of(type("New", (ScoringError,), {"status": 507})()) is StatusCode.INTERNAL


def test_metadata_tell_the_code_and_when_to_try_again():
    assert metadata_of(ScoringError()) == [("error-code", "internal_error")]
    assert metadata_of(Overloaded("x")) == [
        ("error-code", "overloaded"),
        ("retry-after", "1"),
        ("grpc-retry-pushback-ms", "1000"),
    ]
    refused = dict(metadata_of(Forbidden.without("scoring.admin")))
    assert refused["www-authenticate"].startswith("Bearer ")
