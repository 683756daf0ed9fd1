"""The lender's own people and the towing firms: who may do what, and whose papers have run out."""

from dataclasses import dataclass
from datetime import date, timedelta

from arrears.rehearsal.contracts import BRANCH_CODES, BRANCHES, Contract
from arrears.rehearsal.feeds import Row

LEGAL_APPROVER = "REH-LEGAL"
RISK_APPROVER = "REH-RISK"
FINANCE = "F-01"
RECALLED_AGENCY = "AG-01"
COLLECTORS_PER_BRANCH = 3


@dataclass(frozen=True)
class _Seat:
    staff_id: str
    name: str
    role: str
    branch: str = ""
    skills: str = ""
    dialects: str = "mandarin"
    language: str = "zh"
    capacity: int = 0


HEAD_OFFICE = (
    _Seat(LEGAL_APPROVER, "演练法务", "legal", skills="rehearsal_approver"),
    _Seat(RISK_APPROVER, "演练风控", "risk", skills="rehearsal_approver"),
    _Seat("L-01", "示例法务甲", "legal", skills="letters;packets"),
    _Seat("L-02", "示例法务乙", "legal", skills="letters;court"),
    _Seat("R-01", "示例风控甲", "risk"),
    _Seat(FINANCE, "示例财务甲", "finance"),
    _Seat("M-01", "示例经理", "manager"),
    _Seat("M-02", "Example Head of Collections", "manager", language="en"),
    _Seat("A-01", "Example Auditor", "auditor", language="en"),
)
BRANCH_DIALECTS = dict(zip(BRANCHES, ("mandarin;wu", "mandarin;yue", "mandarin", "mandarin;sichuan"), strict=True))


def staff_rows(on: date) -> list[Row]:
    """Return the staff; the third collector of the first branch has an expired certificate."""
    expired = collector_id(BRANCHES[0], COLLECTORS_PER_BRANCH)
    rows = []
    for seat in (*HEAD_OFFICE, *(seat for branch in BRANCHES for seat in _branch_seats(branch))):
        until = on - timedelta(days=40) if seat.staff_id == expired else on + timedelta(days=230)
        rows.append(
            {
                "staff_id": seat.staff_id,
                "name": seat.name,
                "roles": seat.role,
                "skills": seat.skills,
                "dialects": seat.dialects,
                "branch": seat.branch,
                "mail": f"{seat.staff_id.lower()}@arrears.example",
                "language": seat.language,
                "certificate_until": until.isoformat(),
                "capacity": str(seat.capacity),
            }
        )
    return rows


def _branch_seats(branch: str) -> list[_Seat]:
    code, dialects = BRANCH_CODES[branch], BRANCH_DIALECTS[branch]
    collectors = [
        _Seat(
            collector_id(branch, number),
            f"示例催收员{code}{number}",
            "collector",
            branch,
            ("early;english", "difficult;promises", "early")[number - 1],
            dialects,
            capacity=60,
        )
        for number in range(1, COLLECTORS_PER_BRANCH + 1)
    ]
    return [
        *collectors,
        _Seat(f"V-{code}-1", f"示例外勤{code}甲", "field", branch, "visits;agreements", dialects, capacity=6),
        _Seat(f"V-{code}-2", f"示例外勤{code}乙", "field", branch, "visits;evidence", dialects, capacity=6),
        _Seat(supervisor_id(branch), f"示例主管{code}", "supervisor", branch, "", dialects),
    ]


def collector_id(branch: str, number: int) -> str:
    """Return the id of a branch's collector, counted from 1."""
    return f"C-{BRANCH_CODES[branch]}-{number}"


def supervisor_id(branch: str) -> str:
    """Return the id of a branch's supervisor."""
    return f"S-{BRANCH_CODES[branch]}"


def field_ids(branch: str) -> tuple[str, str]:
    """Return the two people who visit together."""
    return f"V-{BRANCH_CODES[branch]}-1", f"V-{BRANCH_CODES[branch]}-2"


def owner_of(contract: Contract) -> str:
    """Return the named collector of an account; every hundredth account has none, which is an exception to report."""
    number = int(contract.account_id[1:])
    if number % 100 == 50:
        return ""
    return collector_id(contract.branch, number % COLLECTORS_PER_BRANCH + 1)


def agency_rows(on: date) -> list[Row]:
    """Return three towing firms: two in order, one whose licence ran out."""
    year = timedelta(days=365)
    return [
        {
            "agency_id": agency_id,
            "name": name,
            "licence_no": f"示例许可{number:03d}",
            "data_agreement_ref": f"示例数据协议{number:03d}",
            "region": region,
            "channel": channel,
            "licence_until": (on + licence).isoformat(),
            "insurance_until": (on + year).isoformat(),
            "active_until": (on + year).isoformat(),
        }
        for number, (agency_id, name, region, channel, licence) in enumerate(
            (
                (RECALLED_AGENCY, "示例拖车甲有限公司", ";".join(BRANCHES), "http", year),
                ("AG-02", "示例拖车乙有限公司", ";".join(BRANCHES), "file", year),
                ("AG-03", "示例拖车丙有限公司", ";".join(BRANCHES[:2]), "file", -timedelta(days=15)),
            ),
            start=1,
        )
    ]
