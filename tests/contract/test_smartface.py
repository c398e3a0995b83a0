"""SmartFace's interface in this process, with real models and a real database: watchlists, members, search."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.identity.people import People
from store import collections
from tests.contract.smartface import LISTS, MEMBERS, register, search, text, watchlist

NOBODY = f"{MEMBERS}/nobody"


@pytest.fixture
def photo(data: Callable[[str], Path]) -> Callable[[str], str]:
    """Photographs of the verification set in base64: those of one name show one person."""
    folder = data("verification") / "images"
    return lambda name: text((folder / f"{name}.jpg").read_bytes())


async def test_a_watchlist_is_made_and_read(smartface: httpx.AsyncClient) -> None:
    sent = {"displayName": "VIP", "fullName": "Very important", "threshold": 55, "previewColor": "#4adf62"}
    made = await smartface.post(LISTS, json=sent)
    assert made.status_code == 201
    assert made.json().items() >= (sent | {"updatedAt": None}).items()
    got = await smartface.get(f"{LISTS}/{made.json()['id']}")
    assert (got.status_code, got.json()) == (200, made.json())


async def test_a_new_watchlist_has_the_recommended_threshold(smartface: httpx.AsyncClient) -> None:
    made = await smartface.post(LISTS, json={"displayName": "VIP", "fullName": ""})
    assert made.json()["threshold"] == 40


async def test_put_makes_what_is_not_there_and_changes_what_is(smartface: httpx.AsyncClient, people: People) -> None:
    sent = {"id": "doors/1", "displayName": "Doors", "fullName": "D", "threshold": 60, "palmThreshold": 7}
    made = await smartface.put(LISTS, json=sent)
    assert (made.status_code, made.json()["threshold"], made.json()["palmThreshold"]) == (200, 60, 7)
    async with people.store.begin() as transaction:
        number = (await collections.get_collection(transaction, "watchlist", "doors/1")).number
        await collections.update_collection_settings(transaction, number, gate={"min_face_size": 9})
    changed = await smartface.put(LISTS, json={"id": "doors/1", "displayName": "Gates", "fullName": "G"})
    assert changed.json()["displayName"] == "Gates"
    assert changed.json()["threshold"] == 60
    assert changed.json()["updatedAt"] is not None
    async with people.store.begin() as transaction:
        kept = await collections.get_collection(transaction, "watchlist", "doors/1")
    assert kept.settings == {"palm_threshold": 7, "gate": {"min_face_size": 9}}
    assert (await smartface.get(f"{LISTS}/doors%2F1")).json() == changed.json()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"displayName": "x"}, "fullName"),
        ({"displayName": "x", "fullName": None}, "fullName"),
        ({"displayName": "x" * 201, "fullName": ""}, "displayName"),
        ({"displayName": 1, "fullName": ""}, "displayName"),
        ({"displayName": "x\0", "fullName": ""}, "displayName"),
        ({"displayName": "x", "fullName": "", "threshold": 101}, "threshold"),
        ({"displayName": "x", "fullName": "", "threshold": "40"}, "threshold"),
        ({"displayName": "x", "fullName": "", "previewColor": "red"}, "previewColor"),
        ([], ""),
    ],
)
async def test_a_bad_watchlist_is_refused_by_field(smartface: httpx.AsyncClient, sent: Any, field: str) -> None:
    refused = await smartface.post(LISTS, json=sent)
    assert refused.status_code == 400
    assert field in refused.json()["errors"]
    assert (await smartface.get(LISTS)).json()["items"] == []


async def test_put_wants_an_id(smartface: httpx.AsyncClient) -> None:
    refused = await smartface.put(LISTS, json={"displayName": "x", "fullName": ""})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["id"])


async def test_lists_come_in_pages(smartface: httpx.AsyncClient) -> None:
    names = [str(number) for number in range(5)]
    for name in names:
        await watchlist(smartface, name)
    first = (await smartface.get(f"{LISTS}/?PageNumber=1&PageSize=2")).json()
    assert [each["displayName"] for each in first["items"]] == ["0", "1"]
    assert (first["totalItemsCount"], first["previousPage"], first["pageNumber"]) == (None, None, 1)
    second = (await smartface.get(first["nextPage"])).json()
    assert [each["displayName"] for each in second["items"]] == ["2", "3"]
    assert (await smartface.get(second["previousPage"])).json() == first
    last = (await smartface.get(second["nextPage"])).json()
    assert [each["displayName"] for each in last["items"]] == ["4"]
    assert last["nextPage"] is None
    backward = (await smartface.get(LISTS, params={"ascending": "FALSE", "showtotalcount": "true"})).json()
    assert [each["displayName"] for each in backward["items"]] == names[::-1]
    assert backward["totalItemsCount"] == 5
    beyond = (await smartface.get(f"{LISTS}?PageNumber=2147483647&PageSize=2147483647")).json()
    assert beyond["items"] == []


@pytest.mark.parametrize("query", ["PageNumber=0", "PageSize=-1", "PageSize=x", "Ascending=1", "PageNumber=2147483648"])
async def test_a_bad_page_is_refused(smartface: httpx.AsyncClient, query: str) -> None:
    assert (await smartface.get(f"{LISTS}?{query}")).status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{LISTS}/nothing"),
        ("DELETE", f"{LISTS}/nothing"),
        ("GET", NOBODY),
        ("DELETE", NOBODY),
        ("GET", "/api/v1/Faces/nothing"),
        ("GET", "/api/v1/Faces/11111111-1111-1111-1111-111111111111"),
        ("DELETE", "/api/v1/Faces/11111111-1111-1111-1111-111111111111"),
        ("GET", "/api/v1/Images/11111111-1111-1111-1111-111111111111"),
        ("GET", "/api/v1/Images"),
        ("GET", "/api/v1/Watchlists/x/y"),
        ("GET", "/api/v1/version/x"),
    ],
)
async def test_what_is_not_there_is_not_found(smartface: httpx.AsyncClient, method: str, path: str) -> None:
    missing = await smartface.request(method, path)
    assert missing.status_code == 404
    assert missing.json()["instance"] == path


async def test_members_of_nothing_are_none(smartface: httpx.AsyncClient) -> None:
    for path in (f"{LISTS}/nothing/WatchlistMembers", f"{NOBODY}/Faces"):
        assert (await smartface.get(path)).json()["items"] == []


async def test_a_route_says_which_methods_it_takes(smartface: httpx.AsyncClient) -> None:
    refused = await smartface.patch(LISTS)
    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "PUT"}


async def test_paths_and_names_have_any_case(smartface: httpx.AsyncClient) -> None:
    sent = {"DisplayName": "A", "FULLNAME": "B", "fullName": "C", "Unknown": 1}
    made = await smartface.post("/API/v1/watchLISTS/", json=sent)
    assert made.status_code == 201
    assert (made.json()["displayName"], made.json()["fullName"]) == ("A", "C")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
async def test_a_body_that_a_form_can_send_is_refused(smartface: httpx.AsyncClient, media_type: str | None) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    refused = await smartface.post(LISTS, content=b'{"displayName": "x", "fullName": ""}', headers=headers)
    assert refused.status_code == 415


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "text/json", "application/json-patch+json"])
async def test_json_has_several_names(smartface: httpx.AsyncClient, media_type: str) -> None:
    content = b'{"displayName": "x", "fullName": ""}'
    made = await smartface.post(LISTS, content=content, headers={"content-type": media_type})
    assert made.status_code == 201


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'"x"', b"\xff"])
async def test_what_is_no_object_is_refused(smartface: httpx.AsyncClient, content: bytes) -> None:
    refused = await smartface.post(LISTS, content=content, headers={"content-type": "application/json"})
    assert refused.status_code == 400


async def test_problems_have_their_own_type_for_who_asks(smartface: httpx.AsyncClient) -> None:
    plain = await smartface.get(NOBODY)
    named = await smartface.get(NOBODY, headers={"accept": "application/problem+json"})
    assert plain.headers["content-type"] == "application/json"
    assert named.headers["content-type"] == "application/problem+json"
    assert plain.json() == named.json()


async def test_a_member_is_made_changed_and_removed(smartface: httpx.AsyncClient) -> None:
    labels = [{"key": "door", "value": "7"}]
    made = await smartface.post(MEMBERS, json={"displayName": "John", "note": "n", "labels": labels})
    assert made.status_code == 201
    assert made.json()["labels"] == labels
    key = made.json()["id"]
    changed = await smartface.put(MEMBERS, json={"id": key, "fullName": "John Wick"})
    assert changed.status_code == 200
    assert (
        changed.json().items()
        >= {"displayName": "John", "fullName": "John Wick", "note": "n", "labels": labels}.items()
    )
    assert (await smartface.get(f"{MEMBERS}/{key}")).json() == changed.json()
    other = await smartface.put(MEMBERS, json={"id": "juraj-custom-id"})
    assert other.json()["updatedAt"] is None
    listed = (await smartface.get(MEMBERS, params={"ShowTotalCount": "true"})).json()
    assert ([each["id"] for each in listed["items"]], listed["totalItemsCount"]) == ([key, "juraj-custom-id"], 2)
    assert (await smartface.delete(f"{MEMBERS}/{key}")).status_code == 204
    assert (await smartface.get(f"{MEMBERS}/{key}")).status_code == 404


async def test_who_is_registered_is_found(smartface: httpx.AsyncClient, eileen: str) -> None:
    vip = await watchlist(smartface, "VIP", previewColor="#01a")
    labels = [{"key": "rank", "value": "commander"}]
    made = await register(smartface, eileen, vip, id="eileen", displayName="Eileen", fullName="E. C.", labels=labels)
    assert made.status_code == 201
    assert made.json()["id"] == "eileen"
    assert [each["id"] for each in made.json()["watchlists"]] == [vip]
    [face] = made.json()["faces"]
    assert face["imageDataId"] is None
    assert face["state"] == "Extracted"
    assert 0 < face["cropLeftTopX"] < face["leftEyeX"] < face["rightEyeX"] < face["cropRightTopX"] < 512
    assert (await smartface.get(f"/api/v1/Faces/{face['id']}")).json() == face
    [found] = await search(smartface, eileen)
    assert found == {
        "score": 100,
        "watchlistMemberId": "eileen",
        "displayName": "Eileen",
        "fullName": "E. C.",
        "watchlistDisplayName": "VIP",
        "watchlistFullName": "All VIP",
        "watchlistId": vip,
        "previewColor": "#01a",
        "labels": labels,
    }


async def test_ids_are_made_where_there_are_none(smartface: httpx.AsyncClient, eileen: str) -> None:
    vip = await watchlist(smartface)
    one, other = [(await register(smartface, eileen, vip, **fields)).json()["id"] for fields in ({}, {"id": ""})]
    assert one
    assert one != other


async def test_a_member_may_be_in_two_lists(smartface: httpx.AsyncClient, eileen: str) -> None:
    lists = [await watchlist(smartface, name) for name in ("A", "B")]
    await register(smartface, eileen, *lists, id="eileen")
    found = await search(smartface, eileen, maxResultCount=5)
    assert [(each["watchlistId"], each["watchlistMemberId"]) for each in found] == [(key, "eileen") for key in lists]
    assert [each["watchlistId"] for each in await search(smartface, eileen, lists[1], maxResultCount=5)] == lists[1:]
    assert len(await search(smartface, eileen)) == 1


async def test_the_members_of_a_list_that_goes_stay(smartface: httpx.AsyncClient, eileen: str) -> None:
    lists = [await watchlist(smartface, name) for name in ("A", "B")]
    await register(smartface, eileen, *lists, id="eileen")
    assert (await smartface.delete(f"{LISTS}/{lists[0]}")).status_code == 204
    assert (await smartface.get(f"{MEMBERS}/eileen")).status_code == 200
    assert [each["watchlistId"] for each in await search(smartface, eileen, maxResultCount=5)] == lists[1:]
    await smartface.delete(f"{LISTS}/{lists[1]}")
    assert (await smartface.get(f"{MEMBERS}/eileen")).status_code == 200
    assert await search(smartface, eileen) == []


async def test_members_are_linked_and_unlinked(smartface: httpx.AsyncClient, eileen: str) -> None:
    one, other = [await watchlist(smartface, name) for name in ("A", "B")]
    await register(smartface, eileen, one, id="eileen")
    await smartface.put(MEMBERS, json={"id": "juraj"})
    link = {"watchlistId": other, "watchlistMembersIds": ["eileen", "juraj", "juraj"]}
    assert (await smartface.post(f"{MEMBERS}/LinkToWatchlist", json=link)).status_code == 204
    inside = (await smartface.get(f"{LISTS}/{other}/WatchlistMembers")).json()
    assert [each["id"] for each in inside["items"]] == ["eileen", "juraj"]
    assert len(await search(smartface, eileen, other)) == 1
    link["watchlistMembersIds"] = ["eileen"]
    assert (await smartface.post(f"{MEMBERS}/UnlinkFromWatchlist", json=link)).status_code == 204
    assert await search(smartface, eileen, other) == []
    assert len(await search(smartface, eileen, one)) == 1


@pytest.mark.parametrize("verb", ["LinkToWatchlist", "UnlinkFromWatchlist"])
async def test_links_are_made_whole_or_not_at_all(smartface: httpx.AsyncClient, verb: str) -> None:
    where = await watchlist(smartface)
    await smartface.put(MEMBERS, json={"id": "a"})
    if verb == "UnlinkFromWatchlist":
        link = {"watchlistId": where, "watchlistMembersIds": ["a"]}
        await smartface.post(f"{MEMBERS}/LinkToWatchlist", json=link)
    before = (await smartface.get(f"{LISTS}/{where}/WatchlistMembers")).json()
    for link in (
        {"watchlistId": where, "watchlistMembersIds": ["a", "z"]},
        {"watchlistId": "?", "watchlistMembersIds": ["a"]},
    ):
        assert (await smartface.post(f"{MEMBERS}/{verb}", json=link)).status_code == 404
    assert (
        await smartface.post(f"{MEMBERS}/{verb}", json={"watchlistId": where, "watchlistMembersIds": []})
    ).status_code == 400
    assert (await smartface.get(f"{LISTS}/{where}/WatchlistMembers")).json() == before


async def test_the_threshold_must_be_exceeded(smartface: httpx.AsyncClient, photo: Callable[[str], str]) -> None:
    where = await watchlist(smartface, threshold=100)
    first, second = photo("Abdullah_Gul_0001"), photo("Abdullah_Gul_0006")
    await register(smartface, first, where, id="gul")
    [found] = await search(smartface, second, threshold=0)
    score = found["score"]
    assert 40 < score < 100
    assert len(await search(smartface, second, threshold=score - 1)) == 1
    assert await search(smartface, second, threshold=score) == []
    assert await search(smartface, first) == []  # 100 does not exceed the watchlist's own threshold
    assert len(await search(smartface, first, threshold=99)) == 1


async def test_each_watchlist_has_its_own_threshold(smartface: httpx.AsyncClient, eileen: str) -> None:
    strict, mild = [await watchlist(smartface, str(least), threshold=least) for least in (100, 40)]
    await register(smartface, eileen, strict, mild, id="eileen")
    assert [each["watchlistId"] for each in await search(smartface, eileen, maxResultCount=5)] == [mild]
    assert len(await search(smartface, eileen, threshold=40, maxResultCount=5)) == 2


async def test_searched_lists_must_be_there(smartface: httpx.AsyncClient, eileen: str) -> None:
    where = await watchlist(smartface)
    sent = {"image": {"data": eileen}, "watchlistIds": [where, "gone"]}
    missing = await smartface.post(f"{LISTS}/Search", json=sent)
    assert missing.status_code == 404
    assert "'gone'" in missing.json()["detail"]
    assert await search(smartface, eileen, watchlistIds=None) == []


async def test_one_id_is_registered_once(smartface: httpx.AsyncClient, eileen: str) -> None:
    where = await watchlist(smartface)
    answers = await asyncio.gather(*(register(smartface, eileen, where, id="same") for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    faces = (await smartface.get(f"{MEMBERS}/same/Faces")).json()["items"]
    inside = (await smartface.get(f"{LISTS}/{where}/WatchlistMembers")).json()["items"]
    assert (len(faces), len(inside)) == (1, 1)
