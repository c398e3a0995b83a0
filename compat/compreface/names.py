"""Names of subjects: any text, told apart without regard to case."""

from compat.compreface.errors import Code, Refusal, constraints

SUBJECT = "Subject name is empty"
_LONGEST = 255  # characters, as many as CompreFace's own table holds


def key_of(subject: str) -> str:
    """What subjects are told apart by."""
    return subject.casefold()


def checked(name: str) -> str:
    """A name that a subject may have; raises ``Refusal``."""
    if len(name) > _LONGEST:
        raise constraints(f"Subject name size must be between 1 and {_LONGEST}")
    if "\0" in name:
        raise Refusal("The name cannot contain the following special characters: '\\0'", Code.BAD_CHARACTER)
    return name
