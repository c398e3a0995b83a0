"""``facet store export``, ``import`` and ``re-embed``, as an operator types them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from models import ModelStore
from serving.engine.context import Context, Options
from serving.identity.people import People
from serving.identity.reembedding import Embedder
from serving.settings import Settings
from store import NewFace, Store, collections, faces, members
from tests.conftest import empty
from tests.contract.identities import add_collection, enrol, templates

CONTEXT = Context(Options("application/json"))


@pytest.fixture
def facet(identity: Store, store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("FACET_DATABASE_URL", identity.database.url)
    monkeypatch.setenv("FACET_CACHE", str(store.cache))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


async def _in_thread(facet: Callable[..., Result], *words: Any) -> Result:
    """A command, which runs an event loop of its own."""
    return await asyncio.to_thread(facet, *words)


async def test_exported_wiped_and_imported_a_collection_is_searched_as_before(
    identity: Store, facet: Callable[..., Result], tmp_path: Path
) -> None:
    file, known, probes = tmp_path / "people.facet", templates(200), templates(20, 1)
    where = (await add_collection(identity)).number
    for index, each in enumerate(known):
        await enrol(identity, f"p{index % 150}", [NewFace(each)], [where])

    async def found() -> list[list[tuple[str, Any, bytes]]]:
        async with identity.begin() as transaction:
            number = (await collections.get_collection(transaction, "recognition", "c")).number
        matches = [await identity.search(probe, [number], 5) for probe in probes]
        return [[(match.member.key, match.face, match.template) for match in each] for each in matches]

    before = await found()
    assert (await _in_thread(facet, "store", "export", file)).output.strip().endswith("150 members, 200 faces")
    assert file.stat().st_mode & 0o077 == 0
    async with identity.begin() as transaction:
        await empty(transaction)
    imported = await _in_thread(facet, "store", "import", file)
    assert imported.exit_code == 0, imported.output
    assert await found() == before
    again = await _in_thread(facet, "store", "import", file)
    assert again.exit_code == 1
    assert "--skip" in again.output
    assert (await _in_thread(facet, "store", "import", "--skip", file)).exit_code == 0


async def test_a_damaged_file_is_refused_whole(identity: Store, facet: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "people.facet"
    where = (await add_collection(identity)).number
    for index, each in enumerate(templates(5)):
        await enrol(identity, f"p{index}", [NewFace(each)], [where])
    assert (await _in_thread(facet, "store", "export", file)).exit_code == 0
    file.write_bytes(file.read_bytes()[:-50])
    async with identity.begin() as transaction:
        await empty(transaction)
    refused = await _in_thread(facet, "store", "import", file)
    assert refused.exit_code == 1
    assert "Nothing was imported" in refused.output
    async with identity.begin() as transaction:
        assert (await members.list_members(transaction, "c")).total == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("store", "export", "/nowhere/file"), "there is no folder /nowhere"),
        (("store", "export", "file", "--collection", "staff"), "is not KIND/KEY"),
        (("store", "export", "file", "--collection", "watchlist/staff"), "There is no collection 'staff'"),
        (("store", "import", "/nowhere/file"), "does not exist"),
    ],
)
async def test_what_cannot_be_done_is_told_in_a_sentence(
    facet: Callable[..., Result], words: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    words = tuple(str(tmp_path / word) if word == "file" else word for word in words)
    result = await _in_thread(facet, *words)
    assert result.exit_code == 2
    assert told in result.output
    assert _files(tmp_path) == []


async def test_after_another_model_was_chosen_templates_are_computed_again(
    people: People, facet: Callable[..., Result], jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two faces with a photograph, one without: it is told, and stays."""
    store, models = people.store, people.settings.store()
    other = next((name for name in ("mobileface_V2", "human_faceres") if _is_there(models, name)), None)
    if other is None or not _is_there(models, "foamliu_mobilefacenet_dyn"):
        pytest.skip("two models of templates are not installed")
    where = (await add_collection(store)).number
    keeping = People(people.engine, store)
    keeping.settings = people.settings.model_copy(update={"store_images": True})
    async with people.look(jpeg, ["template"], CONTEXT) as sight:
        [face] = sight.faces
        kept = keeping.new_face(sight, face, keeping.kept_photo(sight))
        await people.enrol("c", "kept", "Kept", [kept], [where])
        await people.enrol("c", "not kept", "Not kept", [people.new_face(sight, face)], [where])
    monkeypatch.setenv("FACET_MODELS", f'{{"template": "{other}"}}')
    done = await _in_thread(facet, "store", "re-embed")
    assert done.exit_code == 1
    assert "1 of 2 faces" in done.output
    assert done.output.count("no image was kept") == 1
    embedder = Embedder(Settings(models={"template": other}, model_mirror=models.mirror, cache=models.cache))
    async with store.begin() as transaction:
        [changed] = await faces.faces_of_member(
            transaction, (await members.get_member(transaction, "c", "kept")).number
        )
        [same] = await faces.faces_of_member(
            transaction, (await members.get_member(transaction, "c", "not kept")).number
        )
    assert changed.model == f"{embedder.identity.model} version {embedder.identity.version}"
    assert changed.template == await embedder.template(jpeg, changed.box)
    assert same.model == "foamliu version 1"


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def _is_there(models: ModelStore, name: str) -> bool:
    return models.has(models.manifest.models[name])
