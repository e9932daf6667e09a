"""What became of a command, read from its subject's file."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.event import Fact
from services.runtime.core.facts import DocumentDrafted, NumberAllotted
from services.runtime.core.file import Decided, Filed, Heard, Refusal, Said, Subject
from services.runtime.core.numbering import places


class Word(BaseModel):
    """Something said or noted in answer to a command."""

    type: str
    id: str


class Outcome(BaseModel):
    """The command is on file, and what was said in answer. `documents` are the numbers of those issued;
    where `numbering` is true, some still wait for theirs."""

    model_config = ConfigDict(json_schema_extra={"example": {
        "command": "0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11", "case": "LCF-0B1F3A526A4E", "status": "done",
        "said": [{"type": "daiya.consent-issued.v1", "id": "6b2d1f0c-4e11-5d0b-9a3f-0b1f3a526a4e"}],
        "documents": ["(2026)工商银行聊城分行同字第0000001号"], "numbering": False,
        "outcome": "/commands/0b1f3a52-6a4e-5d0b-9a3f-6b2d1f0c4e11",
    }})  # fmt: skip

    command: str
    case: Annotated[str, Field(description="empty where it belongs to no case")]
    status: Literal["done"] = "done"
    said: tuple[Word, ...]
    documents: tuple[str, ...]
    numbering: bool
    outcome: str


def outcome_of(subject: Subject, command_id: str, case: str, link: str) -> Outcome | Refusal | None:
    """Done, refused, or None as long as nothing is known of it."""
    if command_id not in subject.outcomes:
        return None
    refusal = subject.outcomes[command_id]
    if refusal is not None:
        return refusal
    said = list(_in_answer(subject, command_id))
    drafts = [(f, f.fact) for f in said if isinstance(f.fact, DocumentDrafted)]
    wanted = [(filed.id, place, filed.case) for filed, draft in drafts for place in places(draft.forms)]
    numbers = [_number(subject, *one) for one in wanted]
    return Outcome(
        command=command_id,
        case=case,
        said=tuple(Word(type=f.fact.type_name, id=f.id) for f in said),
        documents=tuple(number for number in numbers if number is not None),
        numbering=None in numbers,
        outcome=link,
    )


def _in_answer(subject: Subject, command_id: str) -> Iterator[Filed[Fact]]:
    """What was said because of a command, also by way of other subjects of this institution: a document's
    number comes back from its series as an own fact, caused by what was told to the series."""
    caused = {command_id}
    for item in subject.items:
        match item:
            case Heard(letter=letter) if letter.envelope.cause in caused:
                caused.add(letter.envelope.id)
            case Decided(command=command, word=word) if command in caused:
                caused.add(word)
            case Said(filed=filed) if filed.cause in caused:
                caused.add(filed.id)
                if item.tell is None:
                    yield filed
            case _:
                pass


def _number(subject: Subject, draft: str, place: tuple[str, int], case: str) -> str | None:
    """The number that a drafted document has got, if it has."""
    allotted = (n.fact for n in subject.file(case).every(NumberAllotted) if n.fact.for_draft == draft)
    return next((n.document.number for n in allotted if (n.form, n.place) == place), None)
