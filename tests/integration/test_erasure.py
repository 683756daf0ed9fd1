"""Personal data goes when it must, stays while it must, and the log tells of both."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, Table, select

from arrears.audit.erasure import kept_until
from arrears.audit.record import record
from arrears.audit.seal import seal
from arrears.audit.verify import verify_store
from arrears.core.entropy import SeededEntropy
from arrears.core.errors import BadArguments, CannotTell
from arrears.core.keys import natural_key, sha256
from arrears.core.runtime import Request, Runtime
from arrears.ledger.intake import import_feed
from arrears.legal import archive
from arrears.steps import assurance, erasure, raw_files
from arrears.store.engine import reading, writing
from arrears.store.tables.audit import audit_event, event_detail
from arrears.store.tables.feeds import account, court_case, delivery, hold, location, outcome
from arrears.store.tables.legal import packet
from arrears.store.tables.outreach import contact, item, work_item
from arrears.store.tables.people import account_party, party, subject
from arrears.store.tables.repossession import approval, approval_vote, repossession_order
from arrears.store.tables.runs import run

DAY = date(2026, 11, 12)
CLOSED = date(2020, 6, 30)
SECRETS = ("王小明", "13800138000", "京A12345", "hit his thumb", "39.9042", "case 77")


def row_of(table: Table, **values: object) -> dict[str, object]:
    """A row with something in every column that must not be empty."""
    plain = {"INTEGER": 1, "BIGINT": 1, "SMALLINT": 1, "BOOLEAN": False, "DATE": CLOSED, "JSON": []}
    needed = [column for column in table.columns if not column.nullable and column.server_default is None]
    return {column.name: plain.get(str(column.type).split("(")[0], "x") for column in needed} | values


def add_account(connection: Connection, name: str, closed_on: date | None, *people: str) -> None:
    ref = f"ref-{name}"
    connection.execute(subject.insert(), {"subject_ref": ref, "account_id": name, "created_at": "2020-01-01T00:00:00Z"})
    values = {"account_id": name, "subject_ref": ref, "closed_on": closed_on, "contract_type": "loan",
              "currency": "CNY", "plate": "京A12345", "row_sha256": sha256(name.encode())}  # fmt: skip
    connection.execute(account.insert(), row_of(account, **values))
    for person in people:
        known = connection.execute(select(party.c.party_id).where(party.c.party_id == person)).first()
        if known is None:
            values = {"party_id": person, "name": "王小明", "mobile": "13800138000", "language": "zh"}
            connection.execute(party.insert(), values)
        tie = {"account_id": name, "party_id": person, "role": "borrower", "synthesised": False}
        connection.execute(account_party.insert(), tie)


@pytest.fixture
def kept(store: Engine, rt: Runtime) -> Engine:
    """An account closed six years ago, with everything that people leave behind, and one that is still open."""
    with writing(store) as connection:
        add_account(connection, "A1", CLOSED, "P1", "P2")
        add_account(connection, "A2", None, "P2", "P3")
        for table, values in (
            (outcome, {"outcome_key": "o1", "channel": "call", "outcome": "contacted", "note": "hit his thumb"}),
            (hold, {"hold_key": "h1", "kind": "hardship", "until_on": CLOSED, "reason": "hit his thumb"}),
            (location, {"location_key": "l1", "lat": "39.9042", "lon": "116.40", "site_type": "home"}),
            (court_case, {"court_case_key": "c1", "case_id": "C", "kind": "suit", "state": "filed", "at": "2019",
                          "case_no": "case 77"}),
            (court_case, {"court_case_key": "c2", "case_id": "C", "kind": "suit", "state": "closed", "at": "2020"}),
            (run, {"run_id": "R1", "kind": "daily", "status": "completed"}),
            (contact, {"contact_id": "k1", "channel": "call", "audience": "borrower", "tone": "firm", "run_id": "R1",
                       "state": "planned", "stage": 1}),
            (item, {"item_key": "i1", "channel": "call", "contact_id": "k1"}),
            (work_item, {"contact_id": "k1", "script": "王小明，您好", "brief": "hit his thumb"}),
            (packet, {"packet_id": "ab" * 32, "state": "ready", "pdf_sha256": "0" * 64, "superseded_on": CLOSED}),
            (approval, {"approval_id": "a1", "kind": "remedy", "state": "refused"}),
            (approval_vote, {"approval_id": "a1", "note": "hit his thumb", "decision": "refuse", "identity": "shell"}),
        ):  # fmt: skip
            own = {"account_id": "A1"} if "account_id" in table.c else {}
            connection.execute(table.insert(), row_of(table, **own, **values))
        record(connection, rt, run_id="run-1", type="approval.refused", key="k", business_date=CLOSED,
               subject_ref="ref-A1", detail={"note": "hit his thumb"})  # fmt: skip
    archive.file_packet(rt.settings.artifacts_url, "ab" * 32, {"packet.pdf": b"%PDF", "evidence.csv": b"1"}, {}, CLOSED)
    seal(rt, store)
    return store


def erase(rt: Runtime, name: str = "A1", basis: str = "retention_ended", **more: bool) -> dict[str, object]:
    return erasure.erase_subject(rt, name, basis=basis, by="S-DPO", **more)


def dump(store: Engine) -> str:
    with reading(store) as connection:
        return "\n".join(connection.connection.driver_connection.iterdump())


@pytest.mark.parametrize("name", ["A1", "ref-A1"])
def test_an_erased_account_leaves_nobody_behind_and_the_log_whole(kept: Engine, rt: Runtime, name: str) -> None:
    with writing(kept) as connection:  # the other account's people are another question
        connection.execute(party.delete().where(party.c.party_id.in_(["P2", "P3"])))
        connection.execute(account.update().where(account.c.account_id == "A2").values(plate=None))
    assert all(secret in dump(kept) for secret in SECRETS)
    result = erase(rt, name)
    assert [secret for secret in SECRETS if secret in dump(kept)] == []
    assert (result["persons"], result["persons_kept"], result["details"], result["files"]) == (1, 1, 1, 4)
    assert verify_store(kept).status == "intact"
    assert not list(Path(rt.settings.artifacts_url.removeprefix("file://")).rglob("ab*.*"))
    disk = b"".join(file.read_bytes() for file in rt.settings.home.glob("arrears.sqlite*"))
    assert [secret for secret in SECRETS if secret.encode() in disk] == []


def test_the_log_says_who_erased_what_on_which_ground_and_names_nobody(kept: Engine, rt: Runtime) -> None:
    erase(rt)
    with reading(kept) as connection:
        body = connection.execute(select(audit_event.c.body).order_by(audit_event.c.seq.desc())).scalars().first()
    event = json.loads(body)
    assert (event["type"], event["actor"], event["subject_ref"]) == ("erasure.performed", "S-DPO", "ref-A1")
    assert event["data"]["legal_basis"] == "retention_ended"
    assert len(event["data"]["detail_commits"]) == 1
    assert b"A1" not in body.replace(b"ref-A1", b"")


def test_nothing_leads_from_the_account_to_its_old_events(kept: Engine, rt: Runtime) -> None:
    erase(rt)
    with reading(kept) as connection:
        refs = list(connection.execute(select(subject.c.subject_ref).where(subject.c.account_id == "A1")).scalars())
        refs += connection.execute(select(account.c.subject_ref).where(account.c.account_id == "A1")).scalars()
    assert len(refs) == 2
    assert len(set(refs)) == 1
    assert "ref-A1" not in refs


def test_a_person_with_another_account_is_kept_until_that_one_goes_too(kept: Engine, rt: Runtime) -> None:
    erase(rt)
    with reading(kept) as connection:
        names = dict(connection.execute(select(party.c.party_id, party.c.name)).all())
    assert names == {"P1": None, "P2": "王小明", "P3": "王小明"}
    with writing(kept) as connection:
        connection.execute(account.update().where(account.c.account_id == "A2").values(closed_on=CLOSED))
    assert erase(rt, "A2")["persons"] == 2


def case(**values: object) -> Callable[[Connection], object]:
    row = {"account_id": "A1", "court_case_key": "c3", "case_id": "D", "kind": "enforcement", "state": "filed"}
    return lambda connection: connection.execute(court_case.insert(), row_of(court_case, **row | values))


def held(**values: object) -> Callable[[Connection], object]:
    row = {"account_id": "A1", "hold_key": "h2", "kind": "litigation", "until_on": None}
    return lambda connection: connection.execute(hold.insert(), row_of(hold, **row | values))


def ordered(connection: Connection) -> None:
    row = {"account_id": "A1", "state": "approved", "kind": "recover", "imported": True}
    connection.execute(repossession_order.insert(), row_of(repossession_order, **row))


@pytest.mark.parametrize("basis", ["retention_ended", "authority_order"])
@pytest.mark.parametrize("reason", [case(), held(), held(until_on=DAY, kind="dispute"), ordered])
def test_running_proceedings_hold_every_erasure(
    kept: Engine, rt: Runtime, reason: Callable[[Connection], object], basis: str
) -> None:
    with writing(kept) as connection:
        reason(connection)
    with pytest.raises(BadArguments, match="legal hold"):
        erase(rt, basis=basis)
    assert erasure.erase_expired(rt, "night", DAY) == 0
    assert "13800138000" in dump(kept)


@pytest.mark.parametrize("over", [case(state="dismissed"), held(until_on=DAY - timedelta(days=1)), held(kind="cease")])
def test_proceedings_that_are_over_hold_nothing(
    kept: Engine, rt: Runtime, over: Callable[[Connection], object]
) -> None:
    with writing(kept) as connection:
        over(connection)
    assert erase(rt, check_only=True) == {"erased": False, "legal_basis": "retention_ended"}
    assert erasure.erase_expired(rt, "night", DAY) == 1


def test_an_open_contract_is_erased_on_no_ground(kept: Engine, rt: Runtime) -> None:
    for basis in ("retention_ended", "consent_withdrawn", "unlawful_processing", "authority_order"):
        with pytest.raises(BadArguments, match="contract is open"):
            erase(rt, "A2", basis)


def close(store: Engine, on: date) -> None:
    with writing(store) as connection:
        connection.execute(account.update().where(account.c.account_id == "A1").values(closed_on=on))


@pytest.mark.parametrize(("closed_on", "gone"), [(date(2021, 11, 11), 1), (date(2021, 11, 12), 0)])
def test_records_are_kept_five_years_to_the_day(kept: Engine, rt: Runtime, closed_on: date, gone: int) -> None:
    close(kept, closed_on)
    assert erasure.erase_expired(rt, "night", DAY) == gone


def test_withdrawn_consent_waits_for_the_retention_and_an_authority_does_not(kept: Engine, rt: Runtime) -> None:
    close(kept, date(2025, 1, 1))
    with pytest.raises(BadArguments, match="kept until 2030-01-01"):
        erase(rt, basis="consent_withdrawn")
    assert erase(rt, basis="authority_order")["erased"]


def test_the_last_day_of_a_leap_year_is_found() -> None:
    assert kept_until(date(2024, 2, 29), 5) == date(2029, 2, 28)


def test_what_cannot_be_erased_is_said(kept: Engine, rt: Runtime) -> None:
    with pytest.raises(CannotTell, match="no account"):
        erase(rt, "A9")
    with pytest.raises(BadArguments, match="one of retention_ended"):
        erase(rt, basis="because")
    erase(rt)
    with pytest.raises(BadArguments, match="was erased at"):
        erase(rt)


def test_an_erased_account_and_its_people_stay_erased_when_the_ledger_delivers_them_again(
    kept: Engine, rt: Runtime, tmp_path: Path
) -> None:
    erase(rt)
    (tmp_path / "accounts.csv").write_text("account_id,closed_on,plate\nA1,2020-06-30,京A12345\n", encoding="utf-8")
    (tmp_path / "parties.csv").write_text("account_id,party_id,role,name\nA1,P1,borrower,王小明\n", encoding="utf-8")
    for feed in ("accounts", "parties"):
        import_feed(rt, kept, "run-2", feed, tmp_path / f"{feed}.csv", DAY)
    with reading(kept) as connection:
        assert connection.execute(select(account.c.plate).where(account.c.account_id == "A1")).scalar_one() is None
        assert connection.execute(select(party.c.name).where(party.c.party_id == "P1")).scalar_one() is None


def test_a_detail_that_is_erased_without_saying_so_is_still_tampering(kept: Engine) -> None:
    with writing(kept) as connection:
        connection.execute(event_detail.delete())
    assert verify_store(kept).status == "tampered"


@pytest.fixture
def raw(rt: Runtime, store: Engine, tmp_path: Path) -> tuple[Runtime, Path]:
    """Dated feeds folders of three days, arrivals of a day, and what people were shown."""
    folder = tmp_path / "feeds"
    days = [DAY - timedelta(days=back) for back in (200, 91, 90)]
    with writing(store) as connection:
        for number, on in enumerate([*days, days[0]]):
            place = folder / (on.isoformat() if number < 3 else "intake")
            place.mkdir(parents=True)
            (place / "accounts.csv").write_text(f"file {number}", encoding="utf-8")
            row = {"delivery_id": natural_key(number), "feed": "accounts", "business_date": on, "rows": 1,
                   "accepted": 1, "quarantined": 0, "sha256": sha256(f"file {number}".encode())}  # fmt: skip
            connection.execute(delivery.insert(), row_of(delivery, **row))
    (folder / days[0].isoformat() / "_DONE").touch()
    (folder / days[1].isoformat() / "parties.csv").write_text("never taken in", encoding="utf-8")
    (folder / "notes").mkdir()
    for on in days:
        for kind in ("worklists", "digests"):
            place = Path(rt.settings.artifacts_url.removeprefix("file://")) / kind / on.isoformat()
            place.mkdir(parents=True)
            (place / "x").touch()
    changed = rt.settings.model_copy(update={"ledger_url": f"file://{folder}"})
    return Runtime(changed, rt.clock, SeededEntropy(3), rt.attempt), folder


def names(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_raw_files_are_deleted_after_their_days_and_the_log_names_their_hashes(
    raw: tuple[Runtime, Path], store: Engine
) -> None:
    rt, folder = raw
    gone = raw_files.delete_raw_files(rt, "night", DAY)
    assert (gone.deleted, gone.left) == (3 + 4, 1)
    assert names(folder) == ["2026-08-13/parties.csv", "2026-08-14/accounts.csv"]
    assert not (folder / "2026-04-26").exists()
    assert names(Path(rt.settings.artifacts_url.removeprefix("file://"))) == [
        "digests/2026-08-14/x",
        "worklists/2026-08-14/x",
    ]
    seal(rt, store)
    with reading(store) as connection:
        said = json.loads(connection.execute(select(audit_event.c.body)).scalars().all()[-1])
        rows = connection.execute(select(delivery.c.sha256)).scalars().all()
    assert said["type"] == "files.expired"
    assert set(said["data"]["raw_files"]) <= set(rows)
    assert len(said["data"]["raw_files"]) == 3
    assert raw_files.delete_raw_files(rt, "night", DAY) == raw_files.Gone(0, 1)


def test_the_night_lets_go_of_files_and_people_and_seals_it(raw: tuple[Runtime, Path], kept: Engine) -> None:
    rt, _ = raw
    night = assurance.open_night(rt, Request(rt.clock.now(), DAY))
    assert assurance.erase_what_expired(rt, night) == {"files": 7, "files_left": 1, "accounts": 1}
    assurance.close_night(rt, night)
    assert verify_store(kept).status == "intact"
