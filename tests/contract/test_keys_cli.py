"""``facet keys`` and ``facet store``, as an operator types them, on a real database."""

from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from store import Store, keys


@pytest.fixture
def facet(identity: Store, monkeypatch: pytest.MonkeyPatch) -> "Facet":
    monkeypatch.setenv("FACET_DATABASE_URL", identity.database.url)
    monkeypatch.setenv("COLUMNS", "200")
    return Facet()


class Facet:
    """The command line."""

    def __call__(self, *words: str) -> Result:
        return CliRunner().invoke(app, words)


# Without an event loop of its own: the commands run theirs.
def test_a_key_is_made_shown_and_revoked(facet: Facet) -> None:
    made = facet("keys", "create", "front door", "--scope", "recognition", "--application", "lobby")
    assert made.exit_code == 0, made.output
    assert UUID(made.stdout.strip())
    listed = facet("keys", "list").output
    assert made.stdout.strip() not in listed
    assert "front door" in listed
    assert "lobby" in listed
    [identity] = [word for word in listed.split() if _is_uuid(word)][:1]
    assert facet("keys", "revoke", identity).exit_code == 0
    assert "front door" not in facet("keys", "list").output
    again = facet("keys", "revoke", identity)
    assert again.exit_code == 2
    assert "There is no key" in again.output


def test_a_key_opens_the_collection_that_is_named(facet: Facet) -> None:
    for _ in range(2):
        assert facet("keys", "create", "n", "--scope", "recognition", "--collection", "staff").exit_code == 0
    shown = facet("store", "collections").output
    assert shown.count("staff") == 2  # one collection: its key and its name
    assert facet("store", "migrate").exit_code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["keys", "create", "n", "--scope", "nonsense"], "there is no scope 'nonsense'; there are admin"),
        (["keys", "create", "", "--scope", "image"], "at least 1 character"),
        (["keys", "create", "n", "--scope", "image", "--collection", "c"], "goes with the scope recognition alone"),
        (["keys", "revoke", "nonsense"], "Invalid value"),
        (["keys", "revoke", str(uuid4())], "There is no key"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(facet: Facet, words: list[str], told: str) -> None:
    result = facet(*words)
    assert result.exit_code == 2
    assert told in result.output
    assert "Traceback" not in result.output


def test_a_database_that_is_not_there_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACET_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    result = CliRunner().invoke(app, ["keys", "list"])
    assert result.exit_code == 1
    assert "The database cannot be prepared" in result.output


async def test_a_key_is_nowhere_in_the_database(identity: Store) -> None:
    async with identity.begin() as transaction:
        secret, made = await keys.create_key(transaction, "n", ["image"])
        assert await keys.find_key(transaction, secret.upper()) == made
        assert await keys.find_key(transaction, str(uuid4())) is None


def _is_uuid(word: str) -> bool:
    try:
        return bool(UUID(word))
    except ValueError:
        return False
