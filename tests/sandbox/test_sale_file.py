"""A sale as one file: read whole, its days counted from today in China, what is wrong told in one line."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from contracts.event import Role
from contracts.procedures import PROCEDURES
from deploy.city import load_city
from deploy.demo import EXAMPLES
from deploy.stack import CHECKOUT
from services.fund_center.facts import BorrowerExamined, PoolStated
from services.sale_file import BadSaleFile, load_sale, with_days
from services.seller_bank.loan_terms import LoanTerms

EXAMPLE = CHECKOUT / "examples" / "liaocheng-full.yaml"
NOON = datetime(2026, 3, 20, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(("procedure", "path"), EXAMPLES.items(), ids=EXAMPLES)
def test_every_example_is_a_sale_whose_loan_has_terms_and_whose_buyers_pay_their_part(
    procedure: str, path: Path
) -> None:
    file = load_sale(path, NOON)
    assert file.sale.procedure == procedure and (procedure, file.sale.edition) in PROCEDURES
    assert LoanTerms.model_validate(file.loan.terms).principal_fen < file.sale.price_fen
    own_fen = file.sale.down_payment_fen or file.sale.price_fen
    assert sum(payment.amount_fen for payment in file.payments) == own_fen
    assert own_fen + sum(loan.amount_fen for loan in file.loans) == file.sale.price_fen
    accounts = {account.account: account.opening_fen for account in file.rail}
    assert all(accounts[payment.from_account] >= payment.amount_fen for payment in file.payments)
    assert {party.account for party in file.sale.sellers} <= accounts.keys()


def test_LC_L2_in_the_example_both_lenders_are_sought_later_and_the_fund_centre_has_all_it_needs() -> None:
    file = load_sale(EXAMPLES["LC-LOAN"], NOON)
    lenders = {loan.lender: loan.institution for loan in file.loans}
    assert lenders == {Role.BUYER_BANK: "liaocheng-ccb", Role.FUND_CENTER: "liaocheng-fund"}
    assert not lenders.keys() & file.sale.institutions.keys()
    assert file.institutions == {**file.sale.institutions, **lenders}
    loan = file.loan_at(Role.FUND_CENTER)
    assert loan is not None and file.loan_at(Role.SELLER_BANK) is None
    policy = load_city("liaocheng").institutions[-1].settings["lending_policy"]
    examined = BorrowerExamined.model_validate_json(
        json.dumps({"by_clerk": "审核员", "policy": policy, **loan.examination}), strict=True
    )
    assert {c.id_number for c in examined.contributors} == {p.id_number for p in loan.applicants}
    PoolStated.model_validate_json(json.dumps({"by_clerk": "审核员", "limit_ppm": 900_000, **file.pool}), strict=True)


def test_two_loans_of_one_kind_of_lender_are_refused(tmp_path: Path) -> None:
    raw = yaml.safe_load(EXAMPLES["LC-LOAN"].read_text(encoding="utf-8"))
    raw["loans"].append(raw["loans"][0])
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    with pytest.raises(BadSaleFile, match="at most one of each kind of lender"):
        load_sale(wrong, NOON)


def test_days_are_counted_back_from_today_in_china() -> None:
    late = datetime(2026, 3, 20, 16, 30, tzinfo=UTC)  # half past midnight of the 21st in China
    assert load_sale(EXAMPLE, NOON).sale.contract_date == date(2026, 3, 17)
    assert load_sale(EXAMPLE, late).sale.contract_date == date(2026, 3, 18)
    assert load_sale(EXAMPLE, NOON).loan.terms["interest_paid_through"] == "2026-02-28"


def test_days_may_stand_anywhere_and_other_dates_stay() -> None:
    value = {"a": [{"days_ago": 0}, {"days_ago": 31}], "b": date(2026, 1, 2), "c": 3, "d": "days_ago"}
    expected = {"a": ["2026-03-20", "2026-02-17"], "b": "2026-01-02", "c": 3, "d": "days_ago"}
    assert with_days(value, date(2026, 3, 20)) == expected


@pytest.mark.parametrize("days", [-1, "3", 1.5, True, 10**9, None])
def test_days_ago_takes_a_whole_number_of_days(days: object) -> None:
    with pytest.raises(BadSaleFile, match="days_ago"):
        with_days({"x": {"days_ago": days}}, date(2026, 3, 20))


def test_days_ago_stands_alone() -> None:
    with pytest.raises(BadSaleFile, match="stands alone"):
        with_days({"days_ago": 1, "also": 2}, date(2026, 3, 20))


def test_what_is_wrong_is_told_in_one_line_with_file_and_place(tmp_path: Path) -> None:
    raw = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    raw["sale"]["sellers"][0]["person"]["id_number"] = "371502197904180000"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    with pytest.raises(BadSaleFile) as failure:
        load_sale(wrong, NOON)
    told = str(failure.value)
    assert told.startswith(f"{wrong}: ") and ": people.seller.id_number: " in told
    assert "\n" not in told and "371502197904180000" not in told


@pytest.mark.parametrize("text", ["", "a: [", "sale: {}", "\tx"])
def test_what_is_no_sale_is_said_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "no-sale.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadSaleFile, match="no-sale"):
        load_sale(path, NOON)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadSaleFile, match="nothing"):
        load_sale(tmp_path / "nothing.yaml", NOON)
