"""From settings to the table of models: what is new is started, what has gone is let go, the rest stays as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from deployments.ingress.routing.settings import ModelSettings, TableSettings
from deployments.ingress.routing.table import Model, ModelTable
from deployments.ingress.routing.versions import Cause, Connect, Home, InApplication, InThisProcess
from deployments.kinds import Surroundings, find_kind


@dataclass(frozen=True, slots=True)
class Applications:
    """The applications of Ray Serve, as the gateway sees them.

    Attributes:
        connect: returns the way to a deployment of one.
        cause: says why one does not run.
    """

    connect: Connect
    cause: Cause


class Routing:
    """Keeps the table of models as the settings say.

    Args:
        table: the table, which this changes.
        surroundings: the service.
        applications: where versions may live.
    """

    def __init__(self, table: ModelTable, surroundings: Surroundings, applications: Applications) -> None:
        self._table = table
        self._surroundings = surroundings
        self._applications = applications
        self._homes: dict[Hashable, Home] = {}
        self._starting: dict[Home, asyncio.Task[None]] = {}

    async def apply(self, settings: TableSettings) -> None:
        """Make the table what the settings say.

        At first, models of this process are loaded before it returns; later, what is new starts while others answer.

        Raises:
            StartupError: at first, if no version can be started.
        """
        is_first = not self._homes
        homes: dict[Hashable, Home] = {}
        models = [self._model(model, homes) for model in settings.models]
        new = [home for key, home in homes.items() if key not in self._homes]
        if is_first:
            await _loaded(new)
        gone = [home for key, home in self._homes.items() if key not in homes]
        self._homes = homes
        self._table.replace(models, settings.default_models)
        for home in gone:
            self._let_go(home)
        for home in new:
            if not (is_first and isinstance(home, InThisProcess)):
                self._start(home)

    def _model(self, model: ModelSettings, homes: dict[Hashable, Home]) -> Model:
        versions = {}
        for version in model.versions:
            key = (model.kind, model.name, version.name, version.model_dump_json())
            homes[key] = self._homes.get(key) or self._home(model, version)
            versions[version.name] = homes[key].version
        return Model(model.name, find_kind(model.kind).interface(), versions, model.default_version)

    def _home(self, model: ModelSettings, version: Any) -> Home:
        kind, title = find_kind(model.kind), f"{model.name}/{version.name}"
        interface = kind.interface()
        if version.application is not None:
            connect, cause = self._applications.connect, self._applications.cause
            application, first = version.application, kind.first_stage(version.application)
            return InApplication(title, version.name, interface, application, first, connect, cause)
        stage = kind.local(f"{model.name}-{version.name}", version, self._surroundings)
        return InThisProcess(title, version.name, interface, stage, kind.calls(version))

    def _start(self, home: Home) -> None:
        task = asyncio.get_running_loop().create_task(home.start())
        self._starting[home] = task
        task.add_done_callback(lambda _: self._starting.pop(home, None))

    def _let_go(self, home: Home) -> None:
        if (task := self._starting.pop(home, None)) is not None:
            task.cancel()


async def _loaded(homes: list[Home]) -> None:
    local = [home for home in homes if isinstance(home, InThisProcess)]
    for home in local:
        await home.start()
    failures = [home.failure for home in local if home.failure is not None]
    if failures and len(failures) == len(homes):
        raise failures[0]
