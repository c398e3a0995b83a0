"""What is wrong with the settings is told before the port opens, all of it at once."""

from collections.abc import Iterable, Iterator

from estimators import CATALOGUE, Detector
from graph import GraphSpec, PlanError
from models import PROVIDERS
from schemas import BadDocument, TooLarge
from serving.cluster.placement import DEFAULT
from serving.engine.engine import planner
from serving.engine.graphs import Wanted, compiled
from serving.settings import Settings
from serving.telemetry.spans import NoExporter, wanted
from store import check_address


class BadSettings(ValueError):
    """Settings that cannot work; the message names each and says why."""


def check(settings: Settings, facades: Iterable[str] | None = None) -> None:
    """Raises ``BadSettings`` where names are unknown, values cannot work or graphs cannot be planned.

    ``facades`` are the names of those that there are, where that is known.
    """
    problems = [*_services(settings), *_placement(settings), *_detectors(settings), *_store(settings)]
    if facades is not None:
        problems += _unknown("facades", settings.facades or (), facades)
    problems += [*_models(settings), *_providers(settings), *_spans()]
    problems += _graphs(settings) if not problems else []
    if problems:
        raise BadSettings("the settings cannot work:\n" + "\n".join(f"- {each}" for each in problems))


def names(settings: Settings) -> tuple[str, ...]:
    """The services to run."""
    return tuple(CATALOGUE) if settings.services is None else settings.services


def _unknown(setting: str, given: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    known = list(known)
    for name in given:
        if name not in known:
            yield f"{setting}: there is no {name!r}; there are {', '.join(known)}"


def _services(settings: Settings) -> Iterator[str]:
    chosen = names(settings)
    yield from _unknown("services", chosen, CATALOGUE)
    if not chosen:
        yield "services: name at least one, or leave the setting out for all"
    if len(set(chosen)) < len(chosen):
        yield "services: each can be named only once"
    if settings.model_mirror is not None and not settings.model_mirror.is_dir():
        yield f"model_mirror: {settings.model_mirror} is not a folder"


def _placement(settings: Settings) -> Iterator[str]:
    yield from _unknown("placement", settings.placement, [DEFAULT, *CATALOGUE])


def _detectors(settings: Settings) -> Iterator[str]:
    detectors = [name for name, kind in CATALOGUE.items() if issubclass(kind, Detector)]
    yield from _unknown("thresholds", settings.thresholds, detectors)
    for name, threshold in settings.thresholds.items():
        if not 0 <= threshold <= 1:
            yield f"thresholds: {name}: {threshold} is not between 0 and 1"


def _store(settings: Settings) -> Iterator[str]:
    if settings.database_url is not None:
        try:
            check_address(settings.database_url.get_secret_value())
        except ValueError as error:
            yield f"database_url: {error}"


def _models(settings: Settings) -> Iterator[str]:
    store = settings.store()
    yield from _unknown("models", settings.models, store.manifest.tasks)
    for task, name in settings.models.items():
        if task in store.manifest.tasks:
            yield from _unknown(f"models: {task}", [name], store.choices_by_name(task))


def _providers(settings: Settings) -> Iterator[str]:
    """Only the names are checked here: what a machine offers is known where the replica starts."""
    yield from _unknown("providers", settings.providers, CATALOGUE)
    for name, providers in settings.providers.items():
        if not providers:
            yield f"providers: {name}: name at least one"
        for provider in providers:
            if provider.lower() not in PROVIDERS and not provider.endswith("ExecutionProvider"):
                yield f"providers: {name}: there is no {provider!r}; there are {', '.join(PROVIDERS)}"


def _spans() -> Iterator[str]:
    try:
        wanted()
    except NoExporter as error:
        yield str(error)


def _graphs(settings: Settings) -> Iterator[str]:
    """Graphs are checked against all services: those that need one that was left out are merely not offered."""
    plan = planner(CATALOGUE).plan
    for name, raw in settings.graphs.items():
        try:
            compiled(plan, Wanted(GraphSpec.parse(raw, settings.max_nodes)))
        except BadDocument as fault:
            yield f"graphs: {'.'.join(map(str, (name, *fault.where)))}: {fault.message}"
        except (TooLarge, PlanError) as error:
            yield f"graphs: {name}: {error}"
    if settings.graphs and settings.default_graph not in settings.graphs:
        yield f"default_graph: there is no {settings.default_graph!r}; there are {', '.join(settings.graphs)}"
