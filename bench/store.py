"""``python -m bench.store``: the identity store with a million made-up templates: enrolment, search, memory.

    python -m bench.store [--templates 1000000] [--queries 300] [--json FILE] [--markdown docs/identity.md]

Everything is measured through ``Store``, on a PostgreSQL that this starts as ``facet serve`` does and ends again; what
is true is computed by numpy from the same vectors. Needs 3 KB of memory and of disk a template.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import numpy as np
import psutil
import typer
from numpy.typing import NDArray
from sqlalchemy import text

from bench.processes import memory
from bench.report import check_page, write_part
from bench.statistics import percentile
from bench.strangers import MODEL, Strangers, Vectors, stored, templates
from schemas.template import Template
from store import NewFace, Store, bulk, collections, members
from store.bulk import BulkFace, BulkMember
from store.embedded_database import run_embedded_database
from store.migrate import migrate
from store.search import EXACT

PROGRAM = "python -m bench.store"
_SHARE = 0.8  # members to faces: of five faces, one is the second of somebody
_CHUNK = 2000  # members enrolled in one transaction
_SPACE = "bench"
_COLUMNS = (
    *("faces of the collection", "probe", "members wanted", "at once", "p50 ms", "p95 ms", "p99 ms", "searches/s"),
    *("recall@1", "recall@10", "first search s"),
)


class Data(NamedTuple):
    """Who is enrolled; members are numbered from 0 here, from 1 in the store."""

    people: Vectors
    owners: NDArray[np.int64]  # (n,) ascending: the member of each face
    faces: Vectors  # (n, 128) as they are stored
    inside: dict[int, NDArray[np.bool_]]  # of collections by their size in faces, who is in it


class Row(NamedTuple):
    """One row of the table of searches; times in milliseconds."""

    faces: int
    probes: str
    limit: int
    concurrency: int
    p50: float
    p95: float
    p99: float
    rate: float  # searches a second
    first: float  # share of searches that find the same best member as all comparisons
    ten: float | None  # share of the ten best members that are found, where ten are asked for


def made(count: int, seed: int = 1) -> Data:
    """``count`` faces, and collections of all and of fewer of them."""
    strangers = Strangers(seed)
    people = strangers.people(int(count * _SHARE))
    others = strangers.some(len(people), len(people))[: count - len(people)]
    owners = np.sort(np.concatenate([np.arange(len(people)), others]))
    parts = np.array_split(owners, max(1, count // 50_000))
    faces = stored(np.concatenate([strangers.samples(people[part]) for part in parts]))
    sizes = [count, *(size for size in (300_000, 100_000, 30_000, 10_000, 1000, 100) if size < count)]
    inside = {size: np.zeros(len(people), bool) for size in sizes}
    for size, chosen in inside.items():
        chosen[strangers.some(len(people), int(size * _SHARE))] = True
    return Data(people, owners, faces, inside)


async def enrolled(store: Store, data: Data) -> list[tuple[int, float]]:
    """Enrols all of them; returns how many faces there were after how many seconds."""
    model = await store.get_or_create_model(Template(MODEL, 1, data.people[0]))
    numbers = {}
    async with store.begin() as transaction:
        for size in data.inside:
            numbers[size] = (await collections.create_collection(transaction, _SPACE, str(size), str(size))).number
    now, start, done = datetime.now(UTC), time.monotonic(), []
    bounds = np.searchsorted(data.owners, np.arange(len(data.people) + 1))
    for first in range(0, len(data.people), _CHUNK):
        last = min(first + _CHUNK, len(data.people))
        blobs = templates(data.faces[bounds[first] : bounds[last]])
        people = []
        for number in range(first, last):
            mine = blobs[bounds[number] - bounds[first] : bounds[number + 1] - bounds[first]]
            faces = [_face(blob, model.number, now) for blob in mine]
            where = [numbers[size] for size, inside in data.inside.items() if inside[number]]
            key = f"{number:08}"
            people.append(BulkMember(_SPACE, key, key, None, None, [], now, None, where, faces))
        async with store.begin() as transaction:
            await bulk.load(transaction, people)
        done.append((int(bounds[last]), time.monotonic() - start))
    return done


def _face(template: bytes, model: int, now: datetime) -> BulkFace:
    return BulkFace(UUID(bytes=os.urandom(16)), model, template, None, 0.9, 0.5, None, None, now, {})


async def one_by_one(store: Store, concurrency: int, count: int, seed: int) -> float:
    """Enrols new members with a face each, as a façade does; returns how many a second."""
    strangers = Strangers(seed)
    waiting = iter(enumerate(templates(strangers.samples(strangers.people(count)))))
    async with store.begin() as transaction:
        where, _ = await collections.upsert_collection(transaction, _SPACE, "more", "more")

    async def work() -> None:
        for number, template in waiting:
            new = [NewFace(template)]
            model = await store.common_model(new)
            async with store.begin() as transaction:
                owner = await members.get_or_create_member(transaction, _SPACE, f"more {seed} {number}", "")
                await members.link_members(transaction, where.number, [owner.number])
                if model is not None:
                    await store.enrol_faces(transaction, owner, model, new)

    start = time.monotonic()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    return count / (time.monotonic() - start)


def truth(data: Data, size: int, probes: Vectors, most: int = 10) -> list[list[int]]:
    """The members of a collection that each probe is closest to, by all comparisons."""
    rows = np.flatnonzero(data.inside[size][data.owners])
    faces, found = data.faces[rows], []
    for part in np.array_split(probes, max(1, len(probes) // 50)):
        for cosines in part @ faces.T:
            best = np.argpartition(-cosines, min(4 * most, len(rows) - 1))[: 4 * most]
            ordered = data.owners[rows[best[np.argsort(-cosines[best])]]]
            found.append(list(dict.fromkeys(ordered.tolist()))[:most])
    return found


async def searched(  # noqa: PLR0913, PLR0917 - each is its own thing
    store: Store, number: int, size: int, probes: str, vectors: Vectors, true: list[list[int]], limit: int, at_once: int
) -> Row:
    """Searches for all probes, so many at a time."""
    waiting = iter(enumerate(templates(vectors)))
    times, first, ten = [], 0, 0.0

    async def work() -> None:
        nonlocal first, ten
        for place, template in waiting:
            start = time.perf_counter()
            matches = await store.search(template, [number], limit)
            times.append((time.perf_counter() - start) * 1000)
            found = [int(match.member.key) for match in matches]
            first += found[:1] == true[place][:1]
            ten += len(set(found) & set(true[place])) / len(true[place])

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    rate = len(vectors) / (time.perf_counter() - start)
    p50, p95, p99 = (percentile(sorted(times), share) for share in (0.5, 0.95, 0.99))
    shares = (first / len(vectors), ten / len(vectors) if limit >= 10 else None)
    return Row(size, probes, limit, at_once, p50, p95, p99, rate, *shares)


async def searches(store: Store, data: Data, count: int, note: Any) -> tuple[list[Row], dict[int, float]]:
    """All rows, and the seconds that the first search of each collection takes."""
    rows, first = [], {}
    async with store.begin() as transaction:
        found = await collections.find_collections(transaction, _SPACE)
    numbers = {each.key: each.number for each in found}
    strangers = Strangers(2)
    for size, inside in data.inside.items():
        chosen = np.flatnonzero(inside)
        who = chosen[strangers.some(len(chosen), count)]
        who = np.resize(who, count)
        number = numbers[str(size)]
        for probes, vectors in (
            ("somebody enrolled", stored(strangers.samples(data.people[who]))),
            ("a stranger", stored(strangers.samples(strangers.people(count)))),
        ):
            true = truth(data, size, vectors)
            if size not in first:
                start = time.perf_counter()
                await store.search(templates(vectors[:1])[0], [number], 1)
                first[size] = time.perf_counter() - start
            for limit, at_once in ((1, 1), (10, 1), (1, 8)):
                rows.append(await searched(store, number, size, probes, vectors, true, limit, at_once))
                note(f"{rows[-1]}")
    return rows, first


async def sizes(store: Store) -> dict[str, int]:
    """Bytes of the tables, and of their indexes together."""
    async with store.begin() as transaction:
        rows = await transaction.execute(
            text(
                "SELECT relname AS name, pg_table_size(oid) AS data, pg_indexes_size(oid) AS indexes FROM pg_class "
                "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
            )
        )
        found = {row.name: (int(row.data), int(row.indexes)) for row in rows}
    big = {name: data for name, (data, _) in found.items() if data > 2**20}
    return big | {"indexes": sum(indexes for _, indexes in found.values())}


def resident(folder: Path) -> int:
    """Bytes of memory of the database's processes, what they share counted once."""
    main = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    return memory([Path("/proc") / str(each.pid) for each in [main, *main.children(recursive=True)]])[1]


async def measured(url: str, folder: Path, count: int, queries: int, note: Any) -> dict[str, Any]:
    """Everything, in one run."""
    data = made(count)
    store = Store(url)
    about = {"templates": count, "members": len(data.people), "exact": EXACT, "cores": os.cpu_count()}
    done = await enrolled(store, data)
    note(f"enrolled in {done[-1][1]:.0f} s")
    late = next(each for each in done if each[0] >= 0.9 * count)
    bulked = {
        "rate": count / done[-1][1],
        "rate_of_last_tenth": (done[-1][0] - late[0]) / max(done[-1][1] - late[1], 1e-9),
    }
    async with store.begin() as transaction:
        await transaction.execute(text("ANALYZE"))
    rows, first = await searches(store, data, queries, note)
    single = {str(at_once): await one_by_one(store, at_once, 400, 10 + at_once) for at_once in (1, 8)}
    found = {
        "about": about,
        "bulk": bulked,
        "enrolments_a_second": single,
        "searches": [row._asdict() for row in rows],
        "first_search_seconds": first,
        "disk": await sizes(store),
        "memory": {"database": resident(folder), "galleries": store.memory},
    }
    await store.close()
    return found


def told(found: dict[str, Any], command: str) -> str:
    """The figures as Markdown."""
    about, disk = found["about"], found["disk"]
    megabytes = {name: f"{size / 1e6:.0f} MB" for name, size in (disk | found["memory"]).items()}
    tables = ", ".join(f"{name} {megabytes[name]}" for name in disk if name != "indexes")
    single = found["enrolments_a_second"]
    bulked = f"{found['bulk']['rate']:.0f} (the last tenth {found['bulk']['rate_of_last_tenth']:.0f})"
    lines = [
        f"`{command}`, on {about['cores']} cores, {about['templates']:,} templates of {about['members']:,} members:",
        "",
        "| | measured | wanted |",
        "|---|---|---|",
        f"| bulk enrolment, templates a second, each chunk durable | {bulked} | ≥ 500 |",
        f"| one enrolment a transaction, one at a time, 8 at a time | {single['1']:.0f}/s, {single['8']:.0f}/s | |",
        f"| on disk | {tables}; all indexes {megabytes['indexes']} | |",
        f"| memory of the database, what its processes share counted once | {megabytes['database']} | |",
        f"| memory of the galleries in each process that searches | {megabytes['galleries']} | |",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        "|---" * len(_COLUMNS) + "|",
    ]
    for row in found["searches"]:
        ten = "" if row["ten"] is None else f"{row['ten']:.4f}"
        lines.append(
            f"| {row['faces']:,} | {row['probes']} | {row['limit']} | {row['concurrency']} | {row['p50']:.1f} "
            f"| {row['p95']:.1f} | {row['p99']:.1f} | {row['rate']:.0f} | {row['first']:.4f} | {ten} "
            f"| {found['first_search_seconds'][row['faces']]:.2f} |"
        )
    return "\n".join(lines)


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(
    count: Annotated[int, typer.Option("--templates", min=2000, help="Templates to enrol.")] = 1_000_000,
    queries: Annotated[int, typer.Option(min=10, help="Searches of each kind.")] = 300,
    json_file: Annotated[Path | None, typer.Option("--json", help="A file for all figures.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="A page to put the tables into.")] = None,
) -> None:
    """Measure the identity store; ends all that it starts. The machine should do nothing else."""
    if markdown is not None:
        check_page(markdown, PROGRAM)
    folder = Path(tempfile.mkdtemp(prefix="facet-"))
    try:
        with run_embedded_database(folder / "pg") as url:
            migrate(url)
            found = asyncio.run(measured(url, folder / "pg", count, queries, _note))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    page = told(found, f"{PROGRAM} --templates {count} --queries {queries}")
    print(page)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if markdown is not None:
        write_part(markdown, PROGRAM, page)


if __name__ == "__main__":
    typer.run(main)
