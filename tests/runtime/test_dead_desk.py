"""Dead letters at the desk and at a terminal: what is shown, what a clerk may decide, and what nobody can slip in."""

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from contracts.envelope import PARTITIONS, Record, encode, partition_of
from contracts.events.lender import LoanRejected
from services import desk_client
from services.cli import app
from services.desk_client import Desk
from services.runtime.core.dead import KeptRecord
from services.runtime.core.facts import DeadLetterRetried, DeadLetterSkipped
from services.runtime.core.journal import vocabulary
from services.runtime.core.rule import Chapter, Rule, rulebook
from services.runtime.dead_letters import DeadLetter, DeadLetters, reason_of
from services.runtime.desk.dead import MOST_RETRIED_BYTES, UNREADABLE
from services.runtime.log import Received
from services.seller_bank.service import PART as SELLER_BANK
from tests.runtime.desk_house import WAIT, DeskHouse
from tests.runtime.test_dead import ABC, CASE, choke, joined, no, opened, word
from tests.runtime.test_desk import problem
from tests.runtime.test_desk_cli import AT_THE_DESK, InMemory
from tests.support import liaocheng as lc
from tests.support.bench import FOLIO, NOON

HERE = partition_of(FOLIO)


def bank() -> DeskHouse:
    """A seller's bank, to which another bank may write."""
    house = DeskHouse(SELLER_BANK)
    house.log.create(f"daiya.buyer_bank.{ABC[1]}")
    return house


async def arrives(house: DeskHouse, *records: Record, partition: int = HERE) -> None:
    """These stand in the inbox and are taken."""
    stands = house.log.topics[house.institution.inbox][partition]
    for record in records:
        stands.append(Received(record, partition, len(stands), house.log.now))
    await house.turns()


async def struck(house: DeskHouse) -> None:
    """The case is open with another bank; two words of this one have come, and the first of them is a dead letter."""
    await arrives(house, encode(word(opened(), lc.NOTARY, 1)), encode(no("first", 1)), encode(no("second", 2)))


async def letters(house: DeskHouse, **query: Any) -> list[dict[str, Any]]:
    return (await house.get("/dead-letters?" + "&".join(f"{k}={v}" for k, v in query.items())))["letters"]


async def nos(house: DeskHouse) -> list[str]:
    subject = await house.institution.turns.read_subject(FOLIO)
    return [f.fact.because for f in subject.file(CASE).every(LoanRejected)]


def broken(value: bytes = b"{") -> Record:
    return replace(encode(no("broken", 9)), value=value)


# --- reading ----------------------------------------------------------------------------------------------------------


async def test_a_dead_letter_says_what_where_why_and_what_to_do() -> None:
    async with bank() as house:
        await arrives(house, broken(b"\xff\x00{"))
        (line,) = await letters(house)
        assert (line["number"], line["status"], line["reason"], line["where"]) == (0, "open", "malformed", "value")
        assert line["place"] == [HERE, 0] and line["subject"] == FOLIO and line["speaker"] == f"/buyer_bank/{ABC[1]}"
        page = await house.get("/dead-letters/0")
        assert page == page | line
        assert page["what_to_do"] and page["help"] == "docs/operations.md#malformed" and page["became"] is None
        assert page["value"] == {"text": None, "base64": base64.b64encode(b"\xff\x00{").decode()}
        assert page["key"] == {"text": FOLIO, "base64": None}
        names = [header["name"] for header in page["headers"]]
        assert names == [name for name, _ in broken().headers], "what the runtime has added is not the record's"


async def test_the_list_goes_page_by_page_and_leaves_out_what_was_decided_on() -> None:
    async with bank() as house:
        await arrives(house, *(broken(b"{" * n) for n in range(1, 6)))
        await house.done("/dead-letters/2/skip", {"note": "seen"})
        found: list[int] = []
        start: int | None = 0
        while start is not None:
            page = await house.get(f"/dead-letters?start={start}&limit=2")
            found += [one["number"] for one in page["letters"]]
            start = page["next"]
        assert found == [0, 1, 3, 4]
        everything = await letters(house, all="true")
        assert [one["number"] for one in everything] == [0, 1, 2, 3, 4]
        assert everything[2]["decision"] == everything[2]["decision"] | {"how": "skipped", "by": "Li", "note": "seen"}
        assert await letters(house, start=5) == [] and await letters(house, start=2**60) == []


async def test_copies_of_one_are_one_and_are_decided_on_together() -> None:
    async with bank() as house:
        await struck(house)
        await arrives(house, encode(word(joined(), lc.NOTARY, 2)))
        await arrives(house, encode(no("first", 1)), encode(no("first", 1)))
        assert len(house.log.everything(house.institution.inbox + ".dead")) == 3
        assert [one["number"] for one in await letters(house)] == [0], "one line for all copies on a page"
        await house.done("/dead-letters/1/skip", {"note": "seen"})
        assert await nos(house) == ["second"] and await letters(house) == []
        assert (await house.get("/dead-letters/0"))["status"] == "skipped"
        await arrives(house, encode(no("first", 1)))
        assert len(house.log.everything(house.institution.inbox + ".dead")) == 3, "nor is it written again"


async def test_headers_that_a_sender_gave_the_names_of_ours_are_its_own() -> None:
    async with bank() as house:
        lies = (("daiya_where", b"ce_id"), ("daiya_why", b"nothing"), ("daiya_place", b"x/0/0"), ("daiya_at", b"now"))
        record = replace(broken(), headers=(*broken().headers, *lies))
        await arrives(house, record)
        page = await house.get("/dead-letters/0")
        assert (page["where"], page["place"]) == ("value", [HERE, 0])
        assert [header["name"] for header in page["headers"]][-4:] == [name for name, _ in lies]


AT = b"2026-03-20T04:00:00.000Z"
NOTES: list[Any] = [
    (),
    (None, None, None, None),
    (b"\xff", b"broken", b"x/0/0", AT),
    (b"value", b"broken", b"here", AT),
    (b"value", b"broken", b"x/0/0", b"now"),
]


@pytest.mark.parametrize("notes", NOTES)
async def test_what_this_service_did_not_write_is_passed_over(notes: tuple[bytes, ...]) -> None:
    headers = tuple(zip(("daiya_where", "daiya_why", "daiya_place", "daiya_at"), notes, strict=False))
    async with bank() as house:
        await house.log.append(house.institution.inbox + ".dead", Record(None, b"graffiti", headers))
        await arrives(house, broken())
        assert [one["number"] for one in await letters(house)] == [1]
        problem(await house.client.get("/dead-letters/0"), 404, "unknown-dead-letter")


async def test_bytes_of_every_kind_are_dead_letters_that_can_be_read() -> None:
    log = bank().log
    null: Any = None
    topic = f"daiya.seller_bank.{lc.BANK[1]}"
    dead = DeadLetters(topic, log)
    records = [Record(None, None, ()), Record(b"\xff", b"", (("ce_id", null), ("ce_id", b"\xff")))]
    for n, record in enumerate(records):
        await dead.bury(Received(record, n, 7, NOON), "ce_id", "null")
    found, following = await dead.page(0, 2)
    assert [(one.received, one.why) for one in found] == [
        (Received(record, n, 7, NOON), "null") for n, record in enumerate(records)
    ]
    assert following == 2 and await dead.page(2, 2) == ([], None)
    assert isinstance(await dead.one(1), DeadLetter) and await dead.one(2) is None


async def test_a_header_of_any_name_is_a_reason_that_is_known() -> None:
    async with bank() as house:
        record = broken()
        for n, name in enumerate(("ce_a-b", "ce_\n", "ce_颜色", "ce_")):
            await arrives(house, replace(record, headers=(*record.headers, (name, b"1"), (name, b"2"))))
            page = await house.get(f"/dead-letters/{n}")
            assert (page["reason"], page["where"], page["why"]) == ("malformed", name, "there twice")


async def test_a_reason_repeats_no_value_and_no_long_name() -> None:
    somebodys = "371502199001010017"
    async with bank() as house:
        good = word(opened(), lc.NOTARY, 1)
        for number, wrong in enumerate(({"unit_number": somebodys}, {"institutions": {somebodys * 1000: "x"}}), 1):
            data = json.dumps({**json.loads(good.data), **wrong}).encode()
            await arrives(house, encode(replace(good, sequence=number, data=data)))
        unit, name = await letters(house)
        assert unit["where"] == "value/unit_number" and somebodys not in unit["why"]
        assert name["reason"] == "wrong-values" and len(name["where"]) < 200 and len(name["why"]) < 1000


def test_what_another_release_gave_as_a_reason_is_shown_all_the_same() -> None:
    assert reason_of("ce_colour", "not blue").name == "malformed"
    assert reason_of("stars", "not in line").name == "other"


# --- deciding ---------------------------------------------------------------------------------------------------------


async def test_a_line_that_a_dead_letter_holds_is_an_incident_until_it_is_retried() -> None:
    async with bank() as house:
        await struck(house)
        (incident,) = await house.get("/incidents")
        assert (incident["kind"], incident["subject"], incident["link"]) == ("struck", FOLIO, None)
        assert incident["data"] | {"source": f"/buyer_bank/{ABC[1]}", "sequence": 1} == incident["data"]
        assert incident["data"]["letter"] == (await letters(house))[0]["name"]
        refused = problem(await decided(house, "/dead-letters/0/retry"), 409, "still-a-dead-letter")
        assert "has no part" in refused["detail"] and refused["clause"]
        await arrives(house, encode(word(joined(), lc.NOTARY, 2)))
        outcome = await house.done("/dead-letters/0/retry", {"note": "it has joined"})
        assert outcome["status"] == "done"
        assert await nos(house) == ["first", "second"]
        page = await house.get("/dead-letters/0")
        assert (page["status"], page["became"], page["decision"]["note"]) == ("retried", "heard", "it has joined")
        assert page["decision"]["command"] == outcome["command"]
        assert await house.get("/incidents") == [] and await letters(house) == []
        problem(await decided(house, "/dead-letters/0/retry"), 409, "decided-before")
        problem(await decided(house, "/dead-letters/0/skip", note="x"), 409, "decided-before")


async def decided(house: DeskHouse, path: str, **body: str) -> Any:
    async with house.running():
        return await house.post(path, body, **WAIT)


async def test_a_skipped_word_lets_its_line_go_on() -> None:
    async with bank() as house:
        await struck(house)
        await arrives(house, encode(word(joined(), lc.NOTARY, 2)))
        await house.done("/dead-letters/0/skip", {"note": "said by mistake"})
        assert await nos(house) == ["second"] and await house.get("/incidents") == []
        page = await house.get("/dead-letters/0")
        assert (page["status"], page["became"]) == ("skipped", None)
        journal = await house.get(f"/subjects/{FOLIO}/journal")
        kinds = [line["kind"] for line in journal]
        assert kinds.count("struck") == kinds.count("decided") == 1
        (line,) = [line for line in journal if line["kind"] == "decided"]
        assert (
            line["note"] == {"how": "skipped", "letter": page["name"]} and line["cause"] == page["decision"]["command"]
        )


async def test_a_type_of_a_later_release_is_heard_after_the_upgrade() -> None:
    async with bank() as house:
        house.institution.turns.words = {
            name: kind for name, kind in vocabulary(SELLER_BANK.rulebook).items() if kind is not LoanRejected
        }
        await arrives(house, encode(word(opened(), lc.NOTARY, 1)), encode(word(joined(), lc.NOTARY, 2)))
        await arrives(house, encode(no("first", 1)))
        (line,) = await letters(house)
        assert line["reason"] == "unknown-type"
        house.institution = house.app.state.institution = house.start()  # the next release knows it
        await arrives(house, encode(no("second", 2)))
        assert await nos(house) == []
        await house.done("/dead-letters/0/retry", {"note": "release 2"})
        assert await nos(house) == ["first", "second"]


async def test_an_unreadable_record_stays_one_and_is_put_aside_by_skipping() -> None:
    async with bank() as house:
        await arrives(house, replace(broken(), headers=()))
        refused = problem(await decided(house, "/dead-letters/0/retry"), 409, "still-a-dead-letter")
        assert refused["detail"].startswith("content-type: ")
        assert (await letters(house))[0]["status"] == "open"
        await house.done("/dead-letters/0/skip", {"note": "a test of somebody's"})
        assert await letters(house) == []
        (said,) = (await house.institution.turns.read_subject(UNREADABLE)).file("").every(DeadLetterSkipped)
        assert said.fact.by_clerk == "Li"
        problem(await decided(house, "/dead-letters/0/skip", note="x"), 409, "decided-before")


async def test_a_record_in_another_partition_is_still_there_when_it_is_retried() -> None:
    async with bank() as house:
        await arrives(house, encode(no("first", 1)), partition=(HERE + 1) % PARTITIONS)
        assert (await letters(house))[0]["reason"] == "wrong-partition"
        refused = problem(await decided(house, "/dead-letters/0/retry"), 409, "still-a-dead-letter")
        assert refused["detail"].startswith("partition: ")


async def test_the_same_key_decides_once_whatever_comes_between() -> None:
    async with bank() as house:
        await struck(house)
        await arrives(house, encode(word(joined(), lc.NOTARY, 2)))
        house.log.down(house.institution.inbox)
        body = {"note": "it has joined"}
        problem(await house.post("/dead-letters/0/retry", body, "k"), 503, "out-of-service")
        house.log.up(house.institution.inbox)
        first = await house.done("/dead-letters/0/retry", body, "k")
        second = await house.done("/dead-letters/0/retry", body, "k")
        assert first == second and await nos(house) == ["first", "second"]
        again = await house.post("/dead-letters/0/skip", body, "k")
        problem(again, 422, "idempotency-key-used-before")
        told = [r for r in house.log.everything(house.institution.inbox) if b"dead-letter-retried" in str(r).encode()]
        assert len(told) == 1


@pytest.mark.parametrize("field", ["record", "letter", "place"])
async def test_nobody_hands_in_other_bytes_than_those_that_came(field: str) -> None:
    async with bank() as house:
        await struck(house)
        other = {
            "record": KeptRecord.of(encode(no("never said", 1))).model_dump(mode="json"),
            "letter": "0" * 32,
            "place": [0, 0],
        }
        answer = await house.post("/dead-letters/0/retry", {field: other[field]})
        assert problem(answer, 422, "invalid-fields")["errors"][0]["field"] == field
        schema = (await house.get("/openapi.json"))["paths"]["/dead-letters/{dead_letter}/retry"]["post"]
        assert set(schema["requestBody"]["content"]["application/json"]["schema"]["properties"]) == {"note"}


@pytest.mark.parametrize("number", ["7", "-1", "first", "9" * 30, "%00"])
async def test_a_number_that_is_none_is_a_problem(number: str) -> None:
    async with bank() as house:
        await arrives(house, broken())
        for what in ("retry", "skip"):
            problem(await house.post(f"/dead-letters/{number}/{what}", {"note": "x"}), 404, "unknown-dead-letter")
        answer = await house.client.get(f"/dead-letters/{number}")
        assert answer.status_code in (404, 422) and answer.headers["content-type"] == "application/problem+json"


async def test_a_decision_needs_a_clerk_a_key_and_to_skip_a_note() -> None:
    async with bank() as house:
        await arrives(house, broken())
        for path in ("/dead-letters", "/dead-letters/0"):
            problem(await house.anybody.get(path), 401, "not-a-clerk")
        problem(await house.anybody.post("/dead-letters/0/skip", json={"note": "x"}), 401, "not-a-clerk")
        problem(await house.client.post("/dead-letters/0/skip", json={"note": "x"}), 400, "no-idempotency-key")
        for body in ({}, {"note": ""}, {"note": 1}, {"note": "x" * 1001}, {"note": "x", "more": 1}):
            problem(await house.post("/dead-letters/0/skip", body), 422, "invalid-fields")
        for query in ("start=-1", "limit=0", "limit=1000", "start=x", "all=perhaps"):
            problem(await house.client.get(f"/dead-letters?{query}"), 422, "invalid-fields")


async def test_what_is_too_large_for_a_command_can_be_skipped_and_not_retried() -> None:
    async with bank() as house:
        for value in (b"{" * (MOST_RETRIED_BYTES + 1), b"\xff" * MOST_RETRIED_BYTES):
            await arrives(house, broken(value))
        for number in (0, 1):
            problem(await house.post(f"/dead-letters/{number}/retry", {}), 422, "too-large-to-be-retried")
            await house.done(f"/dead-letters/{number}/skip", {"note": "nobody needs it"})
        assert await letters(house) == []


async def test_the_largest_that_can_be_retried_goes_through_the_inbox() -> None:
    async with bank() as house:
        room = MOST_RETRIED_BYTES - 4096
        await arrives(house, broken(b"{" * room))
        problem(await decided(house, "/dead-letters/0/retry", note="\u0001" * 1000), 409, "still-a-dead-letter")
        assert len(house.log.everything(house.institution.inbox + ".dead")) == 1, "the command was none itself"


async def test_a_stopped_subject_takes_no_decision_until_it_is_resumed() -> None:
    async with bank() as house:
        await struck(house)
        await arrives(house, encode(word(joined(), lc.NOTARY, 2)))
        chapters = [Chapter("LC-FULL", (Rule(choke, per=LoanRejected),), ()), SELLER_BANK.rulebook.chapters[""]]
        broken_release = rulebook(*chapters, phases={}, own_facts=SELLER_BANK.rulebook.own_facts)
        house.part = replace(SELLER_BANK, rulebook=broken_release)
        house.institution = house.app.state.institution = house.start()
        problem(await decided(house, "/dead-letters/0/retry"), 503, "subject-stopped")
        assert {one["kind"] for one in await house.get("/incidents")} == {"struck", "stopped"}
        problem(await decided(house, "/dead-letters/0/skip", note="x"), 503, "subject-stopped")
        house.part = SELLER_BANK
        house.institution = house.app.state.institution = house.start()
        await house.done(f"/subjects/{FOLIO}/resume", {"note": "mended"})
        assert await nos(house) == ["first", "second"], "the retry was kept, and the skip was not taken"
        assert await house.get("/incidents") == []


async def test_a_retried_command_lies_in_the_journal_with_its_clerk_and_the_record() -> None:
    async with bank() as house:
        await struck(house)
        await arrives(house, encode(word(joined(), lc.NOTARY, 2)))
        await house.done("/dead-letters/0/retry", {})
        (said,) = (await house.institution.turns.read_subject(FOLIO)).file("").every(DeadLetterRetried)
        assert said.fact.by_clerk == "Li" and said.fact.record.record() == encode(no("first", 1))
        assert said.fact.place == (HERE, 1)


# --- at a terminal ----------------------------------------------------------------------------------------------------


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeskHouse]:
    made = bank()

    def reach(name: str, url: str, token: str = "") -> Desk:
        return Desk(name, url, token, InMemory(made))

    monkeypatch.setattr(desk_client, "Desk", reach)
    yield made


def run(*arguments: str) -> tuple[int, str, str]:
    with capture_logs():  # the desk's, which is in this process too
        result = CliRunner().invoke(app, ["dead", *arguments, *AT_THE_DESK], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_a_dead_letter_is_found_and_retried_at_a_terminal(house: DeskHouse) -> None:
    assert run("list", "seller_bank") == (0, "no dead letter is open here\n", "")
    asyncio.run(struck(house))
    code, out, _ = run("list", "seller_bank")
    assert code == 0 and out.count("\n") == 1
    assert out.startswith("0  ") and "no-part" in out and f"/buyer_bank/{ABC[1]}" in out and CASE in out
    code, out, _ = run("show", "0", "--role", "seller_bank")
    assert code == 0 and "to do " in out and "docs/operations.md#no-part" in out and '"because":"first"' in out

    code, out, err = run("retry", "0")
    assert (code, out) == (1, "") and "still a dead letter" in err and err.count("\n") == 1
    asyncio.run(arrives(house, encode(word(joined(), lc.NOTARY, 2))))
    assert run("retry", "0", "--note", "it has joined") == (0, "dead letter 0: retried, heard\n", "")
    assert asyncio.run(nos(house)) == ["first", "second"]
    assert run("list", "seller_bank")[1] == "no dead letter is open here\n"
    assert "retried" in run("list", "seller_bank", "--all")[1]
    assert json.loads(run("list", "seller_bank", "--all", "--json")[1])[0]["decision"]["note"] == "it has joined"
    assert "by Li: it has joined" in run("show", "0")[1]
    assert json.loads(run("show", "0", "--json")[1])["became"] == "heard"


def test_a_dead_letter_is_skipped_at_a_terminal_with_a_note(house: DeskHouse) -> None:
    asyncio.run(struck(house))
    assert run("skip", "0")[0] == 2, "a note is required"
    assert run("skip", "0", "--note", "said by mistake") == (0, "dead letter 0: skipped\n", "")
    code, _, err = run("skip", "0", "--note", "again")
    assert code == 1 and "decided before" in err
    code, _, err = run("show", "7")
    assert code == 1 and "unknown dead letter" in err


def test_a_terminal_gets_all_pages_and_each_dead_letter_once(house: DeskHouse) -> None:
    asyncio.run(arrives(house, *(broken(b"{" + b" " * n) for n in range(60))))
    assert len(run("list", "seller_bank")[1].splitlines()) == 60


def test_what_somebody_wrote_does_not_move_the_cursor(house: DeskHouse) -> None:
    evil = "\x1b[2J\u202e\x9b".encode()
    headers = (("ce_type", evil), ("ce_source", evil), (evil.decode(), evil))
    asyncio.run(arrives(house, Record(evil, evil, headers), Record(b"\xff", None, ())))
    for arguments in (("list", "seller_bank"), ("show", "0"), ("show", "1")):
        code, out, _ = run(*arguments)
        assert code == 0 and all(c.isprintable() or c == "\n" for c in out)
    assert "\\x1b[2J" in run("show", "0")[1] and "value     null" in run("show", "1")[1]
