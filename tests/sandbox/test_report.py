"""What people see of a case with two loans: words under their clauses, each lender's way, the register at the end."""

import io
import re
from dataclasses import replace

from rich.console import Console

from contracts.event import Role
from contracts.events.case import ClosingRequested
from deploy.evidence import Evidence
from deploy.report import NAMES, Report
from deploy.witness import Spoken
from tests.sandbox.test_evidence import agreed, agreed_loans, spoken
from tests.support import loan


def reported(evidence: Evidence, *parts: str) -> str:
    """These parts of the report."""
    output = io.StringIO()
    console = Console(file=output, highlight=False, width=300)
    report = Report(console, evidence.procedure)
    for part in parts:
        getattr(report, part)(evidence.spoken if part == "timeline" else evidence)
    return output.getvalue()


def clauses(evidence: Evidence) -> list[tuple[str, str]]:
    """Each word of the timeline with its clause."""
    lines = re.findall(
        r"^\d+ +\S+ +\S+ s +.*? +([a-z]+(?:-[a-z]+)+) +\S+ +(\S+) ", reported(evidence, "timeline"), re.M
    )
    return [(event, clause) for event, clause in lines]


def test_a_word_that_a_procedure_has_twice_stands_under_its_own_clause() -> None:
    found = clauses(agreed_loans())
    assert [clause for event, clause in found if event == "deposit-confirmed"] == ["LC-L1", "LC-L5", "LC-L5"]
    assert [clause for event, clause in found if event == "transfer-application-made"] == ["LC-L4", "LC-L5"]
    assert [clause for event, clause in found if event == "loan-disbursed"] == ["LC-L5", "LC-R3"]
    assert len(found) == len(agreed_loans().spoken)


def test_LC_L3_calling_off_after_a_lenders_no_stands_under_its_clause() -> None:
    asked = ClosingRequested(because="rejected", clause="LC-L3")
    off = spoken((Role.ESCROW, loan.opened()), (Role.BUYER_BANK, loan.rejected()), (Role.ESCROW, asked))
    withdrawn = spoken((Role.ESCROW, loan.opened()), (Role.ESCROW, asked))
    assert [clauses(replace(agreed_loans(), spoken=words))[-1] for words in (off, withdrawn)] == [
        ("closing-requested", "LC-L3"),
        ("closing-requested", "X-3"),
    ]


def test_only_who_has_a_part_is_said_to_hear() -> None:
    without, with_lenders = (reported(one, "timeline") for one in (agreed(), agreed_loans()))
    for lender in (NAMES[Role.BUYER_BANK], NAMES[Role.FUND_CENTER]):
        assert lender not in without and lender in with_lenders


def test_LC_L5_each_loan_is_shown_with_its_notice_its_payment_and_its_mortgage() -> None:
    text = reported(agreed_loans(), "loans")
    for lender, rank in ((loan.LENDER, 2), (loan.FUND, 3)):
        [line] = [line for line in text.splitlines() if line.startswith(lender[1])]
        assert loan.NOTICES[lender].number in line and str(loan.VALID_UNTIL) in line
        assert loan.NEW_MORTGAGES[lender].number in line and line.split()[-1] == str(rank)
    assert reported(agreed(), "loans") == ""


def test_LC_L6_register_and_statements_show_ranks_notices_and_each_certificate() -> None:
    evidence = agreed_loans()
    text = reported(evidence, "register", "statements")
    for rank, certificate, lender in evidence.register.mortgages:
        assert f"mortgage  rank {rank}: {certificate}, {lender}" in text
    assert "notice    none" in text and "¥480,000.00  down payment" in text
    assert text.count("loan of liaocheng-") == 2 and "owed: ¥612,345.67 principal" in text
    left = replace(evidence, register=replace(evidence.register, notices=("a notice",)))
    assert "notice    a notice" in reported(left, "register")


def test_a_lender_that_has_not_paid_is_shown_so() -> None:
    words: tuple[Spoken, ...] = agreed_loans().spoken[:8]
    text = reported(replace(agreed_loans(), spoken=words), "loans")
    assert text.count("none") == 8
