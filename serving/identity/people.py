"""What façades do with faces and people: look at a photo, enrol, find, check who asks."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID, uuid4

from starlette.requests import Request

from estimators import CATALOGUE, VerifyMatcher
from estimators.geometry import Photo
from graph import Fact, GraphSpec, Outcome
from schemas import Attributes, Frame
from schemas import Picture as Encoded
from schemas.attributes import BOX, CONFIDENCE, QUALITY, TEMPLATE, Verification
from schemas.image import ImageLimits
from serving.engine.context import Context
from serving.engine.engine import Engine
from serving.http.errors import Unauthorised
from serving.identity import stored_images
from store import Key, Match, Member, NewFace, Store, StoredImage, StoreUnavailable, events, keys, members

IMAGE, ADMIN = "image", "admin"  # scopes of keys; a façade's is its own
_REMEMBERED = 5.0  # seconds that a key which was recognised is believed without asking the database again
_MANY = 1000  # keys remembered
_PATIENCE = 0.8  # seconds that /ready waits for the database: Kubernetes gives a probe one by default


class Sight(NamedTuple):
    """What was seen in a photo; valid as long as the block that it was given to."""

    data: bytes  # the photo as it was sent
    photo: Photo
    faces: tuple[Attributes, ...]  # as the detector orders them

    @property
    def frame(self) -> Frame:
        """Width and height of the upright photo in pixels."""
        height, width = self.photo.image.shape[:2]
        return Frame(width, height)


class Found(NamedTuple):
    """Somebody who was found, and how alike the closest face is."""

    match: Match
    verification: Verification


class People:
    """The engine and the store, as façades use them; one in every gateway."""

    def __init__(self, engine: Engine, store: Store | None) -> None:
        self.engine, self.settings = engine, engine.settings
        self._store = store
        self._matcher = VerifyMatcher({})
        self._master = [key.get_secret_value().encode() for key in engine.settings.api_keys]
        self._recognised: dict[str, tuple[float, Key]] = {}
        self._asking: asyncio.Task[dict[str, object]] | None = None  # whether the database answers

    @property
    def store(self) -> Store:
        """The store; raises ``StoreUnavailable`` where the server has none."""
        if self._store is None:
            raise StoreUnavailable(
                "This server has no database: set FACET_DATABASE_URL, or start it with 'facet serve'"
            )
        return self._store

    async def database_state(self) -> dict[str, object] | None:
        """Whether the database answers, for ``/ready``; None where the server has none."""
        if self._store is None:
            return None
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(self._store))
        # One that is stuck is left to itself, not cancelled: that would wait for the database, too.
        done, _ = await asyncio.wait([self._asking], timeout=_PATIENCE)
        return self._asking.result() if done else {"ready": False, "detail": "The database does not answer"}

    @staticmethod
    async def _ask(store: Store) -> dict[str, object]:
        try:
            async with store.begin() as transaction:
                await events.latest_events(transaction, 1)
        except StoreUnavailable as error:
            return {"ready": False, "detail": str(error)}
        return {"ready": True}

    # Looking

    @asynccontextmanager
    async def look(  # noqa: PLR0913 - each is its own thing
        self,
        data: bytes,
        outputs: Collection[str],
        context: Context,
        *,
        threshold: float | None = None,
        optional: Collection[str] = (),
        limits: ImageLimits | None = None,
    ) -> AsyncIterator[Sight]:
        """The faces in a photo with the attributes named in ``outputs``, and those in ``optional`` that can be had.

        Names are those of ``schemas.attributes`` ("age", "template", …); boxes, confidences and key points always come.
        ``threshold`` is the least confidence of a face, 0..1. Raises what decoding and services raise.
        """
        offered = set(self.engine.planner.outputs())
        wanted = sorted({"face", "keypoints", *outputs} | (set(optional) & offered))
        plan = self.engine.plan(GraphSpec(outputs=tuple(wanted)), frozenset(), frozenset())
        context = _with_threshold(context, threshold)
        async with self.engine.photo(Encoded(data), context, limits) as photo:
            outcome = await self.engine.execute(plan, {"face": ()}, photo, context)
            _raise(outcome, set(outputs))
            yield Sight(data, photo, tuple(outcome.objects.get("face", ())))

    async def describe(
        self,
        sight: Sight,
        faces: Sequence[Attributes],
        outputs: Collection[str],
        context: Context,
        *,
        optional: Collection[str] = (),
    ) -> list[Attributes]:
        """Some of the faces of a sight with more attributes: for who chooses among many before all is said of each.

        Names are as in ``look``. Raises what services raise.
        """
        wanted = sorted({*outputs} | (set(optional) & set(self.engine.planner.outputs())))
        if not faces or not wanted:
            return list(faces)
        known = frozenset(Fact("face", attribute) for attribute in set.intersection(*(set(face) for face in faces)))
        plan = self.engine.plan(GraphSpec(outputs=tuple(wanted)), known, frozenset({"face"}))
        outcome = await self.engine.execute(plan, {"face": tuple(faces)}, sight.photo, context)
        _raise(outcome, set(outputs))
        added = outcome.objects.get("face") or (Attributes(),) * len(faces)
        return [face | more for face, more in zip(faces, added, strict=True)]

    def compare(self, pairs: Sequence[tuple[bytes, bytes]]) -> list[Verification]:
        """How alike the templates of each pair are; raises ``BadTemplate`` and ``TemplateMismatch``."""
        return self._matcher.match(
            [(Attributes({TEMPLATE: one}), Attributes({TEMPLATE: other})) for one, other in pairs]
        )

    # Remembering

    def new_face(
        self, sight: Sight, face: Attributes, photo: StoredImage | None = None, identity: UUID | None = None
    ) -> NewFace:
        """A face as it is enrolled; with images only where the settings say that they are kept.

        ``photo`` is what ``kept_photo`` gave, one for all faces of a photo.
        """
        quality = face.get(QUALITY)
        crop = stored_images.cropped(sight.photo.image, face[BOX]) if self.settings.store_images else None
        return NewFace(
            template=face[TEMPLATE],
            box=face[BOX],
            confidence=face.get(CONFIDENCE),
            quality=None if quality is None else float(quality["total_score"]),
            photo=photo,
            crop=crop,
            id=identity,
        )

    def kept_photo(self, sight: Sight) -> StoredImage | None:
        """The photo as it is stored with the faces that are enrolled from it; None where images are not kept."""
        return stored_images.kept(sight.data, sight.photo.image) if self.settings.store_images else None

    async def enrol(
        self, space: str, key: str, name: str, faces: Sequence[NewFace], collections: Sequence[int]
    ) -> tuple[Member, list[UUID]]:
        """Adds faces to a member, who is made where not there, and puts him in collections: all in one transaction.

        Raises ``ModelMismatch`` where the collections hold templates of another model.
        """
        model = await self.store.common_model(faces)
        async with self.store.begin() as transaction:
            owner = await members.get_or_create_member(transaction, space, key, name)
            for number in sorted(collections):
                await members.link_members(transaction, number, [owner.number])
            added = [] if model is None else await self.store.enrol_faces(transaction, owner, model, faces)
        return owner, added

    async def find(self, template: bytes, collections: Sequence[int], limit: int) -> list[Found]:
        """The members of the collections that a template is most like, at most ``limit``, the most alike first."""
        matches = await self.store.search(template, collections, limit)
        said = self.compare([(template, match.template) for match in matches])
        found = [Found(match, verification) for match, verification in zip(matches, said, strict=True)]
        return sorted(found, key=lambda each: each.verification.distance)

    # Who asks

    @property
    def keys_required(self) -> bool:
        """Whether requests must carry a key."""
        return bool(self._master) or self.settings.require_key

    async def key(self, secret: str) -> Key | None:
        """The key of the store that a client presents, None for one that is unknown or revoked.

        A key that was revoked may be believed for a few seconds more. Raises ``StoreUnavailable``.
        """
        now = time.monotonic()
        at, known = self._recognised.get(secret, (0.0, None))
        if known is not None and now - at < _REMEMBERED:
            return known
        async with self.store.begin() as transaction:
            found = await keys.find_key(transaction, secret)
        self._recognised.pop(secret, None)
        if found is not None:
            if len(self._recognised) >= _MANY:
                self._recognised.clear()
            self._recognised[secret] = (now, found)
        return found

    async def check_key(self, request: Request, scope: str, *, always: bool = False) -> None:
        """Raises ``Unauthorised`` where keys are required, or ``always`` says so, and none opens ``scope``."""
        if not (self.keys_required or always):
            return
        for secret in presented(request):
            if any(hmac.compare_digest(secret.encode(), master) for master in self._master):
                return
            if self._store is not None:
                found = await self.key(secret)
                if found is not None and {scope, ADMIN} & set(found.scopes):
                    return
        raise Unauthorised("A valid API key is required")


def identity_of(request: Request) -> UUID:
    """What a request is known by: the same where our proxy sends it again, see ``launch/haproxy.py``; else a new one.

    What a request makes is named after it, so that it is not made twice.
    """
    try:
        return UUID(request.headers.get("x-facet-request", ""))
    except ValueError:
        return uuid4()


def presented(request: Request) -> list[str]:
    """The keys that a request carries: in ``Authorization: Bearer …``, ``TOKEN`` or ``X-API-Key``."""
    bearer = request.headers.get("authorization", "")
    given = [request.headers.get("token", ""), request.headers.get("x-api-key", "")]
    if bearer.lower().startswith("bearer "):
        given.append(bearer[7:].strip())
    return [each for each in given if each]


def _with_threshold(context: Context, threshold: float | None) -> Context:
    return Context(context.options._replace(threshold=threshold), context.timings, context.deadline)


def _raise(outcome: Outcome, required: Iterable[str]) -> None:
    """Raises the first failure of a service that gives something required."""
    for name, failure in outcome.failures.items():
        origin = CATALOGUE[failure.waited_for or name]
        provided = {attribute.name for attribute in CATALOGUE[name].provides | origin.provides}
        if provided & set(required) or origin.subject != "face":
            raise failure.error
