"""Every call of CompreFace's Python client, against a server; prints its answers by the name of the call, as JSON.

    python client.py http://127.0.0.1 8000 KEYS FOLDER

KEYS is JSON with the keys of a recognition, a detection and a verification service. FOLDER has face.jpg with one face,
crowd.jpg with several and nobody.png with none. Runs in the client's own environment, of requirements.txt.
"""

import json
import sys
from pathlib import Path
from typing import Any

from compreface import CompreFace  # type: ignore[import-not-found]  # it is in the client's own environment
from compreface.exceptions import IncorrectFieldException  # type: ignore[import-not-found]  # as above

OPTIONS: dict[str, Any] = {
    "limit": 0,
    "det_prob_threshold": 0.6,
    "prediction_count": 2,
    "face_plugins": "calculator,age,gender,landmarks,mask",
    "status": True,
}
WITHOUT_PREDICTIONS = {name: value for name, value in OPTIONS.items() if name != "prediction_count"}


def calls(  # noqa: PLR0915 - one statement a call
    address: str, port: str, keys: dict[str, str], folder: Path
) -> dict[str, Any]:
    """The answers, in the order in which the calls were made."""
    face, crowd, nobody = (str(folder / name) for name in ("face.jpg", "crowd.jpg", "nobody.png"))
    data, link = Path(face).read_bytes(), f"{address}:{port}/static/astronaut.jpg"
    client = CompreFace(address, port, {"limit": 1, "det_prob_threshold": 0.5})
    recognition = client.init_face_recognition(keys["recognition"])
    detection = client.init_face_detection(keys["detection"])
    verification = client.init_face_verification(keys["verification"])
    examples, subjects = recognition.get_face_collection(), recognition.get_subjects()
    said: dict[str, Any] = {}

    said["functions"] = [each.get_available_functions() for each in (recognition, detection, verification)]
    said["empty"] = [subjects.list(), examples.list(), recognition.recognize(face)]

    said["add subject"] = subjects.add("Jon Petit")
    said["add subject again"] = subjects.add("jon petit")
    said["list subjects"] = subjects.list()

    said["add path"] = examples.add(face, "Jon Petit", {"det_prob_threshold": 0.7})
    said["add bytes"] = examples.add(data, "Zoë Ångström")
    said["add link"] = examples.add(link, "A+B & C/D")
    said["add nobody"] = examples.add(nobody, "Jon Petit")
    said["add crowd"] = examples.add(crowd, "Jon Petit")
    said["list examples"] = examples.list()

    said["recognize path"] = recognition.recognize(face, OPTIONS)
    said["recognize bytes"] = recognition.recognize(data, {"prediction_count": 3})
    said["recognize link"] = recognition.recognize(link)
    said["recognize crowd"] = recognition.recognize(crowd, {"limit": 2})
    said["recognize nobody"] = recognition.recognize(nobody)

    example = said["add path"]["image_id"]
    said["verify example"] = examples.verify(face, example, WITHOUT_PREDICTIONS)
    said["verify example plainly"] = examples.verify(data, example)

    said["rename"] = subjects.update("Zoë Ångström", "Zoë")
    said["rename to the same"] = subjects.update("Zoë", "Zoë")
    said["rename nobody"] = subjects.update("Nobody", "Somebody")
    said["merge"] = subjects.update("Zoë", "JON PETIT")
    said["list merged"] = [subjects.list(), examples.list()]

    said["delete example"] = examples.delete(example)
    said["delete example again"] = examples.delete(example)
    said["delete examples of a subject"] = examples.delete_all("JON PETIT")
    said["list after"] = [subjects.list(), examples.list()]
    said["delete subject again"] = subjects.delete("Jon Petit")

    said["add more"] = [subjects.add("One"), subjects.add("Two")]
    said["delete subject"] = subjects.delete("One")
    said["delete all subjects"] = subjects.delete_all()
    said["list at last"] = subjects.list()

    said["detect path"] = detection.detect(crowd, WITHOUT_PREDICTIONS)
    said["detect by the client's options"] = detection.detect(crowd)
    said["detect bytes"] = detection.detect(data)
    said["detect link"] = detection.detect(link)

    said["verify"] = verification.verify(face, crowd, WITHOUT_PREDICTIONS)
    said["verify bytes"] = verification.verify(data, data)
    said["verify link"] = verification.verify(link, face)
    said["verify many"] = verification.verify(crowd, face, {"limit": 0})

    said["wrong key"] = client.init_face_detection(keys["recognition"]).detect(face)
    said["no key"] = client.init_face_detection("secret").detect(face)
    try:
        detection.detect(face, {"face_plugins": "pose"})
    except IncorrectFieldException as error:
        said["refused by the client"] = str(error)
    return said


if __name__ == "__main__":
    address, port, keys, folder = sys.argv[1:]
    json.dump(calls(address, port, json.loads(keys), Path(folder)), sys.stdout)
