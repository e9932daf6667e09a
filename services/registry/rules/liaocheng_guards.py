"""What a clerk's command may not do in Liaocheng, in both modes of sale. GUARDS has the order of asking; what belongs
to a sale with a loan alone is in `liaocheng_loan_guards.py`."""

from contracts.events.escrow import DepositConfirmed
from contracts.events.registry import RegistrationRefused, Stage
from contracts.events.seller_bank import ConsentIssued
from contracts.values import Person, require_whole
from services.registry.applications import Application, Applications, Financing, JointApplications
from services.registry.facts import Decision, RegistrationDecided, TransferAppliedFor
from services.registry.materials import has_stage, missing, missing_at_the_counter
from services.registry.rules import register as standing
from services.registry.views import NoEntryAnyMore, PriceHeld, Terms
from services.runtime.core.file import Refusal
from services.runtime.core.rule import All, Guard

# --- at the counter -----------------------------------------------------------------------------------------


def take_no_application_after_the_end(_: TransferAppliedFor, over: NoEntryAnyMore | None) -> Refusal | None:
    """X-3: a case in which nothing can be entered takes no application."""
    return Refusal(over.title, over.detail, over.clause) if over is not None else None


def take_one_application_at_a_time(_: TransferAppliedFor, applications: Applications | None) -> Refusal | None:
    """LC-F3: one application, by the notary or by the people; the one that waits is decided first."""
    waiting = applications.undecided if applications is not None else ()
    if waiting:
        return Refusal("already applied", f"application {waiting[0].number} waits for its decision", "LC-F3")
    return None


def take_no_application_that_the_procedure_has_not(command: TransferAppliedFor, terms: Terms | None) -> Refusal | None:
    """LC-R1 规范登记流程及所需材料: only a sale with a loan has an advance notice."""
    if terms is None or has_stage(terms.opened.procedure, command.stage):
        return None
    return Refusal("no such application", f"{terms.opened.procedure} has no {command.stage.value}", "LC-R1", status=422)


def take_no_application_without_its_materials(
    command: TransferAppliedFor, terms: Terms | None, financing: Financing | None
) -> Refusal | None:
    """LC-F3 买卖双方持买卖协议（合同）、卖方贷款银行出具的同意“带押过户”意见书…
    LC-R1: all that is missing is named at once."""
    if terms is None:
        return None
    lenders = tuple(lender for lender, _ in financing.live) if financing is not None else ()
    lacking = missing_at_the_counter(terms.opened.procedure, command.stage, command.materials, lenders)
    if not lacking:
        return None
    clauses = ", ".join(dict.fromkeys(needed.clause for needed in lacking))
    detail = "、".join(needed.material.value for needed in lacking)
    return Refusal("materials are missing", detail, f"{clauses}, LC-R1", status=422)


def take_the_application_of_both_sides(command: TransferAppliedFor, terms: Terms | None) -> Refusal | None:
    """条例 14 因买卖…申请不动产登记的，应当由当事人双方共同申请。"""
    if terms is None:
        return None
    wrong = _differs(command.sellers, command.buyers, command.contract_number, terms)
    return Refusal("not the case's sale", wrong, "LC-F3, 条例 14", status=422) if wrong else None


# --- the decision -------------------------------------------------------------------------------------------


def decide_nothing_after_the_end(_: RegistrationDecided, over: NoEntryAnyMore | None) -> Refusal | None:
    """X-3, X-4: after the entry, the closing, the end, or on a folio that was refused, nothing is decided."""
    return Refusal(over.title, over.detail, over.clause) if over is not None else None


def decide_an_application_on_file(command: RegistrationDecided, applications: Applications | None) -> Refusal | None:
    """LC-F3: what is decided was applied for."""
    if the_application(command, applications) is None:
        detail = f"there is no application {command.application} in this case"
        return Refusal("unknown application", detail, "LC-F3", status=404)
    return None


def decide_an_application_once(command: RegistrationDecided, applications: Applications | None) -> Refusal | None:
    """X-3: what was given back is applied for anew, under a new number."""
    if applications is not None and command.application in applications.decided:
        return Refusal("already decided", f"application {command.application} is decided", "X-3")
    return None


def give_reasons(command: RegistrationDecided) -> Refusal | None:
    """X-4 …refused, with the reason. An approval has none."""
    approved = command.decision is Decision.APPROVE
    if approved == bool(command.reasons):
        detail = "an approval names no reasons" if approved else f"to {command.decision.value} needs its reasons"
        return Refusal("reasons", detail, "X-3, X-4", status=422)
    return None


def approve_no_entry_before_the_deposit(
    command: RegistrationDecided, applications: Applications | None, held: PriceHeld | None
) -> Refusal | None:
    """X-2: no transfer entry before the deposits that the procedure names are confirmed.

    LC-F1 将购房款提交至公证机构提存账户，由公证机构出具购房款到账提存公证书。
    LC-L5 将买方贷款资金转至公证机构提存账户，由公证机构出具贷款资金到账提存公证书: down payment and every loan,
    also the one for which the application need not wait (LC-R3). Also when people apply themselves.
    """
    application = the_application(command, applications)
    if command.decision is not Decision.APPROVE or application is None or application.stage is not Stage.REGISTRATION:
        return None
    if held is None:
        detail = "no transfer entry before the deposits that the procedure names are confirmed: the whole price"
        return Refusal("price is not held", detail, "X-2, LC-F1, LC-L5")
    return None


def approve_nothing_before_the_consent(command: RegistrationDecided, consent: ConsentIssued | None) -> Refusal | None:
    """LC-F2 由卖方贷款银行出具同意“带押过户”意见书。
    LC-L4 通知卖方贷款银行出具同意“带押过户”意见书。"""
    if command.decision is Decision.APPROVE and consent is None:
        return Refusal("no consent", "the seller's bank has not issued its opinion of consent", "LC-F2, LC-L4")
    return None


def approve_nothing_after_a_refusal(
    command: RegistrationDecided, refused: RegistrationRefused | None
) -> Refusal | None:
    """X-3: a refusal for good is the end of the sale: its keeper calls it off and must not be overtaken."""
    if command.decision is Decision.APPROVE and refused is not None:
        return Refusal("refused for good", f"application {refused.application} was refused for good", "X-3")
    return None


def approve_nothing_without_its_materials(
    command: RegistrationDecided,
    joint: JointApplications | None,
    terms: Terms | None,
    deposits: All[DepositConfirmed],
) -> Refusal | None:
    """LC-R1 规范登记流程及所需材料: also of an electronic application, read off its fields; all that is missing of all
    its parts is named at once, so that it can be given back and mended in one round."""
    of_it = joint.led_by(command.application) if joint is not None else None
    if command.decision is not Decision.APPROVE or of_it is None or terms is None:
        return None
    by_number = {d.fact.certificate.number: d.fact for d in deposits}
    lacking = missing(terms.opened.procedure, of_it, by_number)
    if not lacking:
        return None
    detail = "、".join(f"{number}: {needed.material.value} ({needed.clause})" for number, needed in lacking)
    return Refusal("materials are missing", detail, "LC-R1")


def approve_what_the_case_says(
    command: RegistrationDecided,
    applications: Applications | None,
    terms: Terms | None,
    consent: ConsentIssued | None,
) -> Refusal | None:
    """LC-F3, 条例 14: the application is that of all sellers and buyers, for the case's contract, on the
    consent that was issued; 民法典 298: the buyers' shares make one whole."""
    application = the_application(command, applications)
    if command.decision is not Decision.APPROVE or application is None or terms is None:
        return None
    wrong = _differs(application.sellers, application.buyers, application.contract_number, terms)
    if not has_stage(terms.opened.procedure, application.stage):
        wrong = f"{terms.opened.procedure} has no {application.stage.value}"
    if not wrong and consent is not None and application.consent not in (None, consent.opinion.number):
        wrong = f"it names consent {application.consent}, issued was {consent.opinion.number}"
    if not wrong:
        wrong = _not_whole(terms)
    return Refusal("application differs from the case", wrong, "LC-F3, 条例 14") if wrong else None


def the_application(command: RegistrationDecided, applications: Applications | None) -> Application | None:
    """The application that a decision is about."""
    return applications.named(command.application) if applications is not None else None


def _differs(sellers: tuple[Person, ...], buyers: tuple[Person, ...], contract: str, terms: Terms) -> str:
    """In what an application is not the sale that the case was opened for; no names, for clerks' lists are
    read."""
    opened = terms.opened
    if contract != opened.contract_number:
        return f"it is for contract {contract}, the case for {opened.contract_number}"
    if {p.id_number for p in sellers} != {p.person.id_number for p in opened.sellers}:
        return "its sellers are not those of the case"
    if {p.id_number for p in buyers} != {p.person.id_number for p in opened.buyers or ()}:
        return "its buyers are not those of the case"
    return ""


def _not_whole(terms: Terms) -> str:
    try:
        require_whole(buyer.share for buyer in terms.opened.buyers or ())
    except ValueError as error:
        return f"of the buyers: {error}"
    return ""


GUARDS = (
    *standing.GUARDS,
    Guard(take_no_application_after_the_end),
    Guard(take_one_application_at_a_time),
    Guard(take_no_application_that_the_procedure_has_not),
    Guard(take_no_application_without_its_materials),
    Guard(take_the_application_of_both_sides),
    Guard(decide_nothing_after_the_end),
    Guard(decide_an_application_on_file),
    Guard(decide_an_application_once),
    Guard(give_reasons),
    Guard(approve_no_entry_before_the_deposit),
    Guard(approve_nothing_before_the_consent),
    Guard(approve_nothing_after_a_refusal),
    Guard(approve_nothing_without_its_materials),
    Guard(approve_what_the_case_says),
)
