import csv
import hashlib
import json
import os
import re
import signal
import zipfile
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path

import fsspec
import pypdf
import pytest
from packet_office import AMOUNT, COUNT, PAID, TODAY, Office, sha
from sqlalchemy import Engine, delete, event, insert, select, update

from arrears.core.errors import CannotTell
from arrears.core.keys import natural_key
from arrears.core.progress import watched_by
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.legal import build
from arrears.legal.aftermath import write_notices
from arrears.legal.agreements import write_agreements
from arrears.legal.archive import read
from arrears.legal.build import build_packets
from arrears.reports.deadlines import deadlines_of
from arrears.steps.erasure import erase_subject
from arrears.store.artefacts import agreement_path
from arrears.store.engine import open_engine, reading, writing
from arrears.store.tables import decisions, feeds, people, runs
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.legal import legal_notice, packet
from arrears.store.tables.repossession import repossession_order
from arrears.store.whole_files import write_whole


@pytest.fixture
def office(rt: Runtime, store: Engine) -> Office:
    return Office(rt, store)


def test_every_gate_open_makes_a_packet_ready_with_all_its_pages(office):
    office.add("A1")
    assert office.run() == {"draft": 0, "ready": 1, "withheld": 0, "incomplete": 0, "rebuilt": 1, "unchanged": 0}
    row = office.current("A1")
    assert row["open_remedies"] == [
        "accelerate",
        "terminate_and_recover",
        "realise_security",
        "sue_and_preserve",
        "agency",
    ]
    assert (row["missing"], row["reasons"]) == ([], [])
    assert {clock["name"] for clock in row["clocks"]} == {"limitation", "guarantee", "cure"}
    text = office.text_of("A1")
    assert "110101199001010011" in text
    assert "不得提交" not in text


def test_a_draft_is_watermarked_lists_what_is_missing_and_shows_no_identity_number(office):
    office.add("A1", rung=3, evidence=False)
    assert office.run()["draft"] == 1
    row, text = office.current("A1"), office.text_of("A1")
    assert {"rung_four", "demand_served", "document_contract"} <= set(row["missing"])
    assert row["open_remedies"] == []
    assert "110101199001010011" not in text
    assert "草稿" in text
    assert "送达地址确认书" in text


def test_every_amount_in_the_statement_ties_to_the_ledger(office):
    office.add("A1")
    office.payments["A1"].append((date(2026, 8, 1), 234_501))
    office.run()
    text = office.text_of("A1")
    for minor in (
        COUNT * AMOUNT,
        PAID * AMOUNT + 234_501,
        22 * AMOUNT - PAID * AMOUNT - 234_501,
        (COUNT - PAID) * AMOUNT - 234_501,
        AMOUNT - 234_501,
        234_501,
    ):
        assert f"{minor / 100:,.2f}" in text
    assert text.count("12,345.67") >= COUNT
    assert re.search(r"第\s*1\s*页\s*/\s*共\s*\d+\s*页", text)


def test_no_amount_stands_in_the_pdf_that_is_not_in_the_ledger(office):
    office.add("A1")
    office.payments["A1"].append((date(2026, 8, 1), 234_501))
    office.run()
    paid = PAID * AMOUNT + 234_501
    overdue = 22 * AMOUNT - paid
    known = {AMOUNT, 0, 234_501, AMOUNT - 234_501, COUNT * AMOUNT, paid, overdue, COUNT * AMOUNT - paid, 22 * AMOUNT}
    shown = re.findall(r"(?<![\d.])\d{1,3}(?:,\d{3})*\.\d{2}(?![\d.])", office.text_of("A1"))
    assert len(shown) > 3 * COUNT
    assert {round(Decimal(amount.replace(",", "")) * 100) for amount in shown} == known


def test_the_same_facts_are_the_same_bytes_and_carry_a_verified_manifest(office, tmp_path):
    office.add("A1")
    office.run()
    row = office.current("A1")
    pdf = office.bytes_of(row)
    assert hashlib.sha256(pdf).hexdigest() == row["pdf_sha256"]
    assert row["pdf_path"] == f"packets/{row['packet_id'][:2]}/{row['packet_id']}/packet.pdf"
    root = Path(office.rt.settings.artifacts_url.removeprefix("file://"))
    manifest = (root / row["pdf_path"]).with_name("manifest.json").read_bytes()
    assert hashlib.sha256(manifest).hexdigest() == row["manifest_sha256"]
    folder = (root / row["pdf_path"]).parent
    beside = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}
    listed = {entry["name"]: entry for entry in json.loads(manifest)["files"]}
    assert set(listed) == {"packet.pdf", "statement.csv", "payments.csv", "evidence.csv", "chronology.csv"}
    for name, data in beside.items():
        assert listed[name] == {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    packed = (root / row["archive_path"]).read_bytes()
    assert hashlib.sha256(packed).hexdigest() == row["archive_sha256"]
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == beside | {"manifest.json": manifest}
    with writing(office.engine) as connection:
        connection.execute(delete(packet))
    office.run()
    assert office.bytes_of(office.current("A1")) == pdf
    assert not list(root.rglob("*.part"))


def test_a_week_without_news_keeps_the_packet(office):
    office.add("A1")
    office.run(TODAY - timedelta(days=9))  # an instalment falls due on the 15th: later accrual is outside the facts
    first = office.current("A1")
    for later in range(8, 0, -1):
        counts = office.run(TODAY - timedelta(days=later))
        assert (counts["unchanged"], counts["rebuilt"]) == (1, 0)
    assert office.current("A1")["packet_id"] == first["packet_id"]


@pytest.mark.parametrize("change", ["cent", "hold", "party", "remedy"])
def test_news_rebuilds_the_packet_and_keeps_the_old_one(office, change):
    office.add("A1")
    office.run(TODAY - timedelta(days=1))
    before = office.current("A1")
    if change == "cent":
        office.payments["A1"].append((TODAY - timedelta(days=1), 1))
    elif change == "hold":
        office.hold("A1", "promise")
    with writing(office.engine) as connection:
        if change == "party":
            connection.execute(update(people.party).where(people.party.c.party_id == "A1-G").values(name="李五"))
        if change == "remedy":
            connection.execute(
                insert(feeds.court_case).values(
                    court_case_key=sha("c"),
                    account_id="A1",
                    case_id="K",
                    kind="remedy",
                    state="chosen",
                    at="2026-11-11T02:00:00Z",
                    remedy="terminate_and_recover",
                    staff_id="L1",
                )
            )
    assert office.run()["rebuilt"] == 1
    after = office.current("A1")
    assert after["facts_sha256"] != before["facts_sha256"]
    assert after["version"] == 2
    assert office.bytes_of(before), "the superseded packet is kept"
    with reading(office.engine) as connection:
        old = connection.execute(select(packet.c.superseded_on).where(packet.c.version == 1)).scalar_one()
    assert old == TODAY


def test_a_further_call_does_not_rebuild_the_packet(office):
    office.add("A1")
    office.run()
    with writing(office.engine) as connection:
        connection.execute(
            insert(feeds.outcome).values(
                outcome_key=sha("o"),
                account_id="A1",
                party_id="A1-B",
                channel="call",
                at="2026-11-12T02:00:00Z",
                outcome="no_answer",
            )
        )
    assert office.run()["unchanged"] == 1


def test_a_hard_hold_withholds_and_shows_the_readiness_page_only(office):
    office.add("A1")
    office.hold("A1", "dispute")
    office.hold("A1", "data_incomplete")
    assert office.run()["withheld"] == 1, "withheld wins over incomplete"
    assert "hold_dispute" in office.current("A1")["reasons"]
    text = office.text_of("A1")
    assert "客户异议处理中" in text
    assert "王喆" not in text


def test_a_repayment_plan_that_is_kept_withholds_the_packet_and_its_end_brings_it_back(office):
    office.add("A1")
    office.add("A2")
    with writing(office.engine) as connection:
        connection.execute(
            insert(feeds.plan).values(
                plan_key=sha("plan"), account_id="A1", signed_on=TODAY - timedelta(days=1), first_due_on=TODAY,
                instalments=6, amount_each_minor=1, approved_by="S1", state="active",
            )
        )  # fmt: skip
    assert {name: office.run()[name] for name in ("ready", "withheld")} == {"ready": 1, "withheld": 1}
    assert office.current("A1")["reasons"][0] == "hold_plan"
    assert "还款计划履行中" in office.text_of("A1")
    with writing(office.engine) as connection:
        connection.execute(update(feeds.plan).values(state="broken", ended_on=TODAY))
    assert office.run()["ready"] == 2


def test_a_pause_after_a_part_payment_stands_on_the_packet_and_withholds_nothing(office):
    office.add("A1")
    office.run(TODAY - timedelta(days=1))
    before = office.current("A1")
    with writing(office.engine) as connection:
        connection.execute(
            insert(decisions.episode).values(
                account_id="A1", first_unpaid_due=date(2026, 8, 15), opened_on=date(2026, 8, 16),
                quiet_until=TODAY + timedelta(days=3),
            )
        )  # fmt: skip
    assert office.run()["ready"] == 1
    assert office.current("A1")["facts_sha256"] != before["facts_sha256"], "what was approved before is asked again"
    assert "部分还款后宽限中" in office.text_of("A1")


def test_a_payment_of_a_whole_instalment_closes_recovery_but_not_the_suit(office):
    office.add("A1")
    office.payments["A1"][-1] = (TODAY - timedelta(days=30), AMOUNT)
    office.run()
    row = office.current("A1")
    assert row["open_remedies"] == ["accelerate", "sue_and_preserve"]
    assert "terminate_and_recover:recent_payment" in row["reasons"]


def test_a_statement_one_cent_off_the_ledger_is_incomplete(office):
    office.add("A1")
    office.add("A2")
    office.ledger["A1"] = {"due_minor": 22 * AMOUNT + 1}
    counts = office.run()
    assert (counts["incomplete"], counts["ready"]) == (1, 1)
    assert office.current("A1")["reasons"] == ["does_not_reconcile"]


def test_rare_names_are_set_and_a_character_in_no_font_makes_one_packet_incomplete(office):
    office.add("A1", "喆䶮㛃")
    office.add("A2", "𠮷野")
    counts = office.run()
    assert (counts["ready"], counts["incomplete"]) == (1, 1)
    assert "喆䶮㛃" in office.text_of("A1")
    row = office.current("A2")
    assert row["reasons"] == ["missing_glyph"]
    assert "字库缺字" in office.text_of("A2")
    assert office.run()["unchanged"] == 2


def test_an_account_that_left_stage_three_has_no_current_packet(office):
    office.add("A1")
    office.add("A2")
    office.run(TODAY - timedelta(days=1))
    assert office.run(left=("A1",))["unchanged"] == 1
    with reading(office.engine) as connection:
        current = connection.execute(select(packet.c.account_id).where(packet.c.superseded_on.is_(None))).scalars()
        assert list(current) == ["A2"]


def test_a_run_for_a_past_day_leaves_a_newer_packet_alone(office):
    office.add("A1")
    office.run()
    office.payments["A1"].append((date(2026, 9, 1), 5_00))
    assert office.run(TODAY - timedelta(days=3))["unchanged"] == 1
    assert office.current("A1")["version"] == 1


def test_each_packet_leaves_one_event_without_people(office):
    office.add("A1")
    office.run()
    with reading(office.engine) as connection:
        (body,) = connection.execute(
            select(audit_pending.c.body).where(audit_pending.c.type == "packet.built")
        ).scalars()
    event = json.loads(body)
    assert event["key"] == office.current("A1")["packet_id"]
    assert event["subject_ref"] == "ref-A1"
    assert "王喆" not in bytes(body).decode()


def test_the_template_hash_and_language_follow_the_policy(office):
    office.add("A1")
    office.policy = office.policy.model_copy(update={"language": "en"})
    with writing(office.engine) as connection:
        connection.execute(
            insert(runs.policy_text).values(
                policy_sha256=office.policy.sha256, policy_id="cn", version="1", effective_from=TODAY, body="{}"
            )
        )
    office.run()
    text = office.text_of("A1")
    assert "Statement of account" in text
    assert re.search(r"Page 1 of \d", text)


def test_a_run_without_a_frozen_ledger_cannot_build(office):
    office.add("A1")
    run_id = office.open(TODAY)
    with writing(office.engine) as connection:
        connection.execute(update(runs.run).values(snapshot_id=None))
    with pytest.raises(CannotTell, match="no frozen ledger"):
        build_packets(office.rt, office.engine, run_id, TODAY, office.policy, ["A1"])


def test_policy_changes_void_what_was_built_under_the_old_one(office):
    office.add("A1")
    office.run(TODAY - timedelta(days=1))
    legal = office.policy.legal.model_copy(update={"recent_payment_guard_days": 31})
    office.policy = Policy.model_validate(office.policy.model_dump() | {"legal": legal.model_dump()})
    with writing(office.engine) as connection:
        connection.execute(
            insert(runs.policy_text).values(
                policy_sha256=office.policy.sha256, policy_id="cn", version="2", effective_from=TODAY, body="{}"
            )
        )
    assert office.run()["rebuilt"] == 1


def test_progress_is_told_after_every_batch(office, monkeypatch):
    monkeypatch.setattr("arrears.legal.build.BATCH", 2)
    monkeypatch.setattr("arrears.legal.build.READ_AHEAD", 4)
    for n in range(5):
        office.add(f"A{n}", rung=1)
    run_id, told = office.open(TODAY), []
    with watched_by(lambda done, of, what: told.append((done, of, what))):
        counts = build_packets(office.rt, office.engine, run_id, TODAY, office.policy, [f"A{n}" for n in range(5)])
    assert told == [(2, 5, "packets"), (4, 5, "packets"), (5, 5, "packets")]
    assert counts["draft"] == 5


def test_the_statement_beside_the_pdf_adds_up_to_the_frozen_ledger(office):
    office.add("A1")
    office.payments["A1"].append((date(2026, 8, 1), 234_501))
    office.run()
    pdf = Path(office.rt.settings.artifacts_url.removeprefix("file://")) / str(office.current("A1")["pdf_path"])
    rows = list(csv.DictReader(StringIO(pdf.with_name("statement.csv").read_text("utf-8"))))
    total = {name: sum(round(Decimal(row[name]) * 100) for row in rows) for name in ("amount", "paid", "unpaid")}
    assert total == {
        "amount": COUNT * AMOUNT,
        "paid": PAID * AMOUNT + 234_501,
        "unpaid": (COUNT - PAID) * AMOUNT - 234_501,
    }
    paid = csv.DictReader(StringIO(pdf.with_name("payments.csv").read_text("utf-8")))
    assert sum(round(Decimal(row["amount"]) * 100) for row in paid) == total["paid"]


def test_a_packet_in_a_bucket_is_whole_objects_and_no_parts(office):
    bucket = fsspec.filesystem("memory")
    write_whole("memory://bucket", "packets/ab/x.pdf", b"whole")
    assert bucket.find("/bucket") == ["/bucket/packets/ab/x.pdf"]
    assert read("memory://bucket", "packets/ab/x.pdf") == b"whole"


def test_a_paper_that_only_some_remedies_need_closes_those_alone_and_is_on_the_list(office):
    office.add("A1")
    with writing(office.engine) as connection:
        connection.execute(delete(feeds.document).where(feeds.document.c.kind == "power_of_attorney"))
    office.run()
    row = office.current("A1")
    assert row["open_remedies"] == ["terminate_and_recover"]
    assert row["missing"] == ["document_power_of_attorney"]
    assert row["state"] == "ready"


def test_accrued_penalty_does_not_rebuild_the_packet(office):
    office.add("A1")
    office.run(TODAY - timedelta(days=5))
    first = office.current("A1")
    with writing(office.engine) as connection:
        connection.execute(
            insert(feeds.charge).values(
                charge_key=sha("p"), account_id="A1", charged_on=TODAY, kind="penalty", amount_minor=12_34
            )
        )
    assert office.run()["unchanged"] == 1
    assert office.current("A1")["packet_id"] == first["packet_id"]


def recovered(office, machine: str | None = None) -> None:
    """Put an order there whose machine was taken on the 10th, with what that cost."""
    with writing(office.engine) as connection:
        connection.execute(
            insert(repossession_order).values(
                order_id=sha("order"), order_no="RO-1", account_id="A1", episode_due=TODAY, kind="recover", ordinal=1,
                state="recovered", proposed_on=TODAY, idempotency_key=sha("key"), imported=True, run_id="r",
                recovered_at="2026-11-10T02:00:00Z", machine=machine,
            )
        )  # fmt: skip
        connection.execute(
            insert(feeds.order_report).values(
                order_report_key=sha("cost"), account_id="A1", order_no="RO-1", state="recovered",
                at="2026-11-10T02:00:00Z", cost_minor=300_000, result="applied",
            )
        )  # fmt: skip


def text_at(office, path: str) -> str:
    root = Path(office.rt.settings.artifacts_url.removeprefix("file://"))
    pages = pypdf.PdfReader(BytesIO((root / path).read_bytes())).pages
    return "\n".join(page.extract_text() for page in pages).replace("\u200b", "")


def test_a_recovery_brings_debtor_and_guarantor_notice_to_redeem_and_of_the_sale_once(office):
    office.add("A1")
    recovered(office)
    run_id = office.open(TODAY)
    assert write_notices(office.rt, office.engine, run_id, TODAY, office.policy) == {"disposition": 2, "redemption": 2}
    assert write_notices(office.rt, office.engine, run_id, TODAY, office.policy) == {}
    with reading(office.engine) as connection:
        notices = connection.execute(select(legal_notice).order_by(legal_notice.c.kind)).all()
    assert {notice.ends_on for notice in notices} == {date(2026, 11, 23)}, "ten days on, moved to the next working day"
    text = text_at(office, notices[-1].pdf_path)
    assert "赎回通知" in text
    assert "CNY 3,000.00" in text
    assert f"CNY {(COUNT - PAID) * AMOUNT / 100:,.2f}" in text


@pytest.mark.parametrize(("proceeds", "word"), [(30_000_000, "应退还盈余"), (1_000_000, "不足部分")])
def test_the_account_of_the_sale_says_surplus_or_deficiency_to_the_cent(office, proceeds, word):
    office.add("A1")
    recovered(office, "sold")
    with writing(office.engine) as connection:
        connection.execute(
            insert(feeds.recovery).values(
                recovery_key=sha("sale"), account_id="A1", received_on=TODAY, kind="sale", amount_minor=proceeds
            )
        )
    run_id = office.open(TODAY)
    assert write_notices(office.rt, office.engine, run_id, TODAY, office.policy)["settlement"] == 2
    with reading(office.engine) as connection:
        row = connection.execute(select(legal_notice).where(legal_notice.c.kind == "settlement")).first()
    balance = proceeds - 300_000 - (COUNT - PAID) * AMOUNT
    assert row.balance_minor == balance
    text = text_at(office, row.pdf_path)
    assert word in text
    assert f"CNY {abs(balance) / 100:,.2f}" in text


def test_a_plan_becomes_an_agreement_with_schedule_waiver_and_a_consent_page_for_each_guarantor(office):
    office.add("A1")
    with writing(office.engine) as connection:
        connection.execute(
            insert(feeds.plan).values(
                plan_key=sha("plan"), account_id="A1", signed_on=TODAY, first_due_on=date(2026, 12, 31), instalments=3,
                amount_each_minor=500_000, waiver_minor=12_345,
            )
        )  # fmt: skip
    run_id = office.open(TODAY)
    assert write_agreements(office.rt, office.engine, run_id, TODAY, office.policy) == 1
    assert write_agreements(office.rt, office.engine, run_id, TODAY, office.policy) == 0
    text = text_at(office, agreement_path("A1", TODAY))
    for piece in ("2026-12-31", "2027-01-31", "2027-02-28", "CNY 15,000.00", "CNY 123.45", "保证人书面同意", "李四"):
        assert piece in text
    assert text.count("110101199001010011") == 2, "who signs is known by number: the debtor, and the guarantor apart"
    for line in ("债权人（盖章）", "代表人（签字）", "债务人（签字或捺印）", "保证人（签字或捺印）"):
        assert line in text
    assert text.count("日期") == 4
    assert "四、" in text


def test_an_agreement_without_a_waiver_numbers_its_clauses_without_a_gap(office):
    office.add("A1")
    with writing(office.engine) as connection:
        connection.execute(
            insert(feeds.plan).values(
                plan_key=sha("plan"), account_id="A1", signed_on=TODAY, first_due_on=date(2026, 12, 31), instalments=3,
                amount_each_minor=500_000,
            )
        )  # fmt: skip
        connection.execute(update(people.party).values(id_no=None))
    run_id = office.open(TODAY)
    assert write_agreements(office.rt, office.engine, run_id, TODAY, office.policy) == 1
    text = text_at(office, agreement_path("A1", TODAY))
    assert [mark for mark in ("一、", "二、", "三、", "四、") if mark in text] == ["一、", "二、", "三、"]


def test_of_an_erased_account_no_file_is_left_and_none_is_written_anew(office):
    office.add("A1", name="王喆喆")
    plan = {"plan_key": sha("plan"), "account_id": "A1", "signed_on": TODAY, "first_due_on": date(2026, 12, 31)}
    with writing(office.engine) as connection:
        connection.execute(insert(feeds.plan).values(instalments=3, amount_each_minor=500_000, **plan))
    office.run()
    run_id = office.open(TODAY)
    assert write_agreements(office.rt, office.engine, run_id, TODAY, office.policy) == 1
    assert len(about_people(office)) == 8, "six files of the packet, its archive, the agreement"
    with writing(office.engine) as connection:
        connection.execute(update(feeds.account).values(closed_on=date(2020, 1, 1)))
    done = erase_subject(office.rt, "A1", basis="unlawful_processing", by="S-DPO")
    assert (done["files"], about_people(office)) == (8, [])
    assert write_agreements(office.rt, office.engine, run_id, TODAY, office.policy) == 0


def about_people(office: Office) -> list[Path]:
    """Return the files that show somebody: all but the frozen ledgers."""
    root = Path(office.rt.settings.artifacts_url.removeprefix("file://"))
    return [file for file in root.rglob("*") if file.is_file() and file.relative_to(root).parts[0] != "snapshots"]


def built_in_a_child(office: Office, run_id: str, kill_at: int) -> bool:
    """Build the packet of A1 in a process that dies at its n-th step; say whether it lived to the end."""
    office.engine.dispose()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            steps = iter(range(1, kill_at))

            def step(*_: object) -> None:
                if next(steps, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)

            rename = os.rename

            def counted(*names: str) -> None:
                step()  # the file is written, and not there yet
                rename(*names)
                step()

            os.rename = counted  # in this process alone, which ends with it
            build.packet.render = lambda *_: b"%PDF of A1"  # a typesetter's threads do not come along into a child
            open_engine.cache_clear()
            engine = open_engine(office.rt.settings.store_url)
            event.listen(engine, "begin", step)
            event.listen(engine, "commit", step)
            build_packets(office.rt, engine, run_id, TODAY, office.policy, ["A1"])
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFEXITED(status)


def test_a_run_killed_between_any_two_files_leaves_one_whole_packet_and_nothing_that_is_never_erased(office):
    office.add("A1")
    run_id, killed, lived = office.open(TODAY), 0, False
    while not lived:
        lived = built_in_a_child(office, run_id, kill_at=killed + 1)
        killed += not lived
        with reading(office.engine) as connection:
            rows = connection.execute(select(packet)).all()
            events = list(connection.execute(select(audit_pending.c.type)).scalars())
        assert (len(rows), events.count("packet.built")) in ((0, 0), (1, 1))
        if rows and not lived:
            break
    assert killed >= 15, "six files, the archive, before each and after it, and the row"
    row = office.current("A1")
    folder = Path(office.rt.settings.artifacts_url.removeprefix("file://")) / Path(str(row["pdf_path"])).parent
    manifest = (folder / "manifest.json").read_bytes()
    assert hashlib.sha256(manifest).hexdigest() == row["manifest_sha256"]
    for entry in json.loads(manifest)["files"]:
        assert hashlib.sha256((folder / entry["name"]).read_bytes()).hexdigest() == entry["sha256"]
    packed = folder.with_name(f"{folder.name}.zip").read_bytes()
    assert hashlib.sha256(packed).hexdigest() == row["archive_sha256"]
    torn = [file for file in about_people(office) if file.suffix == ".part"]
    assert len(torn) == 7, "one beside each name: no reader takes it for the file"
    with writing(office.engine) as connection:
        connection.execute(update(feeds.account).values(closed_on=date(2020, 1, 1)))
    assert erase_subject(office.rt, "A1", basis="unlawful_processing", by="S-DPO")["files"] == 7 + len(torn)
    assert about_people(office) == []


def test_the_files_of_a_packet_that_got_no_row_go_with_the_account(office):
    office.add("A1")
    assert not built_in_a_child(office, office.open(TODAY), kill_at=12)
    assert about_people(office)
    with writing(office.engine) as connection:
        assert connection.execute(select(packet)).all() == []
        connection.execute(update(feeds.account).values(closed_on=date(2020, 1, 1)))
    erase_subject(office.rt, "A1", basis="unlawful_processing", by="S-DPO")
    assert about_people(office) == []


def test_court_clocks_start_with_preservation_and_judgment_and_the_near_one_is_a_deadline(office):
    office.add("A1")
    steps = [
        ("K1", "preservation", "preserved", "2026-11-01T02:00:00Z"),
        ("K2", "suit", "judgment", "2026-11-05T02:00:00Z"),
    ]
    with writing(office.engine) as connection:
        for case_id, kind, state, at in steps:
            key = natural_key("A1", case_id, kind, state, at)
            connection.execute(
                insert(feeds.court_case).values(
                    court_case_key=key, account_id="A1", case_id=case_id, kind=kind, state=state, at=at
                )
            )
    office.run()
    ends = {clock["name"]: clock["expires_on"] for clock in office.current("A1")["clocks"]}
    assert (ends["preservation"], ends["enforcement"]) == ("2026-12-01", "2028-11-05")
    with reading(office.engine) as connection:
        near = deadlines_of(connection, date(2026, 11, 20), office.policy)
    assert [(line.kind, line.on) for line in near] == [("preservation", date(2026, 12, 1))]


def test_a_claim_in_the_bankruptcy_of_a_customer_has_its_last_day_until_it_is_proved(office):
    """Source: Enterprise Bankruptcy Law 45, thirty days at least; a claim of an earlier bankruptcy proves nothing."""
    office.add("A1")

    def step(at: str) -> None:
        key = natural_key("A1", "K9", "claim", "filed", at)
        values = {"account_id": "A1", "case_id": "K9", "kind": "claim", "state": "filed", "at": at}
        with writing(office.engine) as connection:
            connection.execute(insert(feeds.court_case).values(court_case_key=key, **values))

    def near(day: date) -> list[tuple[str, str, date]]:
        with reading(office.engine) as connection:
            return [(line.kind, line.subject, line.on) for line in deadlines_of(connection, day, office.policy)]

    with writing(office.engine) as connection:
        held = {"account_id": "A1", "kind": "bankrupt", "from_on": date(2026, 11, 1)}
        connection.execute(insert(feeds.hold).values(hold_key=natural_key("A1", "bankrupt"), **held))
    step("2026-10-20T02:00:00Z")
    assert near(date(2026, 11, 16)) == []
    assert near(date(2026, 11, 17)) == near(date(2026, 12, 2)) == [("claim", "A1", date(2026, 12, 1))]
    step("2026-11-19T02:00:00Z")
    assert near(date(2026, 11, 20)) == []
