"""The versioned list of adverse-action reasons: code, what a borrower is told, and what the borrower can do.

A reason in `gold/predictions` is a few words; here is the code of those words and the text of a notice. A list is never
changed: another wording is another version. Texts are our own; `form` names the nearest entry of Regulation B's sample
form C-1, which a lender in the United States may use in its place.

Source:
    12 CFR Part 1002 (Regulation B), 1002.9(b)(2) and Appendix C, form C-1; its commentary holds more than four reasons
    to be no help.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Literal

from p2pcredit.contracts.feature import OWN_PREFIX, Feature
from p2pcredit.contracts.features import FEATURES

MOST_REASONS = 4
VERSION = 1
"""Of the list that is in use."""


@dataclass(frozen=True, slots=True)
class AdverseReason:
    """One reason.

    Args:
        code: Its code, the same for as long as its sense is the same.
        reason: The few words that stand in `gold/predictions`.
        text: What the borrower is told.
        advice: What the borrower can do.
        form: The nearest entry of form C-1.
        where: On which side of what is usual the advice helps; elsewhere a borrower is told to check the report. Empty
            where it helps on either side, or where by the feature's contract only one side counts against.
    """

    code: str
    reason: str
    text: str
    advice: str
    form: str
    where: Literal["", "above", "below"] = ""

    def advice_for(self, value: float | str | None, usual: float | str | None) -> str:
        """Return the advice to a borrower with this value of the feature; `None` where there is nothing to compare.

        Examples:
            >>> adverse_reason("Balance on revolving credit").advice_for(900.0, 1200.0) == ORDER_REPORT
            True
        """
        if not self.where or not isinstance(value, (int, float)) or not isinstance(usual, (int, float)):
            return self.advice
        return self.advice if (value > usual) == (self.where == "above") and value != usual else ORDER_REPORT

    def as_json(self) -> dict[str, str]:
        """Return it as plain JSON values."""
        return asdict(self)


_MISSING = "No information on "
_OTHER = "Other"
_AMOUNT = "Income insufficient for amount of credit requested"
_DEBTS = "Excessive obligations in relation to income"
_THIN = "Limited credit experience"
_LATE = "Delinquent past or present credit obligations with others"
_SEARCHES = "Number of recent inquiries on credit bureau report"
ORDER_REPORT = "Ask the credit bureau for your report, and have it corrected where it is wrong."
_TOPICS = ("cards", "rates", "record", "business", "trouble", "pleading", "thanks")
_PAY_CARDS = "Pay card balances down before you apply again; what is reported falls with the next statements."

_LIST_1: tuple[AdverseReason, ...] = (
    AdverseReason(
        "A1",
        "Amount requested is high",
        "The amount that you asked for is high.",
        "Ask for a smaller amount.",
        _AMOUNT,
    ),
    AdverseReason(
        "A2",
        "Term of the loan is long",
        "The term that you asked for is long.",
        "Ask for a shorter term, if you can carry its payment.",
        _OTHER,
    ),
    AdverseReason(
        "A3",
        "Amount requested is high for the income",
        "The amount that you asked for is high for the income that you stated.",
        "Ask for a smaller amount, or state all income that you can show.",
        _AMOUNT,
    ),
    AdverseReason(
        "A4",
        "Payment would be high for the income",
        "The payments of this loan would take a large part of the income that you stated.",
        "Ask for a smaller amount, or for a longer term.",
        _AMOUNT,
    ),
    AdverseReason(
        "A5",
        "Amount requested is high against other credit lines",
        "The amount that you asked for is high beside the limits of the credit that you have.",
        "Ask for a smaller amount.",
        _OTHER,
    ),
    AdverseReason(
        "I1",
        "Income is low",
        "The income that you stated is low.",
        "State all income that you can show, such as that of a second job or a pension.",
        _AMOUNT,
    ),
    AdverseReason(
        "I2",
        "Debt payments are high for the income",
        "The payments on your debts take a large part of your income.",
        "Pay a debt off, or down, before you apply again.",
        _DEBTS,
    ),
    AdverseReason(
        "I3",
        "Debt payments with this loan are high for the income",
        "The payments on your debts and on this loan together would take a large part of your income.",
        "Ask for a smaller amount, or pay a debt off before you apply again.",
        _DEBTS,
    ),
    AdverseReason(
        "I4",
        "Revolving balance is high for the income",
        "What you owe on cards and other credit lines is high for your income.",
        _PAY_CARDS,
        _DEBTS,
    ),
    AdverseReason(
        "I5",
        "Verification of the income",
        "Whether and how your income was verified counted against the application.",
        "Send papers that show your income, such as pay slips or a tax return.",
        "Unable to verify income",
    ),
    AdverseReason(
        "E1",
        "Time in employment",
        "How long you have been employed counted against the application.",
        "State the whole time with your employer; apply again when you have been there longer.",
        "Length of employment",
        where="below",
    ),
    AdverseReason(
        "E2",
        "Housing situation",
        "Whether you rent, own or have a mortgage counted against the application.",
        "See that what you stated on your housing is right.",
        _OTHER,
    ),
    AdverseReason(
        "E3",
        "Purpose of the loan",
        "The purpose that you chose for the loan is one for which loans are repaid less often.",
        "See that the purpose you chose is the right one of the list.",
        _OTHER,
    ),
    AdverseReason(
        "E4",
        "Type of the application",
        "Whether you applied alone or with another person counted against the application.",
        "Apply with another person who would owe the debt with you, or alone where you applied together.",
        _OTHER,
    ),
    AdverseReason(
        "E5",
        "Region",
        "The state or region that you live in counted against the application.",
        "See that the address you stated is right.",
        _OTHER,
    ),
    AdverseReason(
        "H1",
        "Credit history is short",
        "Your credit history is short.",
        "Keep your oldest account open; the history grows with time.",
        _THIN,
    ),
    AdverseReason(
        "H2",
        "Bureau score is low",
        "The credit score that the credit bureau gave you is low.",
        f"{ORDER_REPORT} Payments on time and low card balances raise it.",
        _OTHER,
    ),
    AdverseReason(
        "H3",
        "Number of open credit lines",
        "The number of your open credit lines counted against the application.",
        ORDER_REPORT,
        _OTHER,
    ),
    AdverseReason(
        "H4",
        "Number of credit lines ever held",
        "The number of credit lines that you ever had counted against the application.",
        ORDER_REPORT,
        _THIN,
    ),
    AdverseReason(
        "H5",
        "Many accounts opened recently",
        "You opened many accounts in the last two years.",
        "Open no further account for some months before you apply again.",
        _OTHER,
    ),
    AdverseReason(
        "H6",
        "No or few mortgage accounts",
        "Your credit report shows no mortgage, or few.",
        ORDER_REPORT,
        _THIN,
    ),
    AdverseReason(
        "H7",
        "An account opened not long ago",
        "You opened an account not long ago.",
        "Open no further account for some months before you apply again.",
        _OTHER,
    ),
    AdverseReason(
        "H8",
        "Balances of all accounts",
        "The sum of all your balances counted against the application.",
        ORDER_REPORT,
        _OTHER,
    ),
    AdverseReason(
        "H9",
        "Mean balance of the accounts",
        "The mean balance of your accounts counted against the application.",
        ORDER_REPORT,
        _OTHER,
    ),
    AdverseReason(
        "U1",
        "Balance on revolving credit",
        "What you owe on cards and other credit lines counted against the application.",
        _PAY_CARDS,
        _OTHER,
        where="above",
    ),
    AdverseReason(
        "U2",
        "Revolving credit is heavily used",
        "You use a large part of the limits of your cards and other credit lines.",
        _PAY_CARDS,
        _OTHER,
    ),
    AdverseReason(
        "U3",
        "Limits on revolving credit are low",
        "The limits of your cards and other credit lines are low.",
        "Ask your bank for a higher limit, and leave it unused.",
        _THIN,
    ),
    AdverseReason(
        "U4",
        "Bank cards are heavily used",
        "You use a large part of the limits of your bank cards.",
        _PAY_CARDS,
        _OTHER,
    ),
    AdverseReason(
        "U5",
        "Little unused limit on bank cards",
        "Little of the limits of your bank cards is unused.",
        _PAY_CARDS,
        _OTHER,
    ),
    AdverseReason(
        "U6",
        "Bank cards are nearly full",
        "Many of your bank cards are used above three quarters of their limit.",
        "Pay down those cards first that are nearest to their limit.",
        _OTHER,
    ),
    AdverseReason(
        "D1",
        "Recent delinquencies",
        "Your credit report shows payments 30 days late or more in the last two years.",
        "Pay on time from now on; what is older than two years no longer counts here.",
        _LATE,
    ),
    AdverseReason(
        "D2",
        "A delinquency not long ago",
        "Your credit report shows a late payment not long ago.",
        "Pay on time from now on; the longer ago it is, the less it counts.",
        _LATE,
    ),
    AdverseReason(
        "D3",
        "A serious delinquency not long ago",
        "Your credit report shows an account 90 days late or more, not long ago.",
        "Pay on time from now on; the longer ago it is, the less it counts.",
        _LATE,
    ),
    AdverseReason(
        "D4",
        "Serious delinquencies",
        "Your credit report shows accounts that were 120 days late or more.",
        ORDER_REPORT,
        _LATE,
    ),
    AdverseReason(
        "D5",
        "Accounts that were paid late",
        "Of your accounts, many were paid late at some time.",
        "Pay on time from now on; with each account that is, the share falls.",
        _LATE,
    ),
    AdverseReason(
        "D6",
        "Debts sent to collection",
        "Your credit report shows debts that were sent to collection in the last twelve months.",
        "Settle them with the collector, and ask for it in writing.",
        "Collection action or judgment",
    ),
    AdverseReason(
        "D7",
        "Amounts owed to collectors",
        "What you owed to collection agencies counted against the application.",
        "Settle what is open with the collector, and ask for it in writing.",
        "Collection action or judgment",
        where="above",
    ),
    AdverseReason(
        "P1",
        "A public record not long ago",
        "Your credit report shows a public record, such as a judgment, not long ago.",
        "The longer ago it is, the less it counts. Have it corrected where it is not yours.",
        "Collection action or judgment",
    ),
    AdverseReason(
        "P2",
        "Derogatory public records",
        "Your credit report shows public records of unpaid debts.",
        "Have records corrected that are settled or not yours.",
        "Collection action or judgment",
    ),
    AdverseReason(
        "P3",
        "Bankruptcy on record",
        "Your credit report shows a bankruptcy.",
        "Have it corrected where it is not yours, or older than the law lets a report show.",
        "Bankruptcy",
    ),
    AdverseReason(
        "P4",
        "Tax liens on record",
        "Your credit report shows a tax lien.",
        "Settle it, and have its release recorded.",
        "Garnishment or attachment",
    ),
    AdverseReason(
        "Q1",
        "Many recent credit inquiries",
        "Others asked for your credit report many times in the last six months.",
        "Apply for no other credit for some months before you apply again.",
        _SEARCHES,
    ),
    AdverseReason(
        "Q2",
        "Many credit inquiries in a year",
        "Others asked for your credit report many times in the last twelve months.",
        "Apply for no other credit for some months before you apply again.",
        _SEARCHES,
    ),
    AdverseReason(
        "Q3",
        "A credit inquiry not long ago",
        "Another lender asked for your credit report not long ago.",
        "Apply for no other credit for some months before you apply again.",
        _SEARCHES,
    ),
    AdverseReason(
        "X1",
        "Interest rate is high",
        "The interest rate that was set for your loan is high.",
        "Ask why the rate was set so.",
        _OTHER,
    ),
    AdverseReason(
        "X2",
        "Payment is high for the income",
        "The payment that was set for your loan is high for the income that you stated.",
        "Ask for a smaller amount, or for a longer term.",
        _AMOUNT,
    ),
    AdverseReason(
        "X3",
        "Platform's grade",
        "The grade that the platform gave your application counted against it.",
        "Ask the platform for the reasons of its grade.",
        _OTHER,
    ),
    AdverseReason(
        "X4",
        "Platform's sub-grade",
        "The finer grade that the platform gave your application counted against it.",
        "Ask the platform for the reasons of its grade.",
        _OTHER,
    ),
    *(
        AdverseReason(code, reason, text, "See that what you wrote is complete.", _OTHER)
        for code, reason, text in (
            ("W1", "Borrower's description of the loan", "The length of your description of the loan counted."),
            ("W2", "Words of the description of the loan", "The number of words of your description counted."),
            ("W3", "Capitals in the description of the loan", "Capital letters in your description counted."),
            ("W4", "No description of the loan", "You wrote no description of the loan."),
            ("W5", "Borrower's title of the loan", "The length of the title that you gave the loan counted."),
            ("W6", "Capitals in the title of the loan", "Capital letters in the title that you gave the loan counted."),
            ("W7", "Employer as stated", "Whether you named an employer or a job counted."),
            ("W8", "Length of the employer's name", "The length of what you wrote as your employer counted."),
            *(
                (
                    f"W{place}",
                    f"Wording of the borrower's text ({topic})",
                    f"Words in your text on this topic counted: {topic}.",
                )
                for place, topic in enumerate(_TOPICS, 10)
            ),
        )
    ),
    AdverseReason(
        "N1",
        _MISSING,
        "Your application does not say: {what}.",
        "Apply again with it filled in.",
        "Credit application incomplete",
    ),
    AdverseReason("N2", _MISSING, "Your credit report does not show: {what}.", ORDER_REPORT, "No credit file"),
    AdverseReason("N3", _MISSING, "The platform did not give: {what}.", "Ask the platform for it.", _OTHER),
)

REASON_LISTS: dict[int, tuple[AdverseReason, ...]] = {1: _LIST_1}
"""Version -> its reasons."""

OTHER_CODE = "Z1"
"""Of words that are in no list: those of a feature of another version or package."""


OWN_CODE = "Y-"
"""What the code of a lender's own column begins with."""

_ASK = "Ask us what it rests on."
_OF_SOURCE = {"the borrower": "N1", "the credit bureau": "N2", "the platform": "N3"}
_IN_WORDS = {"fico": "FICO score"}


def adverse_reason(reason: str, version: int = VERSION, own: Collection[Feature] = ()) -> AdverseReason:
    """Look up the reason of these few words; words that are in no list are given as they stand, as `Z1`.

    Args:
        reason: As `gold/predictions` holds them.
        version: Of the list.
        own: The lender's own columns that the model knows: the code of one is `Y-` and its name.

    Examples:
        >>> adverse_reason("Income is low").code, adverse_reason("Shoes are small").text
        ('I1', 'Shoes are small.')
        >>> adverse_reason("No information on fico").text
        'Your credit report does not show: FICO score.'
    """
    listed = REASON_LISTS[version]
    found = next((one for one in listed if one.reason == reason and one.reason != _MISSING), None)
    if found is not None:
        return found
    declared = next((one for one in own if one.reason == reason), None)
    if declared is not None:
        text, advice = declared.text or f"{reason}.", declared.advice or _ASK
        return AdverseReason(f"{OWN_CODE}{declared.made_of[0].removeprefix(OWN_PREFIX)}", reason, text, advice, _OTHER)
    asked = (*FEATURES, *own)
    feature = next((one for one in asked if reason.startswith(_MISSING) and one.missing_reason == reason), None)
    if feature is None:
        return AdverseReason(OTHER_CODE, reason, f"{reason}.", _ASK, _OTHER)
    code = next(code for source, code in _OF_SOURCE.items() if feature.review.source.startswith(source))
    what = reason.removeprefix(_MISSING)
    missing = next(one for one in listed if one.code == code)
    return replace(missing, reason=reason, text=missing.text.format(what=_IN_WORDS.get(what, what)))


__all__ = ["MOST_REASONS", "OTHER_CODE", "OWN_CODE", "REASON_LISTS", "VERSION", "AdverseReason", "adverse_reason"]
