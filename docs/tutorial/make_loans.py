"""Make `loans.csv`, the loan file of a lender that no platform profile knows: semicolons, decimal commas, own words.

Twenty months of three-year loans, with the status that each had on 11 September 2022. The same file every time.
"""

import csv
import random
from datetime import date, timedelta

READ_ON = date(2022, 9, 11)
FIRST = date(2021, 1, 4)
DAYS = 600
LOANS_A_DAY = 4
PURPOSES = ["Auto", "Umschuldung", "Renovierung", "Reise"]
HOMES = ["Miete", "Eigentum", "Hypothek"]


def euro(number: float) -> str:
    """Write a number as a German spreadsheet does.

    Examples:
        >>> euro(12345.5)
        '12.345,50'
    """
    return f"{number:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def main() -> None:
    """Write the file."""
    draw = random.Random(7)
    with open("loans.csv", "w", encoding="windows-1252", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(
            ["Vertrag", "Ausgezahlt", "Betrag", "Monate", "Zins", "Einkommen", "Wohnen", "Zweck", "Punkte", "Status",
             "Seit", "Tage im Verzug"]
        )  # fmt: skip
        for day in range(DAYS):
            paid_out = FIRST + timedelta(days=day)
            for place in range(LOANS_A_DAY):
                income = draw.lognormvariate(10.6, 0.4)
                amount = draw.uniform(0.05, 0.6) * income
                points = min(round(draw.gauss(650, 60)), 850)
                risk = 0.2 * 2 ** ((650 - points) / 90 + 3 * (amount / income - 0.3))
                status, since, late = "laufend", READ_ON, 0
                lost_on = paid_out + timedelta(days=draw.randint(120, 500))
                repaid_on = paid_out + timedelta(days=draw.randint(200, 1000))
                if draw.random() < risk and lost_on <= READ_ON:
                    status, since, late = "Ausfall", lost_on, 120
                elif repaid_on <= READ_ON and draw.random() < 0.4:
                    status, since = "bezahlt", repaid_on
                rows.writerow(
                    [f"K-{day:03}-{place}", f"{paid_out:%d.%m.%Y}", euro(amount), 36, euro(6 + 20 * risk),
                     euro(income), draw.choice(HOMES), draw.choice(PURPOSES),
                     points if draw.random() < 0.97 else "k.A.", status, f"{since:%d.%m.%Y}", late]
                )  # fmt: skip
    print(f"loans.csv: {DAYS * LOANS_A_DAY} loans")


if __name__ == "__main__":
    main()
