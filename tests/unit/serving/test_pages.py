"""The pages: each answers, says who may see it, escapes what it shows, and its tables sort, filter, page and export."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import polars as pl
import pytest
from pydantic import SecretStr
from tests.asked_server import TOKEN, AskedServer, asked_server
from tests.paged_home import DAY, EARLIER_WEEK, HOSTILE, HOSTILE_ID, SET_ASIDE, WAITS, WEEK

from p2pcredit.contracts.tables import EXPECTED_LOSSES, PREDICTIONS
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.portfolio.losses import measure_losses
from p2pcredit.serving.access import digest_of
from p2pcredit.serving.gate import CONTENT_POLICY
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
READER, SCORER = "reader-token", "scorer-token"


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[AskedServer]:
    settings = load_settings(home)
    tokens = (SecretStr(f"ada read {digest_of(READER)}"), SecretStr(f"desk score {digest_of(SCORER)}"))
    serving = settings.serving.model_copy(update={"tokens": tokens, "burst": 10_000})
    with asked_server(home, settings.model_copy(update={"serving": serving})) as asked:
        yield asked


def page(server: AskedServer, way: str, status: int = 200, token: str | None = TOKEN) -> httpx.Response:
    answer = server.ask("GET", way, token, headers=BROWSER)
    assert answer.status_code == status, answer.text
    return answer


def context_of(home: Path) -> JobContext:
    return JobContext(Layout(home), load_settings(home), "test", datetime(2021, 10, 12, 2, tzinfo=UTC))


def champion_of(home: Path) -> str:
    return next(one for one in ModelBank(Layout(home)).model_ids() if one != WAITS)


PAGES = (
    "/",
    "/weeks",
    f"/weeks/{WEEK}",
    "/weeks/diff",
    f"/weeks/diff?a={EARLIER_WEEK}&b={WEEK}",
    "/models",
    f"/models/{WAITS}",
    "/models/compare",
    "/models/fairness",
    f"/models/fairness?id={WAITS}",
    "/decisions",
    "/decisions/ledger",
    "/decisions/line?number=1",
    "/loans",
    f"/loans/one?id={quote(HOSTILE_ID, safe='')}",
    "/loans/one?id=HOSTILE",
    f"/loans/one?id={SET_ASIDE}",
    "/what-if",
    "/what-if?id=HOSTILE",
    "/data",
    "/data/table?name=gold.predictions",
    "/data/table?name=silver/quarantine&sort=-snapshot_date",
    f"/data/table?name=bronze.demographic&from={DAY}&to={DAY}",
    "/data/quarantine",
    "/data/drift",
    "/data/metric?name=auc&segment=all",
)
BOOK = ("/strategy", "/book", "/book/rolls", "/book/returns", "/book/losses", "/book/losses?stress=hazard:1.5")


class Outline(HTMLParser):
    """What a page is made of: how often each landmark stands in it, its ids, links, and fields without a label."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self._labels: set[str] = set()
        self._fields: list[str | None] = []
        self._depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.attributes += [(tag, name, value) for name, value in told.items()]
        if "id" in told:
            self.ids.append(told["id"])
        if tag == "a":
            self.links.append(told["href"])
        if tag == "label":
            self._depth += 1
            self._labels.add(told.get("for", ""))
        if tag in ("input", "select", "textarea") and told.get("type") != "hidden" and not self._depth:
            self._fields.append(told.get("id"))

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "label"

    @property
    def unlabelled(self) -> list[str | None]:
        return [field for field in self._fields if field not in self._labels]


@pytest.mark.parametrize("way", [*PAGES, *BOOK])
def test_a_page_has_its_landmarks_and_nothing_of_elsewhere(server: AskedServer, way: str) -> None:
    answer = page(server, way)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == CONTENT_POLICY
    outline = Outline(answer.text)
    assert {tag: outline.counts.get(tag) for tag in ("main", "h1", "title")} == {"main": 1, "h1": 1, "title": 1}
    assert outline.counts["nav"] >= 1
    assert (outline.counts["header"], outline.counts["script"]) >= (1, 1)
    assert 'lang="en"' in answer.text
    assert "#content" in outline.links
    assert answer.text.count('aria-current="page"') >= 1
    assert not outline.unlabelled
    assert len(outline.ids) == len(set(outline.ids))
    assert not [told for told in outline.attributes if told[1] == "style" or told[1].startswith("on")]
    leading = [value for tag, name, value in outline.attributes if name in ("href", "src", "action") and tag != "use"]
    assert all(value.startswith(("/", "?", "#")) and not value.startswith("//") for value in leading)


@pytest.mark.parametrize("way", PAGES)
def test_no_page_shows_a_value_as_markup(server: AskedServer, way: str) -> None:
    answer = page(server, way)
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text
    assert Outline(answer.text).counts["script"] == 1


def test_hostile_values_are_shown_as_they_are(server: AskedServer) -> None:
    shown = page(server, f"/data/table?name=bronze.demographic&from={DAY}&to={DAY}&rows=500").text
    assert html.escape(HOSTILE, quote=False) in html.unescape(shown).replace("<", "&lt;").replace(">", "&gt;")
    assert f"Loan {html.escape(HOSTILE_ID)}" in page(server, f"/loans/one?id={quote(HOSTILE_ID, safe='')}").text
    assert "&lt;script&gt;alert(1)" in page(server, "/what-if?id=HOSTILE").text
    assert "&lt;script&gt;alert(1)" in page(server, "/decisions").text
    assert "&lt;script&gt;alert(1)" in page(server, f"/models/{WAITS}").text
    lost = page(server, "/data/quarantine").text
    assert "&lt;script&gt;" in lost
    assert SET_ASIDE in lost


def test_the_first_page_says_what_status_says(server: AskedServer, home: Path) -> None:
    text = page(server, "/").text
    assert champion_of(home) in text
    assert f"{DAY}" in text
    assert f"{WAITS}</a> waits for approval" in text
    assert "Do not retrain" in text
    assert "Loans scored by week" in text
    assert f"week to {WEEK}" in text


def test_every_way_within_the_pages_leads_to_a_page(server: AskedServer) -> None:
    """Follow each link of each page once, but exports and the whole book, which have tests of their own."""
    seen: set[str] = set()
    for start in PAGES:
        for link in Outline(page(server, start).text).links:
            way = httpx.URL("http://127.0.0.1" + start).join(link).raw_path.decode()
            kind = re.sub(r"(value|sort|id|number|name|a|b)=[^&]*", r"\1", way)
            if kind in seen or "as=" in way or way.startswith(BOOK):
                continue
            seen.add(kind)
            assert server.ask("GET", way, headers=BROWSER).status_code == 200, f"{start} leads to {way}"
    assert len(seen) > 30


@pytest.mark.parametrize("way", [*PAGES, "/reports/monitoring_2021_10_09.html", "/loans?as=csv", "/strategy"])
def test_pages_are_for_readers(server: AskedServer, way: str) -> None:
    assert page(server, way, 403, SCORER).text.count("<main") == 1
    unknown = page(server, way, 401, None)
    assert 'name="token"' in unknown.text
    assert f'name="next" value="{html.escape(way)}"' in unknown.text
    assert "nav" not in Outline(unknown.text).counts
    assert server.ask("GET", way, None).json()["error"]["code"] == "unknown_visitor"


def test_what_a_page_looks_like_is_for_anyone(server: AskedServer) -> None:
    for name, kind in (("report.css", "text/css"), ("pages.css", "text/css"), ("pages.js", "text/javascript")):
        answer = server.ask("GET", f"/static/{name}", None)
        assert (answer.status_code, answer.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
    for name in ("nothing.css", "..%2Fapp.py", "%2e%2e%2f%2e%2e%2fapp.py"):
        assert server.ask("GET", f"/static/{name}", None).status_code == 404


def rows_of(answer: httpx.Response) -> list[list[str]]:
    body = answer.text.partition("<tbody>")[2].partition("</tbody>")[0]
    found = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    return [
        [
            html.unescape(re.sub(r"<[^>]+>", "", cell)).strip()
            for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
        ]
        for row in found
    ]


def test_a_table_sorts_filters_and_pages_on_the_server(server: AskedServer, home: Path) -> None:
    held = Lake(Layout(home)).scan(PREDICTIONS).filter(pl.col("grade") == "C", pl.col("score") >= 560).collect()
    asked = "by=grade&compare=is&value=C&by=score&compare=least&value=560"
    first = page(server, f"/loans?{asked}&sort=-score&rows=20")
    second = page(server, f"/loans?{asked}&sort=-score&rows=20&page=2")
    shown = [int(row[3]) for answer in (first, second) for row in rows_of(answer)]
    assert shown == held["score"].sort(descending=True).head(40).to_list()
    assert f"1 to 20 of {held.height:,}" in first.text
    assert {row[4] for row in rows_of(first)} == {"C"}
    assert 'aria-sort="descending"' in first.text
    up = [int(row[3]) for row in rows_of(page(server, f"/loans?{asked}&sort=score&rows=20"))]
    assert up == held["score"].sort().head(20).to_list()
    nothing = page(server, "/loans?by=score&compare=least&value=99999")
    assert "No loan is scored that meets this." in nothing.text


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("by=loan_id&compare=has&value=SCRIPT", 1),
        ("by=reason_1&compare=missing&value=", "missing"),
        ("by=snapshot_date&compare=is&value=2021-10-10", "day"),
        ("by=outside_training&compare=has&value=term_months", "outside"),
        ("by=decision&compare=not&value=approve", "declined"),
    ],
)
def test_each_comparison_holds_for_the_type_of_its_column(
    server: AskedServer, home: Path, asked: str, expected: int | str
) -> None:
    rows = Lake(Layout(home)).read(PREDICTIONS)
    counts = {
        "missing": rows["reason_1"].null_count(),
        "day": rows.filter(pl.col("snapshot_date").cast(pl.String) == "2021-10-10").height,
        "outside": rows.filter(pl.col("outside_training").list.join(" ").str.contains("term_months")).height,
        "declined": rows.filter(pl.col("decision") != "approve").height,
    }
    wanted = expected if isinstance(expected, int) else counts[expected]
    assert wanted > 0
    assert re.search(rf"of {wanted:,}</span>", page(server, f"/data/table?name=gold.predictions&{asked}").text)


@pytest.mark.parametrize(
    "asked",
    [
        "sort=nothing",
        "by=score&compare=least&value=x",
        "by=score&compare=least&value=nan",
        "by=nothing&compare=is&value=x",
        "by=score&compare=like&value=1",
        "by=score",
        "page=0",
        "page=x",
        "page=99999999",
        "rows=501",
        "by=snapshot_date&compare=is&value=yesterday",
        "as=xls",
    ],
)
def test_what_a_table_cannot_be_asked_is_said_on_a_page(server: AskedServer, asked: str) -> None:
    text = page(server, f"/loans?{asked}", 422).text
    assert "<h1>That cannot be</h1>" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_export_holds_all_rows_of_the_view(server: AskedServer, home: Path, form: str) -> None:
    answer = page(server, f"/loans?by=grade&compare=is&value=C&sort=-score&page=2&rows=20&as={form}")
    assert answer.headers["content-disposition"] == f'attachment; filename="loans.{form}"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    read = pl.read_csv(StringIO(answer.text)) if form == "csv" else pl.read_parquet(BytesIO(answer.content))
    held = Lake(Layout(home)).scan(PREDICTIONS).filter(pl.col("grade") == "C").collect()
    assert read.height == held.height
    assert read["score"].to_list() == held["score"].sort(descending=True).to_list()
    assert set(read.columns) == set(held.columns)
    assert read["loan_id"].sort().to_list() == held["loan_id"].sort().to_list()


def test_an_export_for_spreadsheets_runs_nothing(server: AskedServer) -> None:
    text = page(server, "/decisions?as=csv").text
    assert text.startswith("decision_id,")
    empty = page(server, "/loans?by=score&compare=least&value=99999&as=csv").text
    assert empty.startswith("loan_id,snapshot_date")
    assert len(empty.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "way",
    ["/weeks", f"/weeks/{WEEK}", "/weeks/diff", "/models", "/decisions", "/decisions/ledger", "/data", "/data/drift"],
)
def test_each_table_is_exported(server: AskedServer, way: str) -> None:
    answer = page(server, f"{way}?as=parquet")
    assert pl.read_parquet(BytesIO(answer.content)).height > 0


def test_saved_pages_are_shown_shut_in(server: AskedServer, home: Path) -> None:
    for way in ("/reports/monitoring_2021_10_09.html", f"/models/{champion_of(home)}/evidence"):
        policy = page(server, way).headers["content-security-policy"]
        assert "sandbox" in policy
        assert "script-src" not in policy
        assert "default-src 'none'" in policy
    for name in ("nothing.html", "..%2Fp2pcredit.toml", "%2e%2e%2fp2pcredit.toml", "monitoring_2021_10_09.html%00"):
        page(server, f"/reports/{name}", 404)


def test_a_page_that_is_a_link_out_of_the_home_is_not_shown(home: Path, tmp_path: Path) -> None:
    own = tmp_path / "home"
    (own / "reports").mkdir(parents=True)
    (tmp_path / "secret.html").write_text("secret")
    (own / "reports" / "leads_out.html").symlink_to(tmp_path / "secret.html")
    with asked_server(own) as asked:
        page(asked, "/reports/leads_out.html", 404)
        assert "leads_out" not in page(asked, "/weeks").text


EMPTY = ("/", "/weeks", "/models", "/models/compare", "/decisions", "/decisions/ledger", "/loans", "/what-if", "/data")


@pytest.mark.parametrize("way", [*EMPTY, "/data/quarantine", "/data/drift", "/data/metric?name=auc"])
def test_an_empty_home_has_pages_that_say_so(tmp_path: Path, way: str) -> None:
    with asked_server(tmp_path) as asked:
        assert Outline(page(asked, way).text).counts["h1"] == 1


@pytest.mark.parametrize(
    ("way", "status"),
    [
        ("/weeks/diff", 404),
        ("/weeks/2021-10-09", 404),
        ("/weeks/soon", 422),
        ("/models/nothing", 404),
        ("/models/nothing/evidence", 404),
        ("/models/..%2Fledger", 405),
        ("/models/%00", 404),
        ("/decisions/line?number=1", 404),
        ("/decisions/one?id=x", 404),
        ("/loans/one?id=x", 404),
        ("/loans/one", 422),
        ("/what-if?id=x", 404),
        ("/strategy", 404),
        ("/strategy/applicants", 404),
        ("/book", 404),
        ("/book?vintage=month", 422),
        ("/strategy?months=0", 422),
        ("/data/table?name=gold.predictions", 404),
        ("/data/table?name=nothing", 422),
        ("/data/table?name=../../x", 422),
        ("/nothing", 404),
    ],
)
def test_what_is_not_there_yet_is_said_without_a_path(tmp_path: Path, way: str, status: int) -> None:
    with asked_server(tmp_path) as asked:
        text = page(asked, way, status).text
        assert str(tmp_path) not in text
        assert "Traceback" not in text
        assert Outline(text).counts["h1"] == 1
        told: dict[str, Any] = asked.ask("GET", way).json()["error"]
        assert told["message"]
        assert str(tmp_path) not in told["message"]


def test_expected_losses_are_those_of_the_command_and_write_no_row(server: AskedServer, home: Path) -> None:
    found = page(server, "/book/losses?as=json").json()
    told = measure_losses(context_of(home))
    assert (found["total"], found["by_stage"]) == (told["total"], told["by_stage"])
    assert not Lake(Layout(home)).exists(EXPECTED_LOSSES)
    assert page(server, "/book/losses?stress=nothing", 422)


def test_comparisons_of_groups_are_listed_by_model_newest_first(server: AskedServer, home: Path) -> None:
    champion = champion_of(home)
    names = [f"fairness_{champion}_2021_10_0{day}.html" for day in (8, 9)]
    assert "None was made yet" in page(server, "/models/fairness").text
    reports = Layout(home).reports
    try:
        for name in names:
            (reports / name).write_text("<p>groups")
        (reports / "fairness_elsewhere.html").write_text("<p>no comparison")
        told = page(server, f"/models/fairness?id={champion}").text
        assert [told.index(name) for name in reversed(names)] == sorted(told.index(name) for name in names)
        assert "fairness_elsewhere" not in told
        assert "None was made yet" in page(server, f"/models/fairness?id={WAITS}").text
        assert "sandbox" in page(server, f"/reports/{names[0]}").headers["content-security-policy"]
    finally:
        for name in (*names, "fairness_elsewhere.html"):
            (reports / name).unlink()
    page(server, "/models/fairness?id=no-such-model", 404)
