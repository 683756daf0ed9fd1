"""The desk: nobody without a login, nothing about people in an address, and it only reads."""

import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from datetime import date
from html import unescape
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import pypdf
import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient
from sqlalchemy import inspect, select, true, update
from starlette.routing import Route

from arrears.audit.seal import seal
from arrears.audit.verdict import Verdict
from arrears.core.settings import Settings
from arrears.desk import cases, evidence, orders, paging, timeline
from arrears.desk.answers import told
from arrears.desk.app import Door, create_desk
from arrears.proof import patience
from arrears.proof.ask import ask
from arrears.rehearsal.portfolio import sample_feeds
from arrears.reports.deadlines import Deadline
from arrears.reports.mornings import Morning, keep_morning
from arrears.reports.wording import words
from arrears.repossession import checks
from arrears.steps.world import build_runtime, shell_attempt
from arrears.store.engine import open_engine, reading, writing
from arrears.store.tables.audit import audit_event_index, audit_pending
from arrears.store.tables.decisions import episode
from arrears.store.tables.feeds import account, staff, visit_request
from arrears.store.tables.legal import packet
from arrears.store.tables.reports import deadline_day, flow_day
from arrears.store.tables.repossession import approval, approval_vote, repossession_order
from arrears.store.tables.runs import run
from arrears.store.views import questions

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 12)
PAGES = ("/", "/legal", "/month", "/runs", "/audit", "/audit/question/9", "/policy")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("desk")
    (home / "summary.json").write_text(json.dumps(run_day(home)), encoding="utf-8")
    return home


def run_day(home: Path) -> dict:
    words = ("run", "--date", DAY.isoformat(), "--feeds", str(sample_feeds(home, DAY)), "--rehearsal", "--json")
    env = {**os.environ, "ARREARS_HOME": str(home)}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("arrears")), *words], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


QUESTION = r'<article id="question-([0-9a-f]{64})"'
SAME_SITE = {"sec-fetch-site": "same-origin"}


def yes() -> bool:
    return True


def no() -> bool:
    return False


def desk(home: Path, reader, decides=yes) -> TestClient:
    settings = Settings.from_environment({"ARREARS_HOME": str(home)})
    app = create_desk(Door(reader, decides), lambda: build_runtime(settings, shell_attempt("desk")), ROOT / "docs")
    return TestClient(app, follow_redirects=False, headers=SAME_SITE)


def somebody() -> str:
    return "auditor"


def nobody() -> None:
    raise HTTPException(401)


def test_every_route_refuses_a_stranger(home: Path):
    client = desk(home, nobody)
    routes = [route for route in client.app.routes if isinstance(route, Route)]
    assert len(routes) >= 14
    for route in routes:
        address = route.path.replace("{number}", "1")
        for name in ("{subject_ref}", "{approval_id}", "{order_no}", "{business_date}"):
            address = address.replace(name, "2026-11-12")
        for method in route.methods - {"HEAD"}:
            assert client.request(method, address, data={"account": "A1", "decision": "approve"}).status_code == 401, (
                address
            )


def test_today_shows_the_figures_of_the_summary(home: Path):
    summary = json.loads((home / "summary.json").read_text(encoding="utf-8"))
    page = desk(home, somebody).get("/").text
    assert summary["run_id"] in page
    assert f">{summary['date_totals']['planned']}<" in page
    assert "<td>相符</td>" in page, "finance gave a figure, and it ties"


def test_today_draws_how_accounts_moved_since_the_day_before(home: Path, tmp_path: Path):
    copy = Path(shutil.copytree(home, tmp_path / "var"))
    assert "以来的变动" not in desk(copy, somebody).get("/").text, "the first day has none"
    engine = open_engine(f"sqlite:///{copy / 'arrears.sqlite'}")
    with writing(engine) as connection:
        origin = {"business_date": DAY, "since": date(2026, 11, 11), "run_id": "daily-2026-11-12-1"}
        for was, stage, count in ((0, 1, 7), (1, 1, 40), (2, 0, 3)):
            connection.execute(flow_day.insert(), origin | {"was": was, "stage": stage, "count": count})
    engine.dispose()
    page = desk(copy, somebody).get("/").text
    assert "自 2026-11-11 以来的变动" in page
    assert "<p>未逾期 → 一期 7 户、二期 → 未逾期 3 户</p>" in page
    assert [page.count(f'class="{way}"') for way in ("worse", "stayed", "better")] == [1, 1, 1]


def test_the_history_shows_what_each_run_came_to(home: Path):
    summary = json.loads((home / "summary.json").read_text(encoding="utf-8"))
    contacts = summary["actions"]
    came_to = [summary["ledger"]["accounts"], *(contacts[name] for name in ("planned", "sent", "in_doubt")),
               summary["packets"]["ready"]]  # fmt: skip
    row = desk(home, somebody).get("/runs").text.partition(f"<tr><td>{summary['run_id']}</td>")[2].partition("</tr>")[0]
    assert re.findall(r'<td class="number">([0-9,]+)</td>', row) == [f"{count:,}" for count in came_to]


def test_an_account_is_found_by_its_number_and_shown_under_its_random_name(home: Path):
    client = desk(home, somebody)
    found = client.post("/search", data={"account": "A00099"})
    assert found.status_code == 303
    assert "A00099" not in found.headers["location"]
    page = client.get(found.headers["location"])
    assert page.status_code == 200
    assert "前面的步骤还没有凭据" in page.text
    assert '<td title="account.staged">当日分期与决定</td>' in page.text
    receipt = client.get(found.headers["location"] + f"/receipt/{DAY}")
    assert receipt.text.startswith("c2sp.org/tlog-proof@v1")


def test_staff_of_a_branch_see_its_accounts_only(home: Path):
    with reading(open_engine(f"sqlite:///{home / 'arrears.sqlite'}")) as connection:
        branch = connection.execute(select(account.c.branch).where(account.c.account_id == "A00099")).scalar_one()
        here, there = (
            connection.execute(
                select(staff.c.staff_id).where(staff.c.roles == "collector", condition).order_by(staff.c.staff_id)
            ).scalars().first()
            for condition in (staff.c.branch == branch, staff.c.branch != branch)
        )  # fmt: skip
    address = desk(home, lambda: here).post("/search", data={"account": "A00099"}).headers["location"]
    assert desk(home, lambda: here).get(address).status_code == 200
    other = desk(home, lambda: there)
    assert other.post("/search", data={"account": "A00099"}).headers["location"] == "/?unknown=1"
    for part in ("", f"/receipt/{DAY}", f"/why/{DAY}"):
        assert other.get(address + part).status_code == 404
    assert "您只能查看" in other.post("/audit/question/1", data={"account": "A00099"}).text
    assert "You see the contracts of" in other.post(
        "/audit/question/9?lang=en", data={"on": DAY.isoformat()}
    ).text  # fmt: skip
    assert "A00099" in desk(home, lambda: here).post("/audit/question/1", data={"account": "A00099"}).text


ELSEWHERE = {"{subject_ref}": "00000000-0000-4000-8000-000000000000", "{approval_id}": "f" * 64,
             "{order_no}": "RO-20260101-9999"}  # fmt: skip
"""Names of nothing, to compare with: what is none of somebody's business looks the same."""


@pytest.mark.parametrize(("role", "seen"), [("legal", 200), ("collector", 403)])
def test_no_route_tells_staff_of_a_branch_anything_of_another_branchs_case(home: Path, tmp_path, role, seen):
    """Every route is walked: pages, receipts, downloads, forms; by id, by order number, for a question and a visit."""
    copy = Path(shutil.copytree(home, tmp_path / "var"))
    engine = open_engine(f"sqlite:///{copy / 'arrears.sqlite'}")
    with writing(engine) as connection:
        waiting = (
            select(approval.c.approval_id, approval.c.account_id, account.c.branch, account.c.subject_ref,
                   repossession_order.c.order_no)
            .join(account, account.c.account_id == approval.c.account_id)
            .join(repossession_order, repossession_order.c.order_id == approval.c.subject_key)
            .where(approval.c.state == "open")
        )  # fmt: skip
        theirs = connection.execute(waiting.order_by(approval.c.approval_id).limit(1)).one()
        branch = connection.execute(
            select(staff.c.branch).where(staff.c.branch.not_in(("", theirs.branch))).limit(1)
        ).scalar_one()
        person = {"name": "X", "roles": role, "skills": "", "dialects": "", "branch": branch}
        connection.execute(staff.insert(), {"staff_id": "X-1", **person})
        foreign = set(connection.execute(select(account.c.account_id).where(account.c.branch != branch)).scalars())
    client = desk(copy, lambda: "X-1")
    routes = [route for route in client.app.routes if isinstance(route, Route)]
    names = {"{subject_ref}": [theirs.subject_ref], "{approval_id}": [theirs.approval_id, theirs.order_no],
             "{order_no}": [theirs.order_no]}  # fmt: skip
    walked = 0
    for route in routes:
        placeholder = next((name for name in names if name in route.path), None)
        for name in names.get(placeholder, [""]):
            address, nowhere = (
                re.sub(r"{\w+}", "no_owner", route.path.replace("{business_date}", DAY.isoformat())
                       .replace("{number}", "1").replace(placeholder or "-", one))
                for one in (name, ELSEWHERE.get(placeholder, ""))
            )  # fmt: skip
            for method in route.methods - {"HEAD"}:
                form = {"account": theirs.account_id, "decision": "approve", "note": "seen", "remedy": "accelerate",
                        "facts": "0" * 64}  # fmt: skip
                answer = client.request(method, address, data=form if method == "POST" else None)
                told = set(re.findall(r"A[0-9]{5}", answer.text))
                assert not told & (foreign - {theirs.account_id if route.path.startswith("/audit/q") else ""}), address
                if placeholder:
                    walked += 1
                    assert answer.status_code in (403, 404), address
                    other = client.request(method, nowhere, data=form if method == "POST" else None)
                    assert (answer.status_code, answer.text.replace(name[:24], "…")) == (
                        other.status_code, other.text.replace(ELSEWHERE[placeholder][:24], "…")
                    ), address  # fmt: skip
    assert walked >= 10
    assert client.post("/search", data={"account": theirs.account_id}).headers["location"] == "/?unknown=1"
    assert client.get("/legal").status_code == seen
    assert client.post("/audit/verify").status_code == 403
    with reading(engine) as connection:
        votes = connection.execute(select(approval_vote).where(approval_vote.c.staff_id == "X-1")).all()
    engine.dispose()
    assert votes == []


def test_who_works_from_a_list_gets_no_list_of_the_houses_cases(home: Path):
    assert "look a contract up by its number" in desk(home, lambda: "C-HB-1").get("/legal?lang=en").text
    assert "RO-" in desk(home, lambda: "S-HB").get("/legal").text, "a supervisor decides on orders"


def test_the_legal_page_shows_staff_of_a_branch_its_own_cases(home: Path):
    engine = open_engine(f"sqlite:///{home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        branch = connection.execute(select(staff.c.branch).where(staff.c.staff_id == "S-HB")).scalar_one()
        mine = select(account.c.account_id).where(account.c.branch == branch)
        packets, mine_ordered, approvals, ours = (
            set(connection.execute(query).scalars())
            for query in (
                select(packet.c.account_id).where(packet.c.superseded_on.is_(None), packet.c.account_id.in_(mine)),
                select(repossession_order.c.order_no).where(repossession_order.c.account_id.in_(mine)),
                select(approval.c.approval_id).where(
                    approval.c.state == "open", approval.c.account_id.in_(mine) | approval.c.account_id.is_(None)
                ),
                mine,
            )
        )
    engine.dispose()
    client, house = desk(home, lambda: "S-HB"), desk(home, somebody)
    assert branch
    assert set(all_leaves(client, "packets", r">(A[0-9]{5})</a></td>")) == packets
    assert set(all_leaves(client, "orders", r"<tr><td>([^<]+)</td>")) == mine_ordered
    assert set(all_leaves(client, "approvals", QUESTION)) == approvals
    about = r"<tr><td>[^<]+</td><td>([^<]+)</td><td>[0-9-]{10}</td>"
    last_days, all_days = (set(all_leaves(one, "deadlines", about)) for one in (client, house))
    assert last_days == {one for one in all_days if one in ours or one in mine_ordered}
    assert packets
    assert len(set(all_leaves(house, "packets", r">(A[0-9]{5})</a></td>"))) > len(packets)
    assert len(all_days) > len(last_days)


def test_a_last_day_is_kept_with_the_branch_of_its_account_or_of_the_account_of_its_order(home: Path, tmp_path: Path):
    copy = Path(shutil.copytree(home, tmp_path / "var"))
    engine = open_engine(f"sqlite:///{copy / 'arrears.sqlite'}")
    with writing(engine) as connection:
        run_id = json.loads((home / "summary.json").read_text())["run_id"]
        held = {
            row.account_id: row.branch for row in connection.execute(select(account.c.account_id, account.c.branch))
        }
        ordered = {
            row.order_no: held[row.account_id]
            for row in connection.execute(select(repossession_order.c.order_no, repossession_order.c.account_id))
        }
        expected = {**ordered, **dict(list(held.items())[:20]), "AGENCY": None}
        lines = [Deadline("order", subject, DAY) for subject in expected]
        keep_morning(connection, Morning(DAY, run_id), [], lines)
        kept = dict(connection.execute(select(deadline_day.c.subject, deadline_day.c.branch)).all())
    engine.dispose()
    assert kept == expected
    assert len(set(ordered.values())) > 1


def test_a_line_that_needs_a_person_leads_to_its_accounts(home: Path):
    client = desk(home, somebody)
    lines = re.findall(r'/exceptions/(\w+)">[^<]+</a></td><td class="number">([0-9,]+)<', client.get("/").text)
    assert len(lines) > 3
    for kind, count in lines:
        page = client.get(f"/exceptions/{kind}").text
        assert len(re.findall(r'href="/account/[0-9a-f-]+">A\d{5}<', page)) == min(int(count), paging.SHOWN), kind
    assert client.get("/exceptions/calendar_unconfirmed").status_code == 404
    with reading(open_engine(f"sqlite:///{home / 'arrears.sqlite'}")) as connection:
        hand = connection.execute(select(staff.c.staff_id).where(staff.c.roles == "collector").limit(1)).scalar_one()
    assert "A0" not in desk(home, lambda: hand).get(f"/exceptions/{lines[0][0]}").text


def test_a_page_cuts_the_long_cells_of_an_answer(home: Path):
    page = desk(home, somebody).post("/audit/question/3?lang=en", data={"account": "A00099"}).text
    assert "…</td>" in page
    assert "Long cells are cut" in page
    assert len(page) < 20_000


def test_every_event_of_an_account_is_reached_a_leaf_at_a_time(home: Path, monkeypatch):
    for module in (paging, timeline):
        monkeypatch.setattr(module, "SHOWN", 3)
    client = desk(home, somebody)
    address = client.post("/search", data={"account": "A00099"}).headers["location"]
    engine = open_engine(f"sqlite:///{home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        mine = audit_event_index.c.subject_ref == address.rpartition("/")[2]
        expected = list(connection.execute(select(audit_event_index.c.seq).where(mine)).scalars())
    engine.dispose()
    found, leaf = [], "?events=1"
    while leaf:
        page = client.get(f"{address}{leaf}").text.partition('<section id="events"')[2]
        found += [int(seq) for seq in re.findall(r'<tr><td class="number">([0-9]+)</td>', page)]
        following = re.search(r'href="(\?on=[0-9-]+&amp;events=[0-9]+)#events">下一页', page)
        leaf = unescape(following[1]) if following else ""
    assert found == sorted(expected, reverse=True)
    assert len(found) > 3


def test_a_day_before_anything_was_decided_is_said_to_be_one(home: Path):
    client = desk(home, somebody)
    address = client.post("/search", data={"account": "A00099"}).headers["location"]
    answer = client.get(f"{address}?on=2020-01-01")
    assert (answer.status_code, "到那一天还没有对它作过任何决定" in answer.text) == (404, True)


def test_two_runs_are_compared_in_words(home: Path):
    run_id = json.loads((home / "summary.json").read_text(encoding="utf-8"))["run_id"]
    page = desk(home, somebody).get(f"/runs/compare?first={run_id}&second={run_id}").text
    measures = re.findall(r'<td title="[^"]+">([^<]+)</td>', page)
    assert len(measures) > 40
    assert [one for one in measures if re.search("[a-z]", one)] == []
    assert "未列明的情况" not in page


def test_an_unknown_account_is_said_to_be_unknown(home: Path):
    client = desk(home, somebody)
    assert client.post("/search", data={"account": "nobody"}).headers["location"] == "/?unknown=1"
    assert client.get("/account/00000000-0000-4000-8000-000000000000").status_code == 404


def test_pages_carry_no_script_and_no_outside_address(home: Path):
    client = desk(home, somebody)
    run = json.loads((home / "summary.json").read_text(encoding="utf-8"))["run_id"]
    for address in (*PAGES, f"/runs/compare?first={run}&second={run}"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "<script" not in answer.text
        assert "http" not in answer.text.replace("http-equiv", "")


def test_a_form_that_another_site_sent_is_refused(home: Path):
    client = desk(home, somebody)
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
        assert client.post("/search", data={"account": "A00099"}, headers=headers).status_code == 403
    settings = Settings.from_environment({"ARREARS_HOME": str(home)})
    old = TestClient(create_desk(Door(somebody, yes), lambda: build_runtime(settings, shell_attempt("desk"))))
    assert old.post("/search", data={"account": "A1"}, headers={"origin": "https://evil.example"}).status_code == 403
    assert old.post("/search", data={"account": "A1"}).status_code == 403


def test_pages_speak_the_language_of_the_reader_and_remember_it(home: Path):
    client = desk(home, somebody)
    assert "需要人处理" in client.get("/").text
    assert "Needs a person" in client.get("/?lang=en").text
    assert "Needs a person" in client.get("/").text


def test_every_page_shows_words_and_no_codes(home: Path):
    client = desk(home, somebody)
    page = client.get("/").text
    assert "evidence_missing" not in page
    assert "未列明的情况" not in page
    assert "未列明的情况" not in client.get("/legal").text


def test_a_hold_that_blocks_an_order_is_said_in_words(home: Path):
    engine = open_engine(f"sqlite:///{home / 'arrears.sqlite'}")
    with writing(engine) as connection:
        kept_here = select(repossession_order).where(repossession_order.c.recall_reason.is_(None)).limit(1)
        before = connection.execute(kept_here).one()
        this = update(repossession_order).where(repossession_order.c.order_no == before.order_no)
        connection.execute(this.values(blocked_by="C3 hold_promise; C9 location_too_old"))
    page = desk(home, somebody).get("/legal?lang=en").text
    with writing(engine) as connection:
        connection.execute(this.values(blocked_by=before.blocked_by))
    assert "on hold: promise, position too old" in page
    assert "hold_promise" not in page


def test_a_lawyer_reads_a_packet_on_the_desk_and_the_look_is_recorded(home: Path):
    lawyer = desk(home, lambda: "REH-LEGAL")
    link = re.findall(r'href="(/packet/[^"]+)"', lawyer.get("/legal").text)[0]
    answer = lawyer.get(link)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF")
    assert desk(home, somebody).get(link).status_code == 404, "an auditor has no need of the papers"
    engine = open_engine(f"sqlite:///{home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        looks = connection.execute(select(audit_pending.c.type).where(audit_pending.c.type == "access.packet")).all()
    engine.dispose()
    assert len(looks) == 1


def lawyer_on_a_copy(home: Path, tmp_path: Path) -> tuple[Path, TestClient]:
    copy = Path(shutil.copytree(home, tmp_path / "var"))
    return copy, desk(copy, lambda: "REH-LEGAL")


def looks_at_orders(home: Path) -> list[str]:
    engine = open_engine(f"sqlite:///{home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        found = connection.execute(select(audit_pending.c.body).where(audit_pending.c.type == "access.order")).scalars()
        said = list(found)
    engine.dispose()
    return said


def words_of_pdf(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages)


def test_a_lawyer_opens_the_order_that_waits_and_its_sheet_says_that_it_is_not_released(home: Path, tmp_path: Path):
    copy, lawyer = lawyer_on_a_copy(home, tmp_path)
    page = lawyer.get("/legal").text
    question = next(part for part in page.split("<article ")[1:] if 'href="/order/' in part)
    address, data_address = re.findall(r'href="(/order/[^"]+)"', question)
    assert data_address == f"{address}/data"
    answer = lawyer.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    sheet = words_of_pdf(answer.content)
    assert "未放行" in sheet
    assert address.rpartition("/")[2] in sheet
    document = lawyer.get(data_address).json()
    assert document["order_no"] == address.rpartition("/")[2]
    assert b64decode(document["sheet"]["base64"]) == answer.content, "nobody gets an unmarked sheet before release"
    account_page = re.findall(r'href="(/account/[^"#]+)"', question)[0]
    assert f'href="{address}"' in lawyer.get(account_page).text
    assert [json.loads(body)["data"]["order_no"] for body in looks_at_orders(copy)] == [document["order_no"]] * 2
    assert desk(copy, somebody).get(address).status_code == 404, "an auditor has no need of the papers"
    assert "您的岗位" in desk(copy, somebody).get(address).text


def test_the_order_a_lawyer_opens_says_what_would_leave_and_after_it_left_what_did(home: Path, tmp_path: Path):
    """The data of an order is that of the hand-off; only the mark across its sheet goes."""
    copy, lawyer = lawyer_on_a_copy(home, tmp_path)
    engine = open_engine(f"sqlite:///{copy / 'arrears.sqlite'}")
    with reading(engine) as connection:
        left = select(repossession_order).where(repossession_order.c.document_sha256.is_not(None))
        order = connection.execute(left.order_by(repossession_order.c.order_no).limit(1)).one()
    kept = (copy / "artifacts" / "orders" / f"{order.document_sha256}.json").read_bytes()
    assert lawyer.get(f"/order/{order.order_no}/data").content == kept
    sheet = lawyer.get(f"/order/{order.order_no}").content
    assert sheet == b64decode(json.loads(kept)["sheet"]["base64"])
    assert "未放行" not in words_of_pdf(sheet)
    with writing(engine) as connection:
        this = update(repossession_order).where(repossession_order.c.order_id == order.order_id)
        connection.execute(this.values(state="approved", document_sha256=None, offered_at=None, recall_reason=None))
    before = lawyer.get(f"/order/{order.order_no}/data").json()
    assert "未放行" in words_of_pdf(b64decode(before.pop("sheet")["base64"]))
    after = json.loads(kept)
    del after["sheet"]
    assert before == after
    with writing(engine) as connection:
        connection.execute(this.values(state="void", closed_reason="facts_changed"))
    engine.dispose()
    assert lawyer.get(f"/order/{order.order_no}").status_code == 404
    assert f'href="/order/{order.order_no}"' not in lawyer.get("/legal").text


def test_the_legal_page_says_which_last_day_comes_next(home: Path):
    page = desk(home, somebody).get("/legal").text
    assert "保证期间</td><td>A00218</td><td>2026-11-26</td>" in page
    assert "已过 15 天" in page, "the licence of an agency is over"


def all_leaves(client: TestClient, name: str, pattern: str) -> list[str]:
    """Follow the links to the next leaf of a list and return what all leaves show together."""
    address, found = "/legal?lang=en", []
    for _ in range(100):
        page = client.get(address).text
        section = page.split(f'<section id="{name}">')[1].split("</section>")[0]
        found += re.findall(pattern, section)
        following = re.search(rf'href="(/legal\?{name}=[0-9]+)#{name}">Next', section)
        if following is None:
            return found
        address = following[1]
    raise AssertionError("the leaves have no end")


@pytest.mark.parametrize(
    ("name", "pattern", "key", "condition"),
    [
        ("packets", r">(A[0-9]{5})</a></td>", packet.c.account_id, packet.c.superseded_on.is_(None)),
        ("orders", r"<tr><td>([^<]+)</td>", repossession_order.c.order_no, true()),
        ("approvals", QUESTION, approval.c.approval_id, approval.c.state == "open"),
    ],
)
def test_a_list_too_long_for_a_page_loses_nothing(home: Path, monkeypatch, name, pattern, key, condition):
    monkeypatch.setattr(paging, "SHOWN", 3)
    monkeypatch.setattr(cases, "SHOWN", 3)
    monkeypatch.setattr(orders, "SHOWN", 3)
    engine = open_engine(f"sqlite:///{home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        expected = sorted(connection.execute(select(key).where(condition)).scalars())
    engine.dispose()
    client = desk(home, somebody)
    assert len(expected) > 3, "there is more than one leaf"
    assert sorted(all_leaves(client, name, pattern)) == expected
    assert f"1 to 3 of {len(expected)}" in client.get("/legal").text
    beyond = client.get(f"/legal?{name}=1000")
    assert f"{len(expected)} in all; there is no such page" in beyond.text


def test_visits_too_many_for_a_page_are_all_reached(home: Path, tmp_path, monkeypatch):
    copy = Path(shutil.copytree(home, tmp_path / "var"))
    engine = open_engine(f"sqlite:///{copy / 'arrears.sqlite'}")
    with writing(engine) as connection:
        late = select(episode.c.account_id).where(episode.c.cured_on.is_(None)).order_by(episode.c.account_id).limit(7)
        keys = [
            {"visit_request_key": f"{number:064x}", "account_id": account_id, "asked_on": DAY, "reason": "r",
             "asked_by": "S2"}
            for number, account_id in enumerate(connection.execute(late).scalars())
        ]  # fmt: skip
        connection.execute(visit_request.insert(), keys)
    engine.dispose()
    monkeypatch.setattr(paging, "SHOWN", 3)
    monkeypatch.setattr(cases, "SHOWN", 3)
    client = desk(copy, somebody)
    asked = {one["visit_request_key"] for one in keys}
    leaves = [[key for key in re.findall(QUESTION, client.get(f"/legal?visits={number}").text) if key in asked]
              for number in (1, 2, 3)]  # fmt: skip
    assert [len(leaf) for leaf in leaves] == [3, 3, 1]
    assert set().union(*leaves) == asked
    first, beyond = (client.get(f"/legal?visits={number}&lang=en").text for number in (1, 1000))
    assert "1 to 3 of 7" in first
    assert "visits=2#visits" in first
    assert "7 in all; there is no such page" in beyond


def test_last_days_too_many_for_a_page_are_all_reached_in_their_order(home: Path, monkeypatch):
    row = r"<tr><td>[^<]+</td><td>[^<]+</td><td>([0-9-]{10})</td>"
    whole = all_leaves(desk(home, somebody), "deadlines", row)
    monkeypatch.setattr(paging, "SHOWN", 1)
    monkeypatch.setattr(cases, "SHOWN", 1)
    assert len(whole) > 1
    assert all_leaves(desk(home, somebody), "deadlines", row) == whole == sorted(whole)


def test_every_condition_of_an_order_has_its_words(home: Path):
    source = (Path(checks.__file__)).read_text(encoding="utf-8")
    conditions = set(re.findall(r', "([a-z_]+)"\)', source)) | set(re.findall(r'return \["([a-z_]+)"\]', source))
    conditions.discard("used")  # a state of an approval
    assert len(conditions) > 30
    for language in ("zh", "en"):
        assert [name for name in conditions if not words(language).knows("check", name)] == []


def test_a_login_that_may_only_read_decides_nothing_and_sees_no_form(home: Path):
    client = desk(home, lambda: "REH-LEGAL", no)
    page = client.get("/legal").text
    assert 'name="decision"' not in page
    assert "由法务、风险答复。" in page
    assert client.post("/approvals/x", data={"decision": "approve", "note": "seen"}).status_code == 403
    address = client.post("/search", data={"account": "A00023"}).headers["location"]
    assert 'name="remedy"' not in client.get(address).text
    choice = {"remedy": "terminate_and_recover", "facts": "0" * 64, "note": "seen"}
    answer = client.post(f"{address}/remedy", data=choice)
    assert (answer.status_code, "您的登录只能查看" in answer.text) == (403, True)


def test_a_vote_on_the_desk_is_cast_in_the_name_of_who_is_logged_in(home: Path):
    page = desk(home, somebody).get("/legal?lang=en").text
    approval = re.findall(QUESTION, page)[0]
    vote = {"decision": "approve", "note": "packet read"}
    stranger = desk(home, somebody).post(f"/approvals/{approval}", data=vote)
    assert "未受理" in stranger.text
    legal = desk(home, lambda: "REH-LEGAL")
    assert "已记录" in legal.post(f"/approvals/{approval}", data=vote).text
    assert "未受理" in legal.post(f"/approvals/{approval}", data=vote).text, "the same person does not vote twice"
    engine = open_engine(f"sqlite:///{home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        cast = connection.execute(select(approval_vote).where(approval_vote.c.approval_id == approval)).all()
    engine.dispose()
    assert [(row.staff_id, row.identity) for row in cast] == [("REH-LEGAL", "airflow")]


def test_a_remedy_is_chosen_on_the_page_of_the_account_and_the_next_run_proposes_its_order(home: Path, tmp_path: Path):
    """Account A00023 of the sample: every gate open, nobody has chosen yet."""
    copy = Path(shutil.copytree(home, tmp_path / "var"))
    legal = desk(copy, lambda: "REH-LEGAL")
    address = legal.post("/search", data={"account": "A00023"}).headers["location"]
    page = legal.get(address).text
    facts = re.findall(r'name="facts" value="([0-9a-f]{64})"', page)[0]
    assert '<option value="terminate_and_recover">解除合同并收回设备</option>' in page
    assert f'href="{address}#remedy"' in legal.get("/legal").text
    choice = {"remedy": "terminate_and_recover", "facts": facts, "note": "packet read"}
    assert desk(copy, somebody).post(f"{address}/remedy", data=choice).text.count("未受理") == 1
    assert legal.post(f"{address}/remedy", data={**choice, "facts": "0" * 64}).text.count("未受理") == 1
    assert "已记录" in legal.post(f"{address}/remedy", data=choice).text
    again = run_day(copy)
    assert again["packets"]["rebuilt"] == 1
    assert again["orders"]["proposed"] == json.loads((home / "summary.json").read_text())["orders"]["proposed"] + 1
    page = legal.get(address).text
    assert "已选定：解除合同并收回设备。" in page
    assert "选定救济方式" in page, "the timeline tells who chose"


def test_every_event_of_the_log_has_its_words(home: Path):
    """The table of docs/audit.md names each type; the page of an account shows words in its place."""
    table = (ROOT / "docs" / "audit.md").read_text("utf-8").partition("| about | event |")[2].partition("\n\n")[0]
    documented = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", table))
    engine = open_engine(f"sqlite:///{home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        told = set(connection.execute(select(audit_event_index.c.type).distinct()).scalars())
    engine.dispose()
    assert len(documented) > 80
    for language in ("zh", "en"):
        assert [name for name in sorted(documented | told) if not words(language).knows("event", name)] == []


def test_a_look_at_an_account_is_an_event_with_the_name_of_who_looked(home: Path):
    client = desk(home, lambda: "auditor-7")
    client.get(client.post("/search", data={"account": "A00098"}).headers["location"])
    answer = client.post("/audit/question/16", data={"account": "A00098"}).text
    assert "auditor-7" not in answer, "a look is sealed with the next run"
    seal(build_runtime(Settings.from_environment({"ARREARS_HOME": str(home)}), shell_attempt("seal")),
         engine := open_engine(f"sqlite:///{home / 'arrears.sqlite'}"))  # fmt: skip
    engine.dispose()
    assert "auditor-7" in client.post("/audit/question/16", data={"account": "A00098"}).text


def test_an_answer_is_told_in_the_readers_words(home: Path):
    client = desk(home, somebody)
    for language, heads in (("en", {"To whom", "Step"}), ("zh", {"对象", "步骤"})):
        page = client.post(f"/audit/question/1?lang={language}", data={"on": DAY.isoformat()}).text
        cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", page)
        assert heads <= set(cells)
        assert words(language).label("step", "borrower_call") in cells
        assert {"borrower_call", "audience", "step", "business_date"}.isdisjoint(cells)


def test_questions_are_asked_in_the_language_of_the_reader(home: Path):
    client = desk(home, somebody)
    assert words("en").family("question") == {str(int(view[1:3])): text for view, text in questions().items()}
    for language, other in (("zh", "en"), ("en", "zh")):
        pages = [unescape(client.get(one).text) for one in (f"/audit?lang={language}", "/audit/question/20")]
        for number, text in words(language).family("question").items():
            assert text in pages[0]
            assert words(other).label("question", number) not in pages[0]
        assert words(language).label("question", 20) in pages[1]


def test_every_phrase_of_the_views_has_its_words():
    """A phrase is a text with a space in it, or a part of one around something to fill in."""
    folder = files("arrears.store.views")
    views = "".join(folder.joinpath(f"{view}.sql").read_text("utf-8").partition("\n")[2] for view in questions())
    phrases = {text for text in re.findall(r"'([^']*)'", views) if " " in text.strip() or text != text.strip()}
    assert len(phrases) > 30
    known = words("zh").family("phrase")
    assert [text for text in sorted(phrases) if not any(text in phrase for phrase in known)] == []


@pytest.mark.parametrize("number", range(1, 22))
def test_no_cell_that_says_something_stays_english_on_the_chinese_desk(home: Path, number: int):
    say, engine = words("zh"), open_engine(f"sqlite:///{home / 'arrears.sqlite'}")
    answer = ask(engine, number, limit=20_000)
    engine.dispose()
    said = {
        cell
        for row in answer.rows
        for name, cell in zip(answer.columns, told(dict(zip(answer.columns, row, strict=True)), say), strict=True)
        if name in ("what", "detail", "why", "how", "fact", "remedy", "kind", "state", "status", "channel", "passed")
    }
    assert [cell for cell in sorted(said) if re.search("[a-z]{3}", cell)] == []


def test_every_column_of_every_question_has_a_heading(home: Path):
    engine = open_engine(f"sqlite:///{home / 'arrears.sqlite'}")
    with reading(engine) as connection:
        columns = {column["name"] for view in questions() for column in inspect(connection).get_columns(view)}
    engine.dispose()
    assert len(columns) > 100
    for language in ("zh", "en"):
        assert columns == set(words(language).family("answer"))


def test_a_question_that_cannot_be_asked_says_so_in_one_line(home: Path):
    client = desk(home, somebody)
    assert "The date is written as YYYY-MM-DD" in client.post("/audit/question/9?lang=en", data={"on": "tomorrow"}).text
    assert "There is no question 99" in client.get("/audit/question/99").text


def test_a_question_that_takes_too_long_is_broken_off_and_says_what_to_do(home: Path, monkeypatch):
    monkeypatch.setattr(patience, "LOOK_EVERY", 1)
    monkeypatch.setattr(evidence, "PATIENCE_S", 1e-9)
    client = desk(home, somebody)
    page = client.post("/audit/question/1?lang=en", data={"run": "daily-2026-11-12-1"}).text
    assert "Broken off after 1 second" in page
    assert "<code>arrears ask 1</code>" in page
    assert 'name="run" maxlength="64" value="daily-2026-11-12-1"' in page, "what was asked stands there to be narrowed"
    monkeypatch.setattr(evidence, "PATIENCE_S", 60.0)
    assert "A00099" in client.post("/audit/question/1", data={"account": "A00099"}).text


def test_a_question_about_everybody_shows_the_first_rows_and_says_that_there_are_more(home: Path, monkeypatch):
    client = desk(home, somebody)
    whole = client.post("/audit/question/9", data={"on": DAY.isoformat()}).text
    rows = whole.count("<tr><td>")
    assert 3 < rows < evidence.SHOWN
    assert "只列出前" not in whole
    monkeypatch.setattr(evidence, "SHOWN", rows - 1)
    first = client.post("/audit/question/9", data={"on": DAY.isoformat()}).text
    assert (first.count("<tr><td>"), f"只列出前 {rows - 1} 行" in first) == (rows - 1, True)


def test_the_auditor_reads_how_the_newest_nightly_checks_ended(home: Path, tmp_path: Path):
    own = Path(shutil.copytree(home, tmp_path / "own"))
    client = desk(own, somebody)
    assert "还没有做过夜间核对" in client.get("/audit").text
    with writing(open_engine(f"sqlite:///{own / 'arrears.sqlite'}")) as connection:
        row = dict(connection.execute(select(run).limit(1)).one()._mapping)
        for number, status in enumerate(("failed", "completed"), start=1):
            changed = {"run_id": f"assurance-{number}", "origin_key": str(number) * 64, "kind": "assurance",
                       "status": status, "started_at": f"2026-11-12T1{number}:00:00Z", "ordinal": number}  # fmt: skip
            connection.execute(run.insert(), row | changed)
    assert "暂停户未被联系、重算）：2026-11-12，完成" in client.get("/audit").text


def test_the_log_is_verified_on_the_spot(home: Path):
    answer = desk(home, somebody).post("/audit/verify")
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "identity", "what compresses would hold the lines back until the end"
    assert re.search(
        r'<p role="status"><strong>完好：</strong> [0-9]+ 个事件、[0-9]+ 个签名校验点，全部相符', answer.text
    )


def test_the_page_that_answers_a_complaint_is_a_pdf(home: Path):
    client = desk(home, somebody)
    account = client.post("/search", data={"account": "A00099"}).headers["location"]
    page = client.get(f"{account}/why/{DAY}")
    assert page.headers["content-type"] == "application/pdf"
    assert page.content.startswith(b"%PDF")
    assert client.get(f"{account}/why/2020-01-01").status_code == 404


def test_only_who_sees_the_whole_house_has_the_log_checked(home: Path, monkeypatch, tmp_path: Path):
    """A check takes a whole machine: staff of a branch and of a list neither start one nor see it."""
    copy = Path(shutil.copytree(home, tmp_path / "var"))
    engine = open_engine(f"sqlite:///{copy / 'arrears.sqlite'}")
    person = {"name": "X", "skills": "", "dialects": ""}
    with writing(engine) as connection:
        branch = connection.execute(select(staff.c.branch).where(staff.c.branch != "").limit(1)).scalar_one()
        connection.execute(
            staff.insert(),
            [person | {"staff_id": name, "roles": roles, "branch": where}
             for name, roles, where in (("X-1", "collector", branch), ("X-2", "supervisor", branch),
                                        ("X-3", "field;collector", ""), ("X-4", "manager", ""))],
        )  # fmt: skip
    engine.dispose()
    started: list[str] = []

    def checked(*_: object) -> Verdict:
        started.append(who)
        return Verdict("intact", "all of it", None, 3, "")

    monkeypatch.setattr(evidence, "verify_store", checked)
    button = 'action="/audit/verify"'
    for who, status in (("X-1", 403), ("X-2", 403), ("X-3", 403), ("X-4", 200), ("auditor", 200)):
        client = desk(copy, lambda: who)  # noqa: B023 - the reader is asked within the round
        assert (button in client.get("/audit?lang=en").text) == (status == 200), who
        answer = client.post("/audit/verify?lang=en")
        assert (answer.status_code, "sees the whole house" in answer.text) == (status, status == 403), who
    assert started == ["X-4", "auditor"]
