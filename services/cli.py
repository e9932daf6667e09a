"""The `daiya` command: bring a sale and its buyers' applications for loans, look at cases, worklists and incidents,
resume what stands, run a service.

Desks and tokens are those of the stack that `make up` started here (build/run/addresses.json and tokens.json), unless
options or DAIYA_ADDRESSES, DAIYA_TOKENS, DAIYA_DESK and DAIYA_TOKEN name others. What a desk refuses is one line with
its clause, and exit status 1.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from services.desk_client import Desk

RUN = Path("build") / "run"
ROLES = ("escrow", "registry", "seller_bank", "buyer_bank", "fund_center")
OBSERVER = "observer"
FOLLOW_EVERY_S = 0.5

app = typer.Typer(
    help="Daiya (带押): the institutions that settle the sale of a mortgaged home, each by its own rules.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Role = Annotated[str, typer.Argument(metavar="ROLE", help=" | ".join(ROLES))]
AtRole = Annotated[str, typer.Option("--role", help="whose desk is asked: " + " | ".join(ROLES))]
Institution = Annotated[
    str, typer.Option("--institution", help="which institution; may be left out where the role has one")
]
AddressesFile = Annotated[
    Path, typer.Option("--addresses", envvar="DAIYA_ADDRESSES", help="JSON: where the desks listen")
]
TokensFile = Annotated[Path, typer.Option("--tokens", envvar="DAIYA_TOKENS", help="JSON: clerks' tokens")]
DeskUrl = Annotated[
    str, typer.Option("--desk", envvar="DAIYA_DESK", help="the desk's URL, instead of the one in the file")
]
Token = Annotated[
    str, typer.Option("--token", envvar="DAIYA_TOKEN", help="the clerk's token, instead of the one in the file")
]
AsJson = Annotated[bool, typer.Option("--json", help="what the desk answers, as it stands")]


class Failed(Exception):
    """Nothing more can be done; the text is the one line to print."""


@dataclass(frozen=True)
class Stack:
    """Where desks and tokens are found."""

    addresses: Path
    tokens: Path
    url: str = ""
    given_token: str = ""

    def desk(self, role: str, institution: str = "") -> "Desk":
        """The desk of an institution. Raises Failed."""
        from services.desk_client import Desk

        if role not in ROLES:
            raise Failed(f"{role} is no role; there are {', '.join(ROLES)}")
        if self.url:
            return Desk(institution or role, self.url, self.given_token or self._token(role, institution))
        desks: Mapping[str, str] = _read(self.addresses, "desks").get(role, {})
        name = _one(role, institution, desks, self.addresses)
        return Desk(name, desks[name], self.given_token or self._token(role, name))

    def _token(self, role: str, institution: str) -> str:
        tokens: Mapping[str, str] = _read(self.tokens).get(role, {})
        return tokens[_one(role, institution, tokens, self.tokens)]


def _read(path: Path, part: str = "") -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found[part] if part else found
    except FileNotFoundError:
        raise Failed(f"{path} is not there: start the stack with `make up`, or name another file") from None
    except (OSError, ValueError, KeyError) as error:
        raise Failed(f"{path} cannot be read: {type(error).__name__} {error}") from error


def _one(role: str, institution: str, known: Mapping[str, str], where: Path) -> str:
    if institution:
        if institution not in known:
            raise Failed(f"{institution} is no {role} in {where}; there: {', '.join(known) or 'none'}")
        return institution
    if len(known) != 1:
        raise Failed(f"name an institution: {where} has {len(known)} for {role} ({', '.join(known)})")
    return next(iter(known))


def _run(work: Callable[[], Awaitable[None]]) -> None:
    """Do it; whatever can go wrong is one line and exit status 1."""
    from services.desk_client import DeskRefused, DeskUnreachable
    from services.sale_file import BadSaleFile

    async def whole() -> None:
        await work()

    try:
        asyncio.run(whole())
    except (BadSaleFile, DeskRefused, DeskUnreachable, Failed) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _fail(why: str) -> NoReturn:
    typer.echo(f"daiya: {' '.join(why.split())}", err=True)
    raise typer.Exit(1)


# --- commands -----------------------------------------------------------------------------------------------


@app.command("open")
def open_(
    file: Annotated[Path, typer.Argument(help="a sale, such as examples/liaocheng-full.yaml")],
    prepare: Annotated[
        bool, typer.Option(help="first import the folio and the loan in the file, and state the fund's figures in it")
    ] = False,
    again: Annotated[bool, typer.Option(help="open another case, though this sale was brought before")] = False,
    addresses: AddressesFile = RUN / "addresses.json",
    tokens: TokensFile = RUN / "tokens.json",
) -> None:
    """Bring a sale to the escrow's desk; prints the number of its case."""

    async def work() -> None:
        import uuid
        from datetime import UTC, datetime

        from contracts.event import Role
        from services import sale_opening
        from services.sale_file import load_sale

        sale = load_sale(file, datetime.now(UTC))
        stack, named = Stack(addresses, tokens), sale.institutions
        async with _desks(stack, named if prepare else {Role.ESCROW: named[Role.ESCROW]}) as desks:
            if prepare:
                await sale_opening.prepare(desks, sale, "daiya")
            occasion = str(uuid.uuid4()) if again else "daiya"
            typer.echo(await sale_opening.open_case(desks[Role.ESCROW], sale, occasion))

    _run(work)


@app.command()
def apply_for_loan(
    case: Annotated[str, typer.Argument(help="the number of the sale's case")],
    file: Annotated[Path, typer.Argument(help="the sale, such as examples/liaocheng-loan.yaml: it names the loans")],
    addresses: AddressesFile = RUN / "addresses.json",
    tokens: TokensFile = RUN / "tokens.json",
) -> None:
    """Bring the buyers' applications to the lenders' desks (LC-L2), with the proof of the down payment that the escrow
    has issued."""

    async def work() -> None:
        from datetime import UTC, datetime

        from contracts.event import Role
        from services import case_text, sale_opening
        from services.sale_file import load_sale

        sale = load_sale(file, datetime.now(UTC))
        if not sale.loans:
            raise Failed(f"{file} names no loans")
        named = {role: sale.institutions[role] for role in (Role.ESCROW, *(loan.lender for loan in sale.loans))}
        async with _desks(Stack(addresses, tokens), named) as desks:
            proof = await sale_opening.down_payment_proof(desks[Role.ESCROW], case)
            if proof is None:
                raise Failed(f"the down payment of {case} is not certified yet: see `daiya worklist escrow`")
            for loan in sale.loans:
                await sale_opening.apply_for_loan(desks[loan.lender], sale, loan, case, proof)
                typer.echo(f"{loan.institution}: {case_text.yuan(loan.amount_fen)} applied for")

    _run(work)


@app.command()
def show(
    case: Annotated[str, typer.Argument(help="the number of a case")],
    role: AtRole = "escrow",
    institution: Institution = "",
    as_json: AsJson = False,
    addresses: AddressesFile = RUN / "addresses.json",
    tokens: TokensFile = RUN / "tokens.json",
    desk: DeskUrl = "",
    token: Token = "",
) -> None:
    """Show a case as one institution has it on file: what was said, what waits, the money, the documents."""

    async def work() -> None:
        from services import case_text
        from services.desk_client import in_path

        async with Stack(addresses, tokens, desk, token).desk(role, institution) as at:
            page = await at.get(f"/cases/{in_path(case)}")
        _print([json.dumps(page, ensure_ascii=False, indent=2)] if as_json else case_text.page(page))

    _run(work)


@app.command()
def watch(
    case: Annotated[str, typer.Argument(help="the number of a case")],
    role: AtRole = "escrow",
    institution: Institution = "",
    addresses: AddressesFile = RUN / "addresses.json",
    tokens: TokensFile = RUN / "tokens.json",
    desk: DeskUrl = "",
    token: Token = "",
) -> None:
    """Follow a case at one institution's desk until it has ended: each event, and what waits for a person."""

    async def work() -> None:
        from services import case_text
        from services.desk_client import in_path

        seen: set[str] = set()
        async with Stack(addresses, tokens, desk, token).desk(role, institution) as at:
            while True:
                page = await at.get(f"/cases/{in_path(case)}")
                _print(case_text.news(page, seen))
                if page["phase"] == "ended":
                    return
                await asyncio.sleep(FOLLOW_EVERY_S)

    _run(work)


@app.command()
def worklist(
    role: Role,
    institution: Institution = "",
    as_json: AsJson = False,
    addresses: AddressesFile = RUN / "addresses.json",
    tokens: TokensFile = RUN / "tokens.json",
    desk: DeskUrl = "",
    token: Token = "",
) -> None:
    """Show what waits for a person at a desk: since when, under which clause, until when."""

    async def work() -> None:
        from services import case_text

        async with Stack(addresses, tokens, desk, token).desk(role, institution) as at:
            items = await at.get("/worklist")
        text = case_text.worklist(items) or ["nothing waits here"]
        _print([json.dumps(items, ensure_ascii=False, indent=2)] if as_json else text)

    _run(work)


@app.command()
def incidents(
    role: Role,
    institution: Institution = "",
    as_json: AsJson = False,
    addresses: AddressesFile = RUN / "addresses.json",
    tokens: TokensFile = RUN / "tokens.json",
    desk: DeskUrl = "",
    token: Token = "",
) -> None:
    """Show what a person must see at a desk: open incidents, stopped subjects, lines that wait for a word."""

    async def work() -> None:
        from services import case_text

        async with Stack(addresses, tokens, desk, token).desk(role, institution) as at:
            found = await at.get("/incidents")
        text = case_text.incidents(found) or ["no incident is open here"]
        _print([json.dumps(found, ensure_ascii=False, indent=2)] if as_json else text)

    _run(work)


@app.command()
def resume(
    subject: Annotated[str, typer.Argument(help="a stopped subject, as `daiya incidents` names it")],
    note: Annotated[str, typer.Option("--note", help="why it may go on: which release mends the rule")],
    role: AtRole = "escrow",
    institution: Institution = "",
    addresses: AddressesFile = RUN / "addresses.json",
    tokens: TokensFile = RUN / "tokens.json",
    desk: DeskUrl = "",
    token: Token = "",
) -> None:
    """Let a stopped subject go on: what was kept is heard in its order. Fails where a rule stops it again."""

    async def work() -> None:
        import uuid

        from services.desk_client import in_path

        async with Stack(addresses, tokens, desk, token).desk(role, institution) as at:
            # A key of its own: the same words may be right for the same subject when it stands another time.
            await at.post(f"/subjects/{in_path(subject)}/resume", {"note": note}, str(uuid.uuid4()))
            stopped = [i for i in await at.get("/incidents") if (i["kind"], i["subject"]) == ("stopped", subject)]
        if stopped:
            raise Failed(f"{subject} was stopped again: {stopped[0]['data']['error']}")
        typer.echo(f"{subject} goes on")

    _run(work)


@app.command()
def serve(
    role: Annotated[str, typer.Argument(metavar="ROLE", help=" | ".join((*ROLES, OBSERVER)))],
    institution: Annotated[str, typer.Option("--institution", help="its name on the wire: liaocheng-notary")],
) -> None:
    """Run one institution's service, or an observer, until SIGTERM. Settings are DAIYA_* in the environment:
    docs/operations.md."""
    if role not in (*ROLES, OBSERVER):
        _fail(f"there is no service for {role}; there are {', '.join((*ROLES, OBSERVER))}")
    import importlib
    import re

    from pydantic import ValidationError

    if re.fullmatch("[a-z0-9][a-z0-9-]{1,40}", institution) is None:
        _fail(f"{institution!r} is no institution's name: 2 to 41 of a-z, 0-9 and -, the first no -")
    from services.runtime.settings import Settings

    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] (the environment gives them)
        if role == OBSERVER:
            from services.observer.service import serve as observe

            observe(institution, settings)
        else:
            from services.runtime.service import serve as run

            run(importlib.import_module(f"services.{role}.service").PART, institution, settings)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        _fail(f"settings: {found}")
    except (OSError, ValueError) as error:
        _fail(str(error))


@asynccontextmanager
async def _desks(stack: Stack, named: Mapping[Any, str]) -> AsyncIterator[dict[Any, "Desk"]]:
    """The desks of these institutions, by role; closed at the end."""
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as closing:
        desks = {role: stack.desk(role.value, name) for role, name in named.items()}
        for one in desks.values():
            await closing.enter_async_context(one)
        yield desks


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)
    sys.stdout.flush()


from services import cli_dead  # noqa: E402  it shares the options above

cli_dead.mount(app)

if __name__ == "__main__":
    app()
