"""Makes the tables, or brings those of an older version up to this one."""

from pathlib import Path

import alembic.command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from store.database import address
from store.errors import StoreUnavailable

_LOCK = 0x6D696772  # any number: servers that start together migrate one after the other


def migrate(url: str) -> str:
    """Runs the migrations that the database lacks, all or none; returns the revision. Raises ``StoreUnavailable``."""
    engine = create_engine(address(url), connect_args={"connect_timeout": 10})
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            configuration = _configuration()
            configuration.attributes["connection"] = connection
            alembic.command.upgrade(configuration, "head")
            return str(MigrationContext.configure(connection).get_current_revision())
    except DBAPIError as error:
        raise StoreUnavailable(f"The database cannot be prepared: {error.orig}") from error
    finally:
        engine.dispose()


def head_revision() -> str:
    """The revision that this version of Facet needs."""
    return str(ScriptDirectory.from_config(_configuration()).get_current_head())


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    configuration.set_main_option("path_separator", "os")
    return configuration
