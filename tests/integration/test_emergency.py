"""Preservation in an emergency: made on evidence before the gates are open, approved by two people, never a tow."""

from datetime import date, timedelta
from io import BytesIO

import pypdf
import pytest
from packet_office import TODAY, Office, sha
from sqlalchemy import Engine, insert, select, update

from arrears.approvals.filings import Judged, judge_filings
from arrears.approvals.packets import Asked, ask_about_emergencies
from arrears.approvals.questions import list_open
from arrears.approvals.votes import vote
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.legal.archive import read
from arrears.legal.emergency import build_emergencies
from arrears.reports.control import exceptions_of
from arrears.reports.deadlines import deadlines_of
from arrears.steps.erasure import erase_subject
from arrears.store.engine import reading, writing
from arrears.store.tables import feeds
from arrears.store.tables.legal import emergency_packet, packet
from arrears.store.tables.people import party
from arrears.store.tables.repossession import approval


class Emergency(Office):
    """An office with one account two instalments behind whose machine is being sold."""

    def __init__(self, rt: Runtime, engine: Engine) -> None:
        super().__init__(rt, engine)
        people = {"L1": "legal", "R1": "risk", "C1": "collector"}
        with writing(engine) as connection:
            connection.execute(
                insert(feeds.staff),
                [{"staff_id": name, "name": name, "roles": role, "skills": "", "dialects": "", "branch": ""}
                 for name, role in people.items()],
            )  # fmt: skip
        self.add("A1", rung=2)
        self.payments["A1"] += [(date(2026, 7, 14), 1_234_567), (date(2026, 8, 14), 1_234_567)]
        self.ledger_run = self.open(TODAY, left=("A1",))

    def case(self, state: str, *, kind: str = "preservation", by: str | None = "C1", at: str = "01:00") -> None:
        at = f"2026-11-12T{at}:00Z"
        with writing(self.engine) as connection:
            connection.execute(
                insert(feeds.court_case).values(
                    court_case_key=natural_key("A1", kind, state, at), account_id="A1", case_id="E1", kind=kind,
                    state=state, at=at, staff_id=by,
                )
            )  # fmt: skip

    def evidence(self, title: str = "买卖设备的聊天记录", second: str | None = "R1") -> None:
        with writing(self.engine) as connection:
            connection.execute(
                insert(feeds.document).values(
                    document_key=sha(title), account_id="A1", party_id="A1-B", kind="dissipation_evidence",
                    sha256=sha(title), title=title, dated_on=TODAY, confirmed_by="C1", second_confirmed_by=second,
                )
            )  # fmt: skip

    def meet(self, day: date = TODAY) -> dict[str, int]:
        """Make the application and ask about it."""
        made = build_emergencies(self.rt, self.engine, self.ledger_run, self.ledger_run, day, self.policy)
        with writing(self.engine) as connection:
            self.asked = ask_about_emergencies(connection, self.rt, self.ledger_run, day, self.policy)
        return made

    def applications(self) -> list:
        with reading(self.engine) as connection:
            return connection.execute(select(emergency_packet).order_by(emergency_packet.c.version)).all()

    def agree(self, *people: str) -> None:
        (waiting,) = list_open(self.engine)
        for person in people or ("L1", "R1"):
            vote(self.rt, self.engine, approval_id=waiting.approval_id, staff_id=person, decision="approve",
                 note="read", identity="shell", policy=self.policy)  # fmt: skip

    def judge(self) -> Judged:
        with writing(self.engine) as connection:
            return judge_filings(connection, self.rt, self.ledger_run, TODAY, self.policy)

    def exceptions(self) -> list[str]:
        with reading(self.engine) as connection:
            return [line.kind for line in exceptions_of(connection, TODAY, None, self.policy)]


@pytest.fixture
def office(rt: Runtime, store: Engine) -> Emergency:
    return Emergency(rt, store)


def test_evidence_that_two_people_confirmed_makes_an_application_that_two_people_are_asked_about(office):
    office.case("asked")
    office.evidence()
    assert office.meet() == {"ready": 1, "lacking": 0}
    assert office.asked == Asked(1, 0, 0)
    (made,) = office.applications()
    pdf = pypdf.PdfReader(BytesIO(read(office.rt.settings.artifacts_url, made.pdf_path)))
    text = "".join(page.extract_text() for page in pdf.pages)
    shown = text.replace("\u200b", "").replace("\n", "")
    said = ("诉前财产保全申请书", "不得据以取回设备", "买卖设备的聊天记录", "110101199001010011", "LXG215C0000012345")
    assert [words for words in said if words not in shown] == []
    (waiting,) = list_open(office.engine)
    assert (waiting.kind, waiting.missing, waiting.about) == ("preservation", ("legal", "risk"), "preservation")
    with reading(office.engine) as connection:
        assert connection.execute(select(packet)).all() == [], "below the third instalment there is no packet"


def test_what_stands_is_not_made_again_and_news_makes_it_anew_and_voids_what_was_agreed(office):
    office.case("asked")
    office.evidence()
    office.meet()
    office.agree()
    assert office.meet() == {"ready": 1, "lacking": 0}
    assert (office.asked, len(office.applications())) == (Asked(0, 0, 0), 1)
    office.payments["A1"].append((TODAY, 1))
    office.ledger_run = office.open(TODAY, left=("A1",))
    office.meet()
    assert office.asked == Asked(1, 1, 0)
    assert [row.superseded_on for row in office.applications()] == [TODAY, None]


@pytest.mark.parametrize(
    ("spoil", "lacking"),
    [
        (lambda office: office.evidence(second=None), "document_dissipation_evidence"),
        (lambda office: office.evidence(second="C1"), "document_dissipation_evidence"),
        (lambda office: (office.evidence(), office.hold("A1", "bankrupt")), "hold_bankrupt"),
        (lambda office: (office.evidence(), office.rename("")), "borrower_known"),
        (lambda office: (office.evidence(), office.rename("𠮷田")), "missing_glyph"),
    ],
)
def test_what_lacks_something_is_told_first_and_asked_of_nobody(office, spoil, lacking):
    office.rename = lambda name: _rename(office.engine, name)
    office.case("asked")
    spoil(office)
    assert office.meet() == {"ready": 0, "lacking": 1}
    assert office.asked.asked == 0
    assert lacking in office.applications()[0].lacking
    assert office.exceptions()[0] == "emergency_lacking"


def _rename(engine: Engine, name: str) -> None:
    with writing(engine) as connection:
        connection.execute(update(party).where(party.c.party_id == "A1-B").values(name=name))


def test_a_machine_that_is_lost_does_not_stand_in_the_way_of_preserving_it(office):
    office.case("asked")
    office.evidence()
    office.hold("A1", "asset_loss")
    assert office.meet()["ready"] == 1


def test_nobody_of_the_staff_asking_is_no_emergency(office):
    office.case("asked", by="STRANGER")
    office.evidence()
    assert office.meet() == {"ready": 0, "lacking": 0}


def test_the_approval_covers_the_preservation_alone_and_its_thirty_days_are_a_last_day(office):
    office.case("asked")
    office.evidence()
    office.meet()
    office.agree()
    office.case("preserved", at="03:00")
    assert office.judge() == Judged(1, 0)
    assert office.meet() == {"ready": 0, "lacking": 0}, "what is at court is asked for no more"
    with reading(office.engine) as connection:
        (line,) = [one for one in deadlines_of(connection, TODAY + timedelta(days=20), office.policy)
                   if one.kind == "preservation"]  # fmt: skip
    assert (line.subject, line.on) == ("A1", TODAY + timedelta(days=30))
    office.case("filed", kind="suit", at="04:00")
    assert office.judge() == Judged(0, 1)


def test_sent_back_it_waits_for_other_facts(office):
    office.case("asked")
    office.evidence()
    office.meet()
    (waiting,) = list_open(office.engine)
    vote(office.rt, office.engine, approval_id=waiting.approval_id, staff_id="R1", decision="send_back",
         note="whose machine is this?", identity="shell", policy=office.policy)  # fmt: skip
    office.meet()
    assert office.asked == Asked(0, 0, 0)
    office.evidence("照片")
    office.meet()
    with reading(office.engine) as connection:
        states = connection.execute(select(approval.c.state)).scalars().all()
    assert sorted(states) == ["open", "refused"]


def test_an_application_is_erased_with_its_account(office):
    office.case("asked")
    office.evidence()
    office.meet()
    path = office.applications()[0].pdf_path
    assert read(office.rt.settings.artifacts_url, path)
    with writing(office.engine) as connection:
        connection.execute(update(feeds.account).values(closed_on=date(2020, 1, 1)))
        connection.execute(feeds.court_case.delete())
    erase_subject(office.rt, "A1", basis="unlawful_processing", by="S-DPO")
    with pytest.raises(FileNotFoundError):
        read(office.rt.settings.artifacts_url, path)
