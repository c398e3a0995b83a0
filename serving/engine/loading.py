"""From the name of a service to the service: which models it gets, and loading each of them once in a process."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

from estimators import CATALOGUE, Node
from estimators.template import Identity, identity
from models import MissingModel, Model, ModelSpec, ModelStore, Session, provider_names
from serving.settings import Settings


class Loader:
    """Loads models; services of one process that use the same one share its session, as long as one of them does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: ModelStore = settings.store()
        self._sessions: WeakValueDictionary[tuple[str, tuple[str, ...]], Session] = WeakValueDictionary()

    def node(self, name: str) -> Node:
        """The service ``name`` with its models.

        Raises ``MissingModel`` where one that it cannot do without is not on this machine, another ``ModelError`` where
        one is damaged or its execution provider is not there.
        """
        providers = provider_names(self._settings.asked_of(name))
        specs = chosen(name, self._settings)
        return CATALOGUE[name]({task: tuple(self._model(each, providers) for each in specs[task]) for task in specs})

    def _model(self, spec: ModelSpec, providers: tuple[str, ...]) -> Model:
        key = (spec.name, providers)
        session = self._sessions.get(key)
        if session is None:
            session = self._store.load(spec, providers, self._settings.threads).run
            self._sessions[key] = session
        return Model(spec.name, spec.architecture, session)


def described(name: str, settings: Settings) -> Node:
    """The service ``name`` with models that cannot run: enough for its ``view``, where it runs elsewhere."""
    specs = chosen(name, settings)
    return CATALOGUE[name](
        {task: tuple(Model(each.name, each.architecture, _never) for each in specs[task]) for task in specs}
    )


def chosen(name: str, settings: Settings) -> Mapping[str, tuple[ModelSpec, ...]]:
    """The models of a service by task; those of optional tasks only where they are on this machine."""
    kind, store = CATALOGUE[name], settings.store()
    found = {task: store.resolve(task, settings.models.get(task)) for task in kind.tasks}
    for task in kind.optional:
        with suppress(MissingModel):
            found[task] = store.resolve(task, settings.models.get(task))
    return found


def template_identity(settings: Settings) -> Identity:
    """The model whose templates are made here."""
    [model] = chosen("template-extractor", settings)["template"]
    return identity(model.architecture)


def _never(*_: Any) -> Any:
    raise RuntimeError("this model is only described here; it runs in its own deployment")
