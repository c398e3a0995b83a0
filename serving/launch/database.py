"""Which database a command or a server uses: the one that the settings name, or one of our own while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from serving.settings import Settings
from store import StoreUnavailable
from store.database import check_address
from store.embedded_database import EmbeddedError, run_embedded_database
from store.migrate import migrate

_FOLDER = "postgresql"  # in the data folder


class NoDatabase(Exception):
    """There is no database that can be used; the message says why."""


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of a database with the tables of this version, for the length of the block; raises ``NoDatabase``."""
    try:
        if settings.database_url is not None:
            url = settings.database_url.get_secret_value()
            _check_address(url)
            migrate(url)
            yield url
        else:
            with run_embedded_database(settings.data_folder / _FOLDER) as url:
                migrate(url)
                yield url
    except (EmbeddedError, StoreUnavailable) as error:
        raise NoDatabase(str(error)) from error


def _check_address(url: str) -> None:
    """Raises ``NoDatabase`` for what is no URL, without repeating it: it may hold a password."""
    try:
        check_address(url)
    except ValueError as error:
        raise NoDatabase(f"FACET_DATABASE_URL: {error}") from None
