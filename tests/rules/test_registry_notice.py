"""LC-L4, X-3, X-4: the advance notices as they are entered, numbered, converted, ended, and as they lapse."""

from datetime import date, timedelta

import pytest

from contracts.event import Role
from contracts.events.case import DeadlineMissed
from contracts.events.registry import (
    AdvanceNoticeEnded,
    AdvanceNoticeLapsed,
    FolioRefused,
    FolioReserved,
    RefusalReason,
    RegistrationClosed,
)
from contracts.period import Days, Source
from contracts.values import DocumentNumber, Share
from services.registry.entries import EntryKind, StandingNotice
from services.registry.facts import (
    Decision,
    MortgageEntered,
    Notice,
    NoticeEnded,
    NoticeKind,
    NoticesEntered,
    OwnershipEntered,
    RestrictionKind,
)
from services.runtime.core.facts import Alarm, PeriodEnded, PeriodStarted
from services.runtime.core.file import Phase
from tests.rules import registry_cases as home
from tests.rules import registry_loan_cases as sale
from tests.rules.registry_loan_cases import ALONE, BANK, FUND, FUND_ALONE, REGISTRATION, TOGETHER
from tests.support import liaocheng as lc
from tests.support import loan
from tests.support.bench import NOON, Bench

LENDINGS = pytest.mark.parametrize("lending", [ALONE, FUND_ALONE, TOGETHER], ids=["bank", "fund", "both"])
LATER = loan.VALID_UNTIL + timedelta(days=1)


def ended(bench: Bench) -> AdvanceNoticeEnded:
    """What was said of the notices' end; fails unless it was said once."""
    (said,) = bench.said(AdvanceNoticeEnded)
    return said


def lapsed(bench: Bench) -> list[AdvanceNoticeLapsed]:
    """What was said of the notices' lapse."""
    return bench.said(AdvanceNoticeLapsed)


def certificates(bench: Bench) -> tuple[DocumentNumber, ...]:
    """The certificates of all notices, that of the transfer first."""
    said = sale.notices(bench)
    return (said.transfer.number, *(m.certificate.number for m in said.mortgages))


# --- the entry of notices -----------------------------------------------------------------------------------


@LENDINGS
def test_LC_L4_X_5_notices_are_registered_with_a_certificate_each(lending: sale.Lending):
    bench = sale.all_applied(sale.agreed(None, lending), lending)
    bench.later(hours=3)
    sale.approve(bench)
    said = sale.notices(bench)
    assert (said.application, said.unit_number, said.entry_number) == (sale.number(), home.UNIT, 4)
    assert said.registered_at == bench.now > NOON
    assert said.valid_until == loan.VALID_UNTIL == NOON.date() + timedelta(days=90)
    assert [(m.role, m.lender) for m in said.mortgages] == list(lending)
    documents = [said.transfer, *(m.certificate for m in said.mortgages)]
    assert [d.title for d in documents] == ["不动产登记证明（转移预告登记）"] + [
        "不动产登记证明（抵押权预告登记）" for _ in lending
    ]
    assert sorted(d.number for d in documents) == [sale.of_the_series(n + 1) for n in range(len(documents))]
    assert [d.code for d in documents] == [bench.house.code(d.number) for d in documents]


def test_LC_L4_day_until_which_a_notice_is_valid_is_counted_in_china():
    bench = sale.all_applied(sale.agreed())
    bench.later(hours=13)  # 01:00 of the next day in China
    sale.approve(bench)
    assert sale.notices(bench).valid_until == loan.VALID_UNTIL + timedelta(days=1)


@LENDINGS
def test_LC_L4_notices_stand_in_the_register_with_their_certificates(lending: sale.Lending):
    bench = sale.noticed(None, lending)
    transfer, *mortgages = certificates(bench)
    register, day = home.register(bench), NOON.date()
    assert register.notices == (
        StandingNotice(NoticeKind.TRANSFER, transfer, lc.BUYER.name, day, sale.CASE, 4),
        *(
            StandingNotice(NoticeKind.MORTGAGE, certificate, name, day, sale.CASE, 5 + n)
            for n, ((_, name), certificate) in enumerate(zip(lending, mortgages, strict=True))
        ),
    )
    entries = register.history[3:]
    assert [(e.kind, e.about, e.case) for e in entries] == [
        (EntryKind.NOTICE, certificate, sale.CASE) for certificate in (transfer, *mortgages)
    ]
    assert [e.content.certificate for e in entries if isinstance(e.content, Notice)] == [transfer, *mortgages]
    assert [m.rank for m in register.mortgages] == [1]


def test_LC_L4_between_the_entry_and_its_number_a_notice_stands_without_a_certificate():
    bench = home.with_slow_series()
    sale.all_applied(sale.agreed(sale.with_folio(bench)))
    sale.approve(bench)
    notices, entries = home.register(bench).notices, home.register(bench).history[3:]
    assert [n.certificate for n in notices] == [None, None]
    assert [(e.about, e.content) for e in entries] == [
        (sale.number(), None),
        (sale.part().application.number, None),
    ]
    bench.answer()
    assert tuple(n.certificate for n in home.register(bench).notices) == certificates(bench)


def test_LC_L4_notice_of_several_buyers_names_them_all():
    bench = sale.with_folio()
    (buyer,) = loan.opened().sellers
    half = Share(numerator=1, denominator=2)
    buyers = tuple(buyer.model_copy(update={"person": p, "share": half}) for p in (lc.BUYER, lc.STRANGER))
    bench.hear(sale.opened(buyers=buyers), sale.NOTARY)
    for event, by in ((loan.certified(), sale.NOTARY), (sale.approved(), BANK), (lc.consent(), sale.SELLERS_BANK)):
        bench.hear(event, by)
    bench.hear(sale.applied(buyers=(lc.BUYER, lc.STRANGER)), sale.NOTARY)
    sale.lenders_applied(bench)
    sale.approve(bench)
    assert home.register(bench).notices[0].in_favour_of == f"{lc.BUYER.name}、{lc.STRANGER.name}"


@pytest.mark.parametrize("kind", RestrictionKind, ids=lambda kind: kind.name)
def test_X_4_restriction_entered_after_the_reservation_refuses_the_notices(kind: RestrictionKind):
    bench = sale.all_applied(sale.agreed())
    bench.standing(home.restricted(kind))
    sale.approve(bench)
    assert sale.names(bench) == ["RegistrationRefused"]
    assert not bench.said(NoticesEntered)


# --- objections ---------------------------------------------------------------------------------------------


@LENDINGS
def test_X_4_notices_of_the_case_itself_are_no_objection_to_its_entry(lending: sale.Lending):
    assert sale.transfer(sale.entered(None, lending)).new_mortgages


def test_X_4_notices_of_a_case_refuse_every_other_sale():
    bench = sale.noticed()
    bench.hear(sale.opened({}), sale.NOTARY, case=home.SECOND)
    (refused,) = bench.said(FolioRefused, case=home.SECOND)
    transfer, mortgage = certificates(bench)
    assert [r.reason for r in refused.reasons] == [RefusalReason.OTHER_CASE] * 2 + [RefusalReason.FOREIGN_MORTGAGE]
    assert transfer in refused.reasons[1].detail
    assert mortgage in refused.reasons[2].detail


def test_X_4_notice_that_has_no_number_yet_is_named_by_its_entry():
    bench = home.with_slow_series()
    sale.all_applied(sale.agreed(sale.with_folio(bench)))
    sale.approve(bench)
    bench.hear(sale.opened({}), sale.NOTARY, case=home.SECOND)
    (refused,) = bench.said(FolioRefused, case=home.SECOND)
    assert "of entry 4, not numbered yet" in refused.reasons[1].detail


def test_X_4_mortgage_of_an_institution_that_has_joined_is_no_foreign_one():
    bench = sale.with_folio()
    bench.hear(sale.opened({}), sale.NOTARY)
    bench.hear(loan.joined(), sale.NOTARY)
    for event, by in ((loan.certified(), sale.NOTARY), (sale.approved(), BANK), (lc.consent(), sale.SELLERS_BANK)):
        bench.hear(event, by)
    terms = home.foreign_mortgage().model_copy(update={"mortgagee": BANK[1]})
    bench.standing(MortgageEntered(by_clerk="Li", mortgage=terms))
    sale.all_applied(bench)
    sale.approve(bench)
    assert sale.notices(bench)


def test_X_3_notice_of_a_case_is_not_ended_by_a_clerk():
    bench = sale.noticed()
    for certificate in certificates(bench):
        refused = bench.refusal(bench.standing(NoticeEnded(by_clerk="Li", certificate=certificate)))
        assert (refused.title, refused.clause) == ("notice of a case", "X-3")
    assert len(home.register(bench).notices) == 2


# --- conversion ---------------------------------------------------------------------------------------------


def test_LC_L5_notices_are_converted_by_the_entry_and_gone():
    bench = sale.entered(None, TOGETHER)
    converted = [e for e in home.register(bench).history if e.kind is EntryKind.NOTICE_CONVERTED]
    assert tuple(e.about for e in converted) == certificates(bench)
    assert {e.case for e in converted} == {sale.CASE}
    assert home.register(bench).notices == ()
    assert not bench.said(AdvanceNoticeEnded)


# --- closing ------------------------------------------------------------------------------------------------


def test_X_3_closing_leaves_the_notices_until_the_lenders_are_whole():
    bench = sale.closed()
    assert sale.names(bench) == ["AdvanceNoticeRegistered", "RegistrationClosed"]
    assert len(home.register(bench).notices) == 2
    assert bench.refusal(sale.approve(bench, REGISTRATION)).title == "registration is closed"


def test_X_3_closing_between_the_entry_of_notices_and_their_numbers_is_answered_after_them():
    bench = home.with_slow_series()
    sale.all_applied(sale.agreed(sale.with_folio(bench)))
    sale.approve(bench)
    bench.hear(home.closing(), sale.NOTARY)
    assert sale.names(bench) == []
    bench.answer()
    assert sale.names(bench) == ["AdvanceNoticeRegistered", "RegistrationClosed"]
    bench.hear(loan.lending_ended(), BANK)
    assert ended(bench).certificates == certificates(bench)


def test_X_3_notices_end_when_a_lender_has_sent_nothing():
    bench = sale.closed()
    bench.later(days=1)
    bench.hear(loan.lending_ended(), BANK)
    said = ended(bench)
    assert (said.certificates, said.entry_number) == (certificates(bench), 6)
    register = home.register(bench)
    assert register.notices == ()
    assert [(e.kind, e.about, e.case, e.at) for e in register.history[5:]] == [
        (EntryKind.NOTICE_ENDED, certificate, sale.CASE, bench.now) for certificate in said.certificates
    ]
    assert bench.rows("period") == []


def test_X_3_notices_wait_for_the_return_of_what_was_sent():
    bench = sale.closed()
    bench.hear(loan.disbursed(), BANK)
    bench.hear(loan.lending_ended(loan.LOAN_FEN), BANK)
    assert not bench.said(AdvanceNoticeEnded)
    bench.hear(loan.loan_returned(), BANK)
    assert ended(bench)


@pytest.mark.parametrize("last", [BANK, FUND])
def test_X_3_notices_wait_for_every_lender_that_has_one(last: tuple[Role, str]):
    bench = sale.closed(None, TOGETHER)
    for lender in sorted(TOGETHER, key=lambda lender: lender == last):
        assert not bench.said(AdvanceNoticeEnded)
        bench.hear(loan.lending_ended(), lender)
    assert ended(bench)


def test_X_3_lender_without_a_notice_is_not_waited_for():
    bench = sale.with_folio()
    bench.hear(sale.opened(TOGETHER), sale.NOTARY)
    bench.hear(loan.rejected(), FUND)
    for event, by in ((loan.certified(), sale.NOTARY), (sale.approved(), BANK), (lc.consent(), sale.SELLERS_BANK)):
        bench.hear(event, by)
    sale.all_applied(bench)
    sale.approve(bench)
    bench.hear(home.closing(), sale.NOTARY)
    bench.hear(loan.lending_ended(), BANK)
    assert ended(bench)
    bench.hear(loan.lending_ended(), FUND)
    assert not bench.rows("incident")


def test_X_3_case_closed_before_the_notices_has_none_to_end():
    bench = sale.all_applied(sale.agreed())
    bench.hear(home.closing(), sale.NOTARY)
    bench.hear(loan.lending_ended(), BANK)
    assert sale.names(bench) == ["RegistrationClosed"]
    assert bench.refusal(sale.approve(bench)).title == "registration is closed"


def test_X_3_case_that_is_cancelled_in_order_leaves_the_folio_free():
    bench = sale.closed()
    bench.hear(loan.lending_ended(), BANK)
    bench.hear(home.cancelled(), sale.NOTARY)
    register = home.register(bench)
    assert (register.reserved_for, register.notices) == ("", ())
    assert not bench.rows("incident") and not bench.rows("period") and not bench.rows("wait")
    bench.hear(sale.opened({}), sale.NOTARY, case=home.SECOND)
    assert bench.said(FolioReserved, case=home.SECOND)


def test_X_3_cancelling_a_case_whose_notices_stand_is_an_incident_and_they_still_end():
    bench = sale.closed()
    bench.hear(home.cancelled(), sale.NOTARY)
    (found,) = bench.file(Alarm)
    assert certificates(bench)[0] in found.fact.what
    bench.hear(loan.lending_ended(), BANK)
    assert ended(bench)


# --- the period of the law ----------------------------------------------------------------------------------


def test_X_3_laws_period_runs_from_the_entry_of_the_notices_though_no_case_pins_it():
    bench = sale.all_applied(sale.agreed())
    bench.later(hours=3)
    sale.approve(bench)
    (started,) = bench.file(PeriodStarted)
    period = started.fact.period
    assert started.fact.start == bench.now
    assert (period.name, period.days, period.count, period.source) == ("advance-notice", 90, Days.CALENDAR, Source.LAW)
    assert period.clause == "Civil Code 221"
    assert [row.id for row in bench.rows("period")] == [started.id]


def test_X_3_notices_lapse_when_nobody_has_applied():
    bench = sale.paid()
    bench.later(days=92)
    sale.period_passed(bench)
    (said,) = lapsed(bench)
    assert (said.certificates, said.entry_number, said.lapsed_on) == (certificates(bench), 6, date(2027, 2, 22))
    register = home.register(bench)
    assert register.notices == ()
    assert [e.kind for e in register.history[5:]] == [EntryKind.NOTICE_LAPSED] * 2
    assert not bench.said(DeadlineMissed)
    assert not bench.said(OwnershipEntered)


def test_X_3_no_entry_after_the_notices_have_lapsed():
    bench = sale.paid()
    bench.later(days=92)
    sale.period_passed(bench)
    sale.all_applied(bench, ALONE, REGISTRATION)
    assert sale.waits(bench) == []
    assert bench.refusal(sale.approve(bench, REGISTRATION)).title == "notices have lapsed"
    assert bench.refusal(bench.own(sale.counter(REGISTRATION))).title == "notices have lapsed"
    bench.hear(home.closing(), sale.NOTARY)
    bench.hear(loan.lending_ended(loan.LOAN_FEN), BANK)
    bench.hear(loan.loan_returned(), BANK)
    assert sale.names(bench) == ["AdvanceNoticeRegistered", "AdvanceNoticeLapsed", "RegistrationClosed"]


@pytest.mark.parametrize("by_the_people", [False, True])
def test_X_3_application_in_time_keeps_the_notices_also_when_it_is_given_back(by_the_people: bool):
    bench = sale.paid()
    bench.later(days=90)  # the last day
    bench.own(sale.counter(REGISTRATION)) if by_the_people else bench.hear(sale.applied(REGISTRATION), sale.NOTARY)
    assert [e.fact.name for e in bench.file(PeriodEnded)] == ["advance-notice"]
    assert not [row for row in bench.rows("period") if row.data["period"]["name"] == "advance-notice"]
    sale.lenders_applied(bench, ALONE, REGISTRATION)
    about = sale.COUNTER if by_the_people else sale.number(REGISTRATION)
    bench.later(days=10)
    bench.own(sale.decided(Decision.RETURN, about))
    sale.period_passed(bench)
    assert lapsed(bench) == []
    sale.all_applied(bench, ALONE, REGISTRATION, 2)
    sale.approve(bench, REGISTRATION, 2)
    assert sale.transfer(bench)


def test_X_3_application_after_the_last_day_does_not_keep_the_notices_though_the_clock_is_late():
    bench = sale.paid()
    bench.later(days=91)
    sale.all_applied(bench, ALONE, REGISTRATION)
    refused = bench.refusal(sale.approve(bench, REGISTRATION))
    assert (refused.title, refused.clause) == ("notices may have lapsed", "X-3, Civil Code 221")
    sale.period_passed(bench)
    assert len(lapsed(bench)) == 1
    assert not bench.said(OwnershipEntered)


def test_X_3_application_on_the_day_to_which_the_law_moves_the_last_one_is_in_time():
    bench = sale.paid()
    bench.later(days=91)  # a Monday: the ninetieth day is a Sunday
    sale.all_applied(bench, ALONE, REGISTRATION)
    assert bench.refusal(sale.approve(bench, REGISTRATION)).title == "notices may have lapsed"
    sale.period_passed(bench, LATER)
    assert lapsed(bench) == []
    sale.approve(bench, REGISTRATION)
    assert sale.transfer(bench)


def test_X_3_period_runs_on_in_a_case_that_is_called_off_and_the_notices_lapse():
    bench = sale.closed()
    assert bench.subject().file(sale.CASE).phase is Phase.CLOSING
    assert [row.data["period"]["name"] for row in bench.rows("period")] == ["advance-notice"]
    bench.later(days=92)
    sale.period_passed(bench)
    assert len(lapsed(bench)) == 1
    bench.hear(loan.lending_ended(), BANK)
    assert not bench.said(AdvanceNoticeEnded)


def test_X_3_notices_that_have_ended_do_not_lapse():
    bench = sale.closed()
    bench.hear(loan.lending_ended(), BANK)
    sale.period_passed(bench)
    assert lapsed(bench) == []


def test_X_3_period_of_the_registry_is_not_that_of_the_notices():
    bench = sale.ready(periods=(home.PERIOD,))
    bench.later(days=92)
    sale.period_passed(bench)
    assert not bench.said(DeadlineMissed)
    assert [row.data["period"]["name"] for row in bench.rows("period")] == ["registration"]


def test_X_3_asked_twice_the_registry_closes_once():
    bench = sale.noticed()
    for _ in range(2):
        bench.hear(home.closing(), sale.NOTARY)
    assert len(bench.said(RegistrationClosed)) == 1


def test_X_4_an_imported_notice_of_the_lender_is_no_objection():
    notice = Notice(kind=NoticeKind.MORTGAGE, certificate=home.THIRD_MORTGAGE, in_favour_of=BANK[1], since=home.DAY)
    bench = sale.entered(sale.with_folio(notices=(notice,)))
    assert [n.certificate for n in home.register(bench).notices] == [home.THIRD_MORTGAGE]
