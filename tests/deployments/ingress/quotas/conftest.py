import pytest

from deployments.ingress.quotas.quotas import Quotas
from deployments.ingress.quotas.settings import QuotaSettings
from deployments.ingress.settings import IngressSettings


class Clock:
    """Seconds since 1970 that a test moves."""

    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


class Limited:
    """Quotas whose settings a test changes."""

    def __init__(self, clock, **settings):
        self.clock = clock
        self.set(**settings)
        self.quotas = Quotas(lambda: self.settings, clock=clock)

    def set(self, **settings):
        self.settings = IngressSettings(quotas=QuotaSettings.model_validate(settings))

    async def admitted(self, client="a", model="faq", **options):
        return await self.quotas.admit(client, model, **options)


@pytest.fixture
def limited(clock):
    return lambda **settings: Limited(clock, **settings)
