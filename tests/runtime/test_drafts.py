"""One word with several documents: of one series, of two, and the same numbers however often its cause comes."""

from contracts.document import Document
from contracts.event import Opening, Role
from contracts.events.registry import AdvanceNoticeRegistered, NoticedMortgage
from contracts.values import DocumentNumber, UnitNumber
from services.runtime.core.facts import Command, NumberAllotted
from services.runtime.core.file import Heard
from services.runtime.core.rule import Chapter, Rule, Says, rulebook
from services.runtime.desk.outcome import Outcome, outcome_of
from tests.support.bench import FOLIO, NOON, Bench

NOTICE = "鲁({year})聊城市不动产证明第{n:07d}号"
CONTRACT = "({year}){house}登字第{n:07d}号"


class Entered(Command, Opening):
    """A registrar enters the notices of so many lenders."""

    lenders: int


def certify(entered: Entered) -> Says:
    """Each notice has its certificate, all of one series."""
    yield AdvanceNoticeRegistered(
        application=DocumentNumber("(2026)聊城转移申请第0000001号"),
        unit_number=UnitNumber(FOLIO),
        entry_number=1,
        registered_at=NOON,
        valid_until=NOON.date(),
        transfer=Document.wanted("转移预告", NOTICE),
        mortgages=tuple(
            NoticedMortgage(
                role=Role.BUYER_BANK,
                lender=f"bank-{n}",
                certificate=Document.wanted("抵押权预告", CONTRACT if n == 9 else NOTICE),
            )
            for n in range(entered.lenders)
        ),
    )


def registry() -> Bench:
    book = rulebook(
        Chapter("DRAFT", (Rule(certify, per=Entered),), ()),
        Chapter("", (), ()),
        phases={},
        own_facts=(Entered,),
    )
    return Bench(Role.REGISTRY, "liaocheng-registry", book)


def certificates(said: AdvanceNoticeRegistered) -> list[str]:
    """In the order of the bytes: `mortgages` stands before `transfer`."""
    return [*(m.certificate.number for m in said.mortgages), said.transfer.number]


def test_X_5_several_documents_of_one_series_have_numbers_of_their_own_in_their_order() -> None:
    bench = registry()
    for lenders in (2, 10):
        bench.own(Entered(by_clerk="Zhao", procedure="DRAFT", edition="1", lenders=lenders))
    first, second = bench.said(AdvanceNoticeRegistered)
    assert certificates(first) == [f"鲁(2026)聊城市不动产证明第{n:07d}号" for n in (1, 2, 3)]
    of_the_series = [f"鲁(2026)聊城市不动产证明第{n:07d}号" for n in range(4, 14)]
    assert certificates(second) == [*of_the_series[:9], "(2026)测试登字第0000001号", of_the_series[9]]
    assert len({m.certificate.code for m in second.mortgages}) == 10


def test_X_5_a_redelivered_cause_takes_no_number_again() -> None:
    bench = registry()
    turn = bench.own(Entered(by_clerk="Zhao", procedure="DRAFT", edition="1", lenders=2))
    letter = next(item.letter for item in turn.items if isinstance(item, Heard))
    bench.take(letter)
    assert len(bench.file(NumberAllotted)) == 3
    assert len(bench.said(AdvanceNoticeRegistered)) == 1


def test_the_outcome_of_a_command_lists_every_number_of_its_word() -> None:
    bench = registry()
    turn = bench.own(Entered(by_clerk="Zhao", procedure="DRAFT", edition="1", lenders=2))
    command = next(item.letter.envelope.id for item in turn.items if isinstance(item, Heard))
    found = outcome_of(bench.subject(), command, bench.case, "")
    assert isinstance(found, Outcome)
    assert found.documents == tuple(certificates(bench.said(AdvanceNoticeRegistered)[0]))
    assert not found.numbering
