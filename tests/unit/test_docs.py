"""The documentation names what there is."""

import re
from pathlib import Path

from estimators import CATALOGUE
from serving.settings import Settings

ROOT = Path(__file__).parents[2]


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert rows[-len(Settings.model_fields) :] == list(Settings.model_fields)
    for field in Settings.model_fields.values():
        assert field.description is not None
        assert field.description in text


def test_every_service_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert [name for name in CATALOGUE if name not in text] == []


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"
