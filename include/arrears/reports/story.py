"""The story of one account told in business words: what was done, what was not, and why; nobody is named."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from arrears.core.money import digits_of, format_minor
from arrears.reports.assessment import rated
from arrears.reports.lacking import lacking_of
from arrears.reports.order_notes import note_of, why_ended
from arrears.reports.wording import Words

WORKED_BY_PEOPLE = ("call", "visit", "letter")

MOST = {3: "3+"}
"""The highest stage, which stands for three instalments and for any more."""

Story = Mapping[str, Any]
"""What ``arrears explain --json`` prints."""


@dataclass(frozen=True)
class Section:
    """A heading with its lines."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """A whole story: one opening sentence, the sections that have something to say, and where it comes from."""

    head: str
    sections: tuple[Section, ...]
    sources: tuple[str, ...]


def tell(story: Story, words: Words, time_zone: str) -> Told:
    """Return the story in the words of a language; moments in the department's own time zone."""
    decision = story["decision"]
    parts = (
        ("treatment", _treatment(decision, words) if decision else []),
        ("missing", _missing(decision, words) if decision and story["standing"]["overdue_instalments"] else []),
        ("seen", list(_seen(story, words))),
        ("lanes", [words("story.lane", date=row["from_on"], lane=words.label("lane", row["lane"]))
                   for row in story["lanes"]]),
        ("otherwise", [_otherwise(row, words) for row in story["not_as_told"]]),
        ("holds", list(_holds(story, words, time_zone))),
        ("promises", [_promise(row, story, words) + _later(row, words, time_zone) for row in story["promises"]]),
        ("done", [_contact(row, words, time_zone) for row in story["contacts"]] or _said(decision, "contacted", words)),
        ("not_done", list(_not_done(story["not_planned"], words)) or _said(decision, "left_out", words)),
        ("packet", _packet(story["packet"], words)),
        ("clocks", _clocks(story["clocks"], words)),
        ("orders", [_order(row, words) for row in story["orders"]]),
        ("filings", [_filing(row, words) for row in story["filings"]]),
        ("followed", _followed(story, words, time_zone)),
    )  # fmt: skip
    sections = tuple(Section(words(f"story.title.{name}"), tuple(lines)) for name, lines in parts if lines)
    return Told(_head(story, words), sections, _sources(story, words))


def _said(decision: Mapping[str, Any] | None, nothing: str, words: Words) -> list[str]:
    """Say that there was nothing of it: who complains must not take a gap for an answer."""
    return [words(f"story.nothing.{nothing}")] if decision else []


def _head(story: Story, words: Words) -> str:
    standing = story["standing"]
    as_told = (story["lineage"] is None or story["lineage"]["as_told"]) and not story["not_as_told"]
    warning = "" if as_told else words("story.not_as_told")
    if story["decision"] is None:
        why = standing.get("undecided") or "quiet"
        return warning + words(f"story.undecided.{why}", account=story["account_id"], date=story["business_date"])
    if not standing["overdue_instalments"]:
        return warning + words("story.head_clean", account=story["account_id"], date=story["business_date"])
    return warning + words(
        "story.head",
        account=story["account_id"],
        date=story["business_date"],
        n=standing["overdue_instalments"],
        days=standing["days_past_due"],
        amount=f"{format_minor(standing['overdue_minor'], digits_of(standing['currency']), grouped=True)} "
        f"{standing['currency']}",
    )


def _treatment(decision: Mapping[str, Any], words: Words) -> list[str]:
    names = {name: words.label("rung", decision[name]) for name in ("rung", "entitled_rung", "unlocked_rung")}
    said = [words("story.rung", **names)]
    if decision["unlocked_rung"] < decision["entitled_rung"]:
        said.append(words("story.held_back"))
    said += [
        words.label("delay", reason.removeprefix("delayed_"))
        for reason in decision["reasons"]
        if reason.startswith("delayed_")
    ]
    said += rated(decision["reasons"], words)
    triggers = [words(f"brief.trigger.{code}") for code in decision["reasons"] if code[:1] == "V"]
    return said + ([words("brief.why", why=words("list_mark").join(triggers))] if triggers else [])


def _seen(story: Story, words: Words) -> Iterator[str]:
    """Tell what the episode had on record when the day ended, kind by kind; what counts for nothing is told as that."""
    since = story["standing"].get("episode_due") or ""
    rows = [row for row in story["evidence"] if row["local_date"] >= since and not row["came_later"]]
    kinds = Counter((row["kind"], bool(row["counts"])) for row in rows)
    for (kind, counts), times in kinds.items():
        last = max(row["local_date"] for row in rows if (row["kind"], bool(row["counts"])) == (kind, counts))
        said = "story.seen" if counts else "story.seen_nothing"
        yield words(said, what=words.label("evidence_kind", kind), n=times, date=last)


def _holds(story: Story, words: Words, time_zone: str) -> Iterator[str]:
    """Tell the holds that were delivered, those over by then as that, and those the system knew of by itself."""
    for row in story["holds"]:
        until = row["until_on"]
        ended = words("story.ended") if until and until < story["business_date"] else ""
        said = words("story.hold", name=words.label("hold", row["kind"]), since=row["from_on"],
                     until=until or words("story.open_end"))  # fmt: skip
        yield said + ended + _later(row, words, time_zone)
    facts = (story["decision"] or {}).get("facts", {})
    delivered = {row["kind"] for row in story["holds"]}
    for kind in (*facts.get("hard_holds", ()), *facts.get("soft_holds", ())):
        if kind not in delivered:
            yield words("story.held", name=words.label("hold", kind))


def _followed(story: Story, words: Words, time_zone: str) -> list[str]:
    """Tell what came of it in the days after: each change of standing, and every result, in the order of days."""
    found: list[tuple[str, str]] = []
    before = (story["standing"].get("stage"), (story["decision"] or {}).get("rung"))
    for row in story["afterwards"]["decisions"]:
        standing = row["stage"], row["rung"]
        if standing != before:
            rung = words.label("rung", row["rung"])
            is_paid = row["stage"] == 0
            said = (
                words("story.paid_later")
                if is_paid
                else words("story.standing_later", n=MOST.get(row["stage"], row["stage"]), rung=rung)
            )
            found.append((row["business_date"], said))
        before = standing
    for row in story["afterwards"]["outcomes"]:
        day = datetime.fromisoformat(row["at"]).astimezone(ZoneInfo(time_zone)).date().isoformat()
        channel, result = words.label("channel", row["channel"]), words.label("outcome", row["outcome"])
        found.append((day, f"{channel} · {result}"))
    return [words("story.followed", date=day, what=what) for day, what in sorted(found, key=lambda one: one[0])]


def _missing(decision: Mapping[str, Any], words: Words) -> list[str]:
    """Return what evidence the next rung still lacks, each as found against asked."""
    found = []
    for gate in decision["gates"]:
        if gate["passed"]:
            continue
        rung, _, name = gate["name"].partition(":")
        counts = re.findall(r"\d+", gate["detail"])
        what = words.label("evidence_gate", name)
        if gate["detail"].startswith("-"):  # counted since something that has not happened
            what = words("story.none_yet", what=what)
        elif len(counts) >= 2:
            what = words("story.counted", what=what, found=counts[0], asked=counts[1])
        found.append(words("story.for_rung", rung=words.label("rung", rung), what=what))
    return found


def _promise(row: Mapping[str, Any], story: Story, words: Words) -> str:
    currency = story["standing"]["currency"]
    amount = format_minor(row["amount_minor"], digits_of(currency), grouped=True)
    said = words("story.promise", made=row["made_on"], due=row["due_on"], amount=f"{amount} {currency}",
                 state=words.label("promise_state", row["state"]))  # fmt: skip
    became = row["became"]
    return said + (words("story.became", state=words.label("promise_state", became)) if became else "")


def _order(row: Mapping[str, Any], words: Words) -> str:
    mark = words("story.changed_later") if "state" in row["came_later"] else ""
    said = f"{row['order_no']} · {words.label('order', row['state'])}{mark}"
    why = note_of(row["recall_reason"], row["closed_reason"], row["blocked_by"], words)
    return words("story.because", what=said, why=why) if why else said


def _filing(row: Mapping[str, Any], words: Words) -> str:
    """Tell what was filed at court, and whether two people had approved it."""
    behind = "unapproved" if row["is_unapproved"] else "approved" if row["approval_id"] else "attested"
    return words("story.filing", kind=words.label("case_kind", row["kind"]), date=row["filed_at"][:10],
                 behind=words(f"story.filed_{behind}"))  # fmt: skip


def _later(row: Mapping[str, Any], words: Words, time_zone: str) -> str:
    """Mark what was not known yet when the day ended."""
    if not row["came_later"]:
        return ""
    known = datetime.fromisoformat(row["known_at"]).astimezone(ZoneInfo(time_zone))
    return words("story.came_later", date=known.date().isoformat())


def _otherwise(row: Mapping[str, Any], words: Words) -> str:
    """Tell a contact or a step left out that stands otherwise than the log was told."""

    def named(state: str | None) -> str:
        own = {None: "nobody", "left_out": "left_out"}.get(state)
        return words(f"story.{own}") if own else words.label("contact_state", str(state))

    return words("story.otherwise", told=named(row["told"]), stands=named(row["stands"]))


def _contact(row: Mapping[str, Any], words: Words, time_zone: str) -> str:
    """Tell one contact; a call, visit or letter that was "sent" was handed to somebody, which is not yet doing it."""
    handed_over = row["state"] == "sent" and row["channel"] in WORKED_BY_PEOPLE
    parts = [words.label("step", row["step"]), words.label("audience", row["audience"]),
             words.label("contact_state", "handed_over" if handed_over else row["state"])]  # fmt: skip
    if row["reason"]:
        parts.append(words.reason(row["reason"]))
    if row["sent_at"]:
        moment = datetime.fromisoformat(row["sent_at"]).astimezone(ZoneInfo(time_zone))
        parts.append(moment.strftime("%Y-%m-%d %H:%M"))
    return " · ".join(parts)


def _not_done(rows: Sequence[Mapping[str, Any]], words: Words) -> Iterator[str]:
    """Name each step once, with all its reasons."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        said = reasons.setdefault(row["step"], [])
        if (reason := words.reason(row["reason"])) not in said:
            said.append(reason)
    for step, why in reasons.items():
        yield words("story.because", what=words.label("step", step), why=words("list_mark").join(why))


def _packet(packet: Mapping[str, Any] | None, words: Words) -> list[str]:
    if packet is None:
        return []
    said = [words("story.packet", state=words.label("packet", packet["state"]), version=packet["version"])]
    said += [_asked(row, words) for row in packet["approvals"]]
    lacking = lacking_of(packet["reasons"], packet["missing"], packet["chosen_remedy"], words)
    if lacking:
        said.append(words("story.lacking", what=words("list_mark").join(lacking)))
    return said + _clocks(packet["clocks"], words)


def _asked(row: Mapping[str, Any], words: Words) -> str:
    """Tell what two people were asked about a packet and how that stands; what is void is told with its reason."""
    state, until = words.label("packet_asked_state", row["state"]), row["expires_on"] or "—"
    said = words("story.packet_asked", state=state, until=until)
    is_void = row["state"] == "void"
    return words("story.because", what=said, why=why_ended(row["closed_reason"], words)) if is_void else said


def _clocks(clocks: Sequence[Mapping[str, str]], words: Words) -> list[str]:
    """Say when each right lapses and what that is counted from; the claim on one guarantor says nothing of another."""
    return [
        words("story.clock", name=words.label("clock", clock["name"]), date=clock["expires_on"],
              basis=words.label("counted_from", clock["assumption"]))
        for clock in clocks
        if words.knows("clock", clock["name"])
    ]  # fmt: skip


def _sources(story: Story, words: Words) -> tuple[str, ...]:
    lineage = story["lineage"]
    if lineage is None:
        return ()
    policy, code = lineage["policy"], lineage["code"]
    return (
        words("story.source.policy", id=policy["id"], version=policy["version"], hash=policy["sha256"]),
        words("story.source.run", run=lineage["run_id"], hash=lineage["ledger_row_sha256"]),
        words("story.source.decision", hash=lineage["row_sha256"]),
        words("story.source.code", version=code["version"], id=code["id"]),
    )
