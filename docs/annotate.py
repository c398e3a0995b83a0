"""Draws what Facet says of a photo onto the photo: ``python docs/annotate.py PHOTO OUT --url http://127.0.0.1:8000``."""

import argparse
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageDraw, ImageFont

OUTPUTS = "body,age,gender,emotions,mask,liveness,quality"
WIDTH = 900  # pixels of the picture that is drawn on
COLOURS = {"face": "#3ddc97", "body": "#5aa9ff"}


def lines(face: dict[str, Any]) -> list[str]:
    """What is written beside a face."""
    mood = max(face["emotions"], key=lambda each: float(each["confidence"]))
    pose = face["pose"]
    mask = "mask" if face.get("has_medical_mask", {}).get("value") else "no mask"
    return [
        f"{face['gender']}, {face['age']} years",
        f"{mood['emotion']} ({mood['confidence']:.2f})",
        f"{mask}, {face.get('liveness', {}).get('value', 'liveness unknown')}",
        f"yaw {pose['yaw']:.0f}, pitch {pose['pitch']:.0f}, roll {pose['roll']:.0f}",
        f"quality {face['quality']['total_score']:.2f}",
    ]


def annotated(photo: Image.Image, objects: list[dict[str, Any]]) -> Image.Image:
    """A larger copy of the photo with boxes, key points and facts."""
    picture = photo.resize((WIDTH, WIDTH * photo.height // photo.width), Image.Resampling.LANCZOS).convert("RGB")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=18)
    width, height = picture.size
    for found in objects:
        left, top, right, bottom = found["bbox"]
        box = (left * width, top * height, right * width, bottom * height)
        draw.rectangle(box, outline=COLOURS[found["class"]], width=3)
        draw.text(
            (box[0] + 5, box[1] + 3), f"{found['class']} {found['confidence']:.2f}", COLOURS[found["class"]], font
        )
        if found["class"] != "face":
            continue
        for name, point in found["keypoints"].items():
            if name != "fitter_type":
                x, y = point["proj"][0] * width, point["proj"][1] * height
                draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill="#ffd166")
        text = "\n".join(lines(found))
        frame = draw.multiline_textbbox((box[2] + 12, box[1]), text, font, spacing=6)
        draw.rectangle((frame[0] - 6, frame[1] - 6, frame[2] + 6, frame[3] + 6), fill="#10151cdd")
        draw.multiline_text((box[2] + 12, box[1]), text, "white", font, spacing=6)
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    chosen = parser.parse_args()
    path = f"{chosen.url}/graph/v2/process/image?outputs={OUTPUTS}&echo=false&on_failure=partial"
    answer = httpx.post(path, files={"image": chosen.photo.read_bytes()}, timeout=60).raise_for_status()
    annotated(Image.open(chosen.photo), answer.json()["objects"]).save(chosen.out, quality=88)


if __name__ == "__main__":
    main()
