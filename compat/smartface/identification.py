"""Who is in an image, whether two images show one person, and whether a face is live."""

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from compat.smartface import answers, liveness, scores
from compat.smartface.calls import KIND, Call, answer
from compat.smartface.enrolment import check
from compat.smartface.errors import Invalid
from compat.smartface.requests import Probe, Search, SearchByTemplate, SpoofCheck, Verify
from compat.smartface.sights import Seen, decoded, viewed
from compat.smartface.watchlists import chosen
from schemas import BadDocument, BadEncoding
from schemas.attributes import TEMPLATE
from schemas.fields import blob
from serving.engine.context import Context
from serving.identity.gate import Gate
from serving.identity.people import People
from store import Collection, ModelMismatch, collections

_MOST = 1000  # results of a search, whatever is asked for: the store looks at no more faces
_TOLD = ("template", "age", "gender")  # what the interface knows no null for


async def searched(call: Call[Search]) -> Response:
    """The members that the faces of an image are like, by face, the largest first."""
    sent = call.sent
    data = decoded(sent.image.data, "image.data")
    spoofs = liveness.asked(sent.spoof_detector_resource_ids, sent.spoof_check_config)
    lists = await _lists(call, sent.watchlist_ids)
    gates = [Gate.of(each.settings) for each in lists] if _validates(sent.face_validation_mode) else []
    quality = frozenset[str]().union(*(gate.outputs for gate in gates))
    optional = {"quality", *(["mask"] if sent.face_features_config.face_mask else []), *liveness.outputs(spoofs)}
    found = []
    looking = viewed(call.people, data, sent.face_detector_config, call.context, {*_TOLD, *quality}, optional - quality)
    async with looking as view:
        check(gates, view.faces, view)
        for face in view.faces:
            template = face.attributes[TEMPLATE]
            facts = answers.seen_face(
                face, view.frame, sent.face_features_config, sent.face_mask_confidence_request.face_mask_threshold
            )
            matches = await _matches(call.people, template, lists, sent.threshold, sent.max_result_count)
            spoof = liveness.checked(face.attributes, spoofs)
            found.append({"matchResults": matches, "spoofCheckResult": spoof, **facts})
    return answer(found)


async def searched_by_template(call: Call[SearchByTemplate]) -> Response:
    """The members that a template of ours is like, see docs/templates.md for its bytes."""
    sent = call.sent
    try:
        template = blob(sent.template)
    except (BadEncoding, BadDocument):
        raise Invalid({"template": ["is not base64"]}) from None
    call.people.compare([(template, template)])  # refuses what is none, or of a model that is none of ours
    lists = await _lists(call, sent.watchlist_ids)
    try:
        matches = await _matches(call.people, template, lists, sent.threshold, sent.max_result_count)
    except ModelMismatch as error:
        raise Invalid({"template": [str(error)]}) from None
    return answer({"matchResults": matches})


async def verified(call: Call[Verify]) -> Response:
    """How likely the largest faces of two images are one person's."""
    sent = call.sent
    probe, details = await _probed(call.people, sent.probe_image, "probeImage", call.context)
    reference, others = await _probed(call.people, sent.reference_image, "referenceImage", call.context)
    [said] = call.people.compare([(probe, reference)])
    confidence = round(scores.match_score(said.score), 4)
    return answer({"confidence": confidence, "probeFaceDetails": details, "referenceFaceDetails": others})


async def spoof_checked(call: Call[SpoofCheck]) -> Response:
    """Whether the largest face of an image is live."""
    sent = call.sent
    data = decoded(sent.image.data, "image.data")
    spoofs = liveness.asked(sent.spoof_detector_resource_ids, sent.spoof_check_config)
    optional = liveness.outputs(spoofs)
    async with viewed(call.people, data, sent.face_detector_config, call.context, (), optional) as view:
        return answer(liveness.checked(view.faces[0].attributes, spoofs))


async def _probed(people: People, probe: Probe, where: str, context: Context) -> tuple[bytes, dict[str, Any]]:
    data = decoded(probe.image.data, f"{where}.image.data")
    async with viewed(people, data, probe.face_detector_config, context, _TOLD, ("quality", "mask")) as view:
        face: Seen = view.faces[0]
        return face.attributes[TEMPLATE], answers.seen_face(face, view.frame, answers.ALL, None)


async def _lists(call: Call[Any], keys: list[str] | None) -> list[Collection]:
    """The watchlists that a search is in: all where it names none; raises ``NotFound``."""
    async with call.people.store.begin() as transaction:
        return await (chosen(transaction, keys) if keys else collections.find_collections(transaction, KIND))


async def _matches(
    people: People, template: bytes, lists: Sequence[Collection], threshold: int | None, most: int
) -> list[dict[str, Any]]:
    """The results of a search, the best first: one for each member and watchlist that he is in."""
    by_threshold: dict[float, dict[int, Collection]] = {}
    for each in lists:
        own = scores.DEFAULT_THRESHOLD if each.threshold is None else each.threshold
        by_threshold.setdefault(own if threshold is None else threshold, {})[each.number] = each
    found = []
    for least, inside in by_threshold.items():
        for person in await people.find(template, list(inside), min(most, _MOST)):
            score = scores.match_score(person.verification.score)
            if score > least:
                found += [(score, person.match.member, inside[number]) for number in person.match.collections]
    found.sort(key=lambda each: -each[0])
    return [answers.match(scores.whole(score), who, where) for score, who, where in found[: min(most, _MOST)]]


def _validates(mode: str | None) -> bool:
    """Whether faces must pass the gates of the watchlists that they are searched in."""
    return (mode or "none").lower() == "predefined"
