"""`daiya dead`: what an institution could not accept, why, what to do about it, and a person's decision."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from services.desk_client import Desk

Number = Annotated[int, typer.Argument(min=0, help="a dead letter's number, as `daiya dead list` says it")]
Every = Annotated[bool, typer.Option("--all", help="also those that were decided on")]
RetryNote = Annotated[str, typer.Option("--note", help="why it may be taken now")]
SkipNote = Annotated[str, typer.Option("--note", help="why nothing is lost without it")]


def mount(app: typer.Typer) -> None:
    """Add the commands to the `daiya` command, whose options they share."""
    from services import cli

    dead = typer.Typer(no_args_is_help=True, help="Look at what could not be accepted, and decide on it.")
    app.add_typer(dead, name="dead")

    @dead.command("list")
    def list_(
        role: cli.Role,
        institution: cli.Institution = "",
        every: Every = False,
        as_json: cli.AsJson = False,
        addresses: cli.AddressesFile = cli.RUN / "addresses.json",
        tokens: cli.TokensFile = cli.RUN / "tokens.json",
        desk: cli.DeskUrl = "",
        token: cli.Token = "",
    ) -> None:
        """List the dead letters that nobody has decided on, oldest first."""
        at = cli.Stack(addresses, tokens, desk, token)
        cli._run(lambda: show_list(at.desk(role, institution), every, as_json))

    @dead.command()
    def show(
        number: Number,
        role: cli.AtRole = "escrow",
        institution: cli.Institution = "",
        as_json: cli.AsJson = False,
        addresses: cli.AddressesFile = cli.RUN / "addresses.json",
        tokens: cli.TokensFile = cli.RUN / "tokens.json",
        desk: cli.DeskUrl = "",
        token: cli.Token = "",
    ) -> None:
        """Show a dead letter as it came: where and why it failed, what to do, what has become of it."""
        at = cli.Stack(addresses, tokens, desk, token)
        cli._run(lambda: show_one(at.desk(role, institution), number, as_json))

    @dead.command()
    def retry(
        number: Number,
        note: RetryNote = "",
        role: cli.AtRole = "escrow",
        institution: cli.Institution = "",
        addresses: cli.AddressesFile = cli.RUN / "addresses.json",
        tokens: cli.TokensFile = cli.RUN / "tokens.json",
        desk: cli.DeskUrl = "",
        token: cli.Token = "",
    ) -> None:
        """Hand a dead letter in again: the same bytes, through the same checks. Fails where it is still dead."""
        at = cli.Stack(addresses, tokens, desk, token)
        cli._run(lambda: decide(at.desk(role, institution), number, "retry", note))

    @dead.command()
    def skip(
        number: Number,
        note: SkipNote,
        role: cli.AtRole = "escrow",
        institution: cli.Institution = "",
        addresses: cli.AddressesFile = cli.RUN / "addresses.json",
        tokens: cli.TokensFile = cli.RUN / "tokens.json",
        desk: cli.DeskUrl = "",
        token: cli.Token = "",
    ) -> None:
        """Pass over a dead letter for good, so that what its speaker said after it is heard."""
        at = cli.Stack(addresses, tokens, desk, token)
        cli._run(lambda: decide(at.desk(role, institution), number, "skip", note))


async def show_list(desk: "Desk", every: bool, as_json: bool) -> None:
    """Print one line for each, whatever page it is on; copies of one once. Raises DeskRefused, DeskUnreachable."""
    found: dict[str, dict[str, Any]] = {}
    start: int | None = 0
    async with desk:
        while start is not None:
            page = await desk.get("/dead-letters", start=str(start), all=str(every).lower())
            for letter in page["letters"]:
                found.setdefault(letter["name"], letter)
            start = page["next"]
    lines = [_line(letter) for letter in found.values()] or ["no dead letter is open here"]
    _print([json.dumps(list(found.values()), ensure_ascii=False, indent=2)] if as_json else lines)


async def show_one(desk: "Desk", number: int, as_json: bool) -> None:
    """Print all of it. Raises DeskRefused, DeskUnreachable."""
    async with desk:
        page = await desk.get(f"/dead-letters/{number}")
    _print([json.dumps(page, ensure_ascii=False, indent=2)] if as_json else _page(page))


async def decide(desk: "Desk", number: int, what: str, note: str) -> None:
    """Retry or skip it, and print what has become of it. Raises DeskRefused, DeskUnreachable."""
    import uuid

    async with desk:
        # A key of its own: a retry that failed may be tried again with the same words.
        await desk.post(f"/dead-letters/{number}/{what}", {"note": note} if note else {}, str(uuid.uuid4()))
        page = await desk.get(f"/dead-letters/{number}")
    _print([f"dead letter {number}: {_status(page)}"])


def _line(letter: Mapping[str, Any]) -> str:
    from services.case_text import moment

    about = (letter["subject"], letter["case"], letter["speaker"], letter["type"])
    what = "  ".join(printable(one) for one in about if one)
    why = printable(f"{letter['where']}: {letter['why']}")
    return f"{letter['number']}  {moment(letter['at'])}  {_status(letter)}  {letter['reason']}  {what}  {why}"


def _page(page: Mapping[str, Any]) -> Iterator[str]:
    from services.case_text import moment

    yield f"dead letter {page['number']} ({page['name']}), {_status(page)}"
    yield f"came      {moment(page['at'])}, to partition {page['place'][0]}, offset {page['place'][1]} of the inbox"
    yield f"where     {printable(page['where'])}"
    yield f"why       {printable(page['why'])} ({page['reason']}, {page['help']})"
    yield f"to do     {page['what_to_do']}"
    if page["decision"]:
        decision: Mapping[str, Any] = page["decision"]
        yield f"decided   {moment(decision['at'])} by {decision['by']}: {printable(decision['note'] or '-')}"
    yield f"key       {_bytes(page['key'])}"
    for header in page["headers"]:
        yield f"header    {printable(header['name'])}: {_bytes(header['value'])}"
    yield f"value     {_bytes(page['value'])}"


def _status(letter: Mapping[str, Any]) -> str:
    became = letter.get("became")
    return f"{letter['status']}, {became}" if became else str(letter["status"])


def _bytes(kept: Mapping[str, str | None] | None) -> str:
    if kept is None:
        return "null"
    text = kept["text"]
    return printable(text) if text is not None else f"base64 {kept['base64']}"


def printable(text: str) -> str:
    """Text as a terminal may have it: what would move its cursor, or anything else that cannot be seen, is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _print(lines: Any) -> None:
    for line in lines:
        typer.echo(line)
