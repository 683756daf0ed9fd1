"""Every situation of the rulebook, lived side by side for a month, beside one customer who simply pays.

``tests/golden/situations.txt`` and ``judgement.txt`` hold the whole observed story of each for a head of collections to
read: day, stage and rung, and what was done. ``PYTHONPATH=tests/shared python tests/scenarios/test_situations.py``
writes them anew after a change of the rules.
"""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from time_lapse import lapse_of

from arrears.ladder.layers import load_policy
from arrears.ladder.promises import last_day_of
from arrears.proof.explain import explain
from arrears.proof.prove import prove
from arrears.rehearsal.rehearse import FROM
from arrears.rehearsal.scenarios import CONTROL, cast_world, timeline
from arrears.rehearsal.situations import HOLDS, JUDGEMENT, SCENARIOS
from arrears.reports.committee import aged_lines
from arrears.reports.control import ExceptionLine, exceptions_of
from arrears.reports.neglected import without_reason
from arrears.reports.story import tell
from arrears.reports.wording import words
from arrears.store.engine import reading
from arrears.store.tables.decisions import decision, episode
from arrears.store.tables.feeds import promise
from arrears.store.tables.outreach import contact, item

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "situations.txt"
JUDGED = GOLDEN.with_name("judgement.txt")
DAYS = 32
FOUND_OUT = [scenario.name for scenario in JUDGEMENT]
CAST = [name for name, scenario in SCENARIOS.items() if not scenario.missed and name not in FOUND_OUT]
WITHOUT_PACKETS = {"packets"}
"""The slice that is lived here builds none."""

Day = dict[str, object]


class Told:
    """What happened to everybody, by situation and day from the start."""

    def __init__(self, lapse, names: list[str]) -> None:
        self.engine = lapse.engine
        numbers = [1, *range(3, len(names) + 2)]
        self.accounts = {"control": CONTROL} | {
            name: f"S{number:05d}" for name, number in zip(names, numbers, strict=True)
        }
        self._days: dict[str, dict[int, Day]] = {}
        self.broken = {check.name for check in prove(lapse.engine, load_policy()) if check.violations}

    def days(self, name: str) -> dict[int, Day]:
        if name not in self._days:
            rows = timeline(self.engine, self.accounts[name])
            self._days[name] = {(date.fromisoformat(str(row["date"])) - FROM).days: row for row in rows}
        return self._days[name]

    def done(self, name: str) -> dict[int, list[str]]:
        """Return what left, by day; what a gate withheld at the last moment did not."""
        left = {day: [step for step in row["done"] if "(" not in step] for day, row in self.days(name).items()}
        return {day: steps for day, steps in left.items() if steps}

    def days_of(self, name: str, step: str) -> list[int]:
        return [day for day, steps in self.done(name).items() if step in steps]

    def why_not(self, name: str, day: int, step: str) -> set[str]:
        told = (entry.split(": ", 1) for entry in self.days(name)[day]["not_done"])
        return {reason for left_out, reason in told if left_out == step}

    def rungs(self, name: str) -> list[int]:
        return [row["rung"] for row in self.days(name).values()]

    def rows(self, table, name: str) -> list:
        with reading(self.engine) as connection:
            return list(connection.execute(select(table).where(table.c.account_id == self.accounts[name])))


def play(home: Path, names: list[str], start: date = FROM, days: int = DAYS, missed: tuple[int, ...] = ()) -> Told:
    world = cast_world([SCENARIOS[name] for name in names], start, 7)
    with lapse_of(world, home) as lapse:
        for number in range(days):
            on = start + timedelta(days=number)
            world.evening(on) if number in missed else lapse.live(on)
        return Told(lapse, names)


def story(told: Told, name: str) -> str:
    """Write one story: a line for each day on which something was done or the standing changed."""
    lines, before = [], None
    for day, row in told.days(name).items():
        standing = f"{row['stage']}/{row['rung']}"
        if row["done"] or standing != before:
            lines.append(f"{day:3d}  {standing}  {', '.join(row['done'])}".rstrip())
        before = standing
    tells = SCENARIOS[name].tells if name in SCENARIOS else "pays every due date: what everybody is measured against"
    return "\n".join([f"== {name}: {tells}", *lines, ""])


def stories(told: Told, names: list[str]) -> str:
    return "\n".join(story(told, name) for name in ("control", *names))


def assert_told_as_before(told: Told, names: list[str], golden: Path) -> None:
    found, expected = (text.split("\n\n") for text in (stories(told, names), golden.read_text("utf-8")))
    for one, other in zip(found, expected, strict=True):
        assert one == other


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> Told:
    return play(tmp_path_factory.mktemp("situations"), CAST)


def test_every_situation_is_told_as_the_rulebook_has_it(told):
    assert_told_as_before(told, CAST, GOLDEN)


def test_no_situation_breaks_a_rule_of_the_whole_store(told):
    assert told.broken <= WITHOUT_PACKETS


def test_in_every_situation_the_rungs_are_climbed_one_by_one(told):
    for name in sorted({*CAST} - {"no_contact_point"}):  # there a supervisor attests what two rungs ask for
        reached = 1
        for rung in told.rungs(name):
            assert rung <= reached + 1
            reached = max(reached, rung)


# --- money ---


def test_who_pays_hears_the_messages_of_the_12th_and_13th_the_call_of_the_due_day_and_no_more(told):
    expected = {10: ["courtesy_sms_first"], 11: ["courtesy_sms_second", "due_day_call"]}
    assert told.done("control") == told.done("pays_on_time") == expected


def test_a_missed_instalment_is_told_a_working_day_later_and_called_about_once_reminded(told):
    missed = 14
    assert told.days_of("first_miss", "arrears_sms")[0] == missed
    assert told.days_of("first_miss", "borrower_call")[0] > missed
    assert told.days_of("first_miss", "guarantor_call")[0] > told.days_of("first_miss", "borrower_call")[0]


def test_one_instalment_overdue_brings_no_letter_and_two_bring_it_once_everybody_was_called(told):
    second_due = 14
    assert all(day >= second_due for day in told.days_of("one_overdue", "lawyers_letter"))
    letter = told.days_of("two_overdue", "lawyers_letter")
    assert len(letter) == 1
    assert letter[0] > max(told.days_of("two_overdue", "guarantor_call")[0],
                           told.days_of("two_overdue", "borrower_call")[2])  # fmt: skip
    assert told.days_of("two_overdue", "visit_with_letter")[0] > letter[0]


def test_five_overdue_instalments_start_on_the_first_rung_and_reach_the_fourth_by_evidence_alone(told):
    rungs = told.rungs("five_overdue")
    assert rungs[0] == 1
    assert sorted(rungs) == rungs
    assert rungs[-1] == 4
    first = [rungs.index(rung) for rung in (2, 3, 4)]
    assert first[2] >= told.days_of("five_overdue", "lawyers_letter")[0] + 10


def test_a_cent_causes_nothing_but_the_courtesy_of_the_month(told):
    assert told.done("one_cent") == told.done("control")
    assert {row["stage"] for row in told.days("one_cent").values()} == {1}


def test_a_part_payment_moves_the_oldest_due_date_and_neither_restarts_nor_skips_a_rung(told):
    rows = sorted(told.rows(decision, "part_payment"), key=lambda row: row.business_date)[:14]
    before, after = rows[6], rows[7]
    assert after.oldest_unpaid_due > before.oldest_unpaid_due
    assert (before.stage, after.stage) == (2, 1)
    assert len({row.episode_due for row in rows}) == 1
    unlocked = [row.unlocked_rung for row in rows]
    assert unlocked == sorted(unlocked)


def test_after_the_cure_there_are_thanks_and_silence_and_the_episode_closes_on_the_third_clean_day(told):
    paid = 9
    assert {day: steps for day, steps in told.done("cured").items() if day > paid} == {paid + 1: ["thank_you"]}
    assert told.days_of("control", "thank_you") == told.days_of("gone", "thank_you") == []
    [closed] = told.rows(episode, "cured")
    assert (closed.cured_on - FROM).days == paid + 1 + load_policy().staging.cure_days


def test_a_payment_taken_back_within_the_cure_days_goes_on_with_the_same_episode(told):
    [one] = told.rows(episode, "reversed")
    assert one.cured_on is None
    owing = [row["rung"] for row in told.days("reversed").values() if row["stage"]]
    assert min(owing[2:]) >= 2


def test_a_contract_paid_off_and_an_account_gone_from_the_ledger_are_not_heard_of_again(told):
    assert max(told.done("settled_early")) == 7
    assert max(told.done("gone")) == 7
    [still_open] = told.rows(episode, "gone")
    assert still_open.cured_on is None


def test_a_payment_holiday_delays_the_treatment_and_never_the_stage(told):
    days = told.days("payment_holiday")
    assert {days[day]["stage"] for day in range(4, 14)} == {1}
    granted = {step for day in range(4, 26) for step in told.done("payment_holiday").get(day, [])}
    assert granted == {"courtesy_sms_first", "courtesy_sms_second", "due_day_call"}
    assert min(day for day in told.done("payment_holiday") if day > 11) == 26


def test_while_a_debit_is_on_its_way_nobody_is_asked_and_once_it_failed_they_are(told):
    assert told.why_not("debit_in_flight", 7, "borrower_call") == {"hold_payment_in_flight"}
    assert [day for day in told.done("debit_in_flight") if 4 < day < 10] == [8]


def test_the_proceeds_of_a_sale_cure_nothing(told):
    assert {step for steps in told.done("sale_proceeds").values() for step in steps} > {"lawyers_letter"}


# --- promises ---


def test_a_promise_holds_the_calls_until_it_is_kept(told):
    assert [row.state for row in told.rows(promise, "kept_promise")][:1] == ["kept"]
    assert told.days_of("kept_promise", "borrower_call")[:2] == [1, 18]


def test_a_broken_promise_brings_calls_and_a_visit_the_day_after_its_grace(told):
    first = min(told.rows(promise, "broken_promise"), key=lambda row: row.made_on)
    assert first.state == "broken"
    policy = load_policy()
    free = (last_day_of(first.due_on, policy.business_calendar(), policy) - FROM).days + 1
    calls, visits = told.days_of("broken_promise", "borrower_call"), told.days_of("broken_promise", "visit")
    assert (calls[1], visits[0]) == (free, free)


def test_the_day_before_a_promise_falls_due_its_customer_is_reminded_of_it_once(told):
    held = [row for row in told.rows(promise, "broken_promise") if row.accepted]
    eve = {(row.due_on - FROM).days - 1 for row in held}
    assert told.days_of("broken_promise", "promise_reminder") == sorted(eve)[:1]
    assert "borrower_call" not in told.done("broken_promise")[min(eve)]
    for other in ("control", "one_overdue", "far_promise"):
        assert told.days_of(other, "promise_reminder") == []


def test_half_of_a_promise_ends_it_without_a_visit_for_it(told):
    assert [row.state for row in told.rows(promise, "partly_kept_promise")] == ["partly_kept"]
    assert "visit" not in told.done("partly_kept_promise")[10]


def test_a_promise_above_the_horizon_holds_no_longer_than_the_horizon(told):
    made, horizon = 1, load_policy().promises.max_days
    assert told.days_of("far_promise", "borrower_call")[1] > made + horizon
    assert told.days_of("far_promise", "courtesy_sms_first") == [10]
    assert told.days_of("far_promise", "borrower_call")[1] < 28


def test_the_third_promise_of_an_episode_holds_nothing(told):
    assert told.days_of("kept_promise", "borrower_call") != told.days_of("one_promise_too_many", "borrower_call")
    assert [day for day in told.days_of("one_promise_too_many", "borrower_call") if 16 < day < 24]


def test_a_kept_plan_silences_everything_but_the_reminder_of_its_first_instalment_until_that_is_due(told):
    assert [day for day in told.done("plan") if 4 < day < 26] == told.days_of("plan", "promise_reminder") == [24]


# --- holds ---


@pytest.mark.parametrize("kind", [scenario.name for scenario in HOLDS])
def test_under_a_hard_hold_nobody_is_contacted_and_the_reason_stands_in_the_record(told, kind):
    until = 21 if kind == "dispute" else DAYS
    assert [day for day in told.done(kind) if 6 < day < until] == []
    assert f"hold_{kind}" in told.why_not(kind, 8, "arrears_sms")


def test_of_a_bankrupt_nothing_is_asked_and_each_guarantor_is_once_in_writing(told):
    since = 6
    after = {day: steps for day, steps in told.done("bankrupt").items() if day >= since}
    assert list(after.values()) == [["guarantor_demand"]]
    [asked] = [row for row in told.rows(item, "bankrupt") if row.step == "guarantor_demand"]
    assert (asked.audience, asked.channel) == ("guarantors", "letter")
    assert "hold_bankrupt" in told.why_not("bankrupt", 8, "arrears_sms")


def test_after_a_death_the_guarantors_turn_comes_with_a_lawyers_word_and_no_sooner(told):
    buried = 3
    assert {day: steps for day, steps in told.done("estate").items() if day >= buried} == {11: ["guarantor_demand"]}
    for name in ("estate_unseen", "buried_early", "deceased"):
        assert not [day for day in told.done(name) if day > 6], name
    assert "hold_deceased" in told.why_not("estate_unseen", 12, "arrears_sms")
    assert "hold_deceased" in told.why_not("buried_early", 20, "arrears_sms")


def test_once_a_dispute_is_settled_the_ladder_goes_on_where_it_stood(told):
    assert told.days("dispute")[21]["rung"] == told.days("dispute")[5]["rung"] == 2
    last, pause = FROM + timedelta(days=20), load_policy().holds.after_dispute_working_days
    over = load_policy().business_calendar().add_working_days(last, pause)
    assert min(day for day in told.done("dispute") if day > 6) > (over - FROM).days
    assert "hold_dispute_answered" in told.why_not("dispute", 21, "arrears_sms")


# --- contact ---


def test_who_never_answers_climbs_like_anybody_else(told):
    assert told.rungs("lost_contact")[-1] >= 3
    assert "visit" in {step for steps in told.done("lost_contact").values() for step in steps}


def test_a_dead_number_is_not_called_again_and_a_visitor_comes(told):
    assert told.days_of("invalid_number", "borrower_call") == [1]
    assert told.days_of("invalid_number", "visit")[0] == 2


def test_whose_number_is_dead_is_put_before_the_supervisor_for_nobody_is_immune(told):
    [line] = [line for line in exceptions_on(told, 10) if line.kind == "number_dead"]
    assert (line.count, line.owner) == (1, "supervisor")


def test_who_opted_out_of_messages_gets_none_is_called_and_climbs(told):
    channels = Counter(step for steps in told.done("opted_out").values() for step in steps)
    assert not [step for step in channels if "sms" in step or "email" in step]
    assert told.days_of("opted_out", "reminder_call")[0] == 2
    assert told.rungs("opted_out")[-1] == 3


def test_an_attested_lack_of_any_contact_point_opens_the_visit_and_then_the_letter(told):
    assert told.days_of("no_contact_point", "visit")[0] == 3
    assert told.days_of("no_contact_point", "lawyers_letter")
    assert not [step for steps in told.done("no_contact_point").values() for step in steps if "call" in step]


def test_malice_halves_the_gaps_and_opens_no_gate(told):
    calm, risky = told.days_of("one_overdue", "arrears_sms"), told.days_of("malice", "arrears_sms")
    assert len([day for day in risky if day < 20]) > len([day for day in calm if day < 20])
    assert told.rungs("malice").index(3) >= told.rungs("one_overdue").index(3)


def test_whoever_was_spoken_to_is_left_in_peace_for_two_days(told):
    assert "recent_conversation" in told.why_not("just_talked", 11, "due_day_call")
    assert 11 in told.days_of("one_overdue", "due_day_call")


def test_the_record_of_every_contact_is_one_person_one_channel_one_day(told):
    with reading(told.engine) as connection:
        rows = connection.execute(select(contact.c.party_id, contact.c.channel, contact.c.business_date)).all()
        many = connection.execute(select(item.c.contact_id)).all()
    assert len(set(rows)) == len(rows) < len(many)


# --- judgement: what people found out ---


BESIDE = ["one_overdue", "just_talked", "malice"]


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> Told:
    return play(tmp_path_factory.mktemp("judged"), [*FOUND_OUT, *BESIDE])


def test_every_situation_in_which_people_judge_is_told_as_the_rulebook_has_it(judged):
    assert_told_as_before(judged, FOUND_OUT, JUDGED)
    assert judged.broken <= WITHOUT_PACKETS


def test_an_instalment_of_a_plan_paid_in_part_brings_no_visit_and_one_missed_does(judged):
    over = 10
    for name in ("plan_missed", "plan_paid_in_part"):
        assert [day for day in judged.done(name) if 5 < day < over] == judged.days_of(name, "promise_reminder") == [7]
    assert judged.days_of("plan_missed", "visit")[0] == over
    early = {step for day in range(over, over + 4) for step in judged.done("plan_paid_in_part").get(day, [])}
    assert "visit" not in early
    assert early & {"arrears_sms", "borrower_call"}
    [broken] = [line for line in exceptions_on(judged, over) if line.kind == "broken_plans"]
    assert (broken.count, broken.owner) == (2, "collector")


def test_who_refuses_is_not_called_for_a_week_and_gets_the_consequences_in_writing(judged):
    refused, quiet = 3, load_policy().contact.quiet_after_refusal_days
    assert "recent_refusal" in judged.why_not("refused", 7, "borrower_call")
    assert not [day for day in judged.days_of("refused", "borrower_call") if refused < day < refused + quiet]
    assert [day for day in judged.days_of("one_overdue", "borrower_call") if refused < day < refused + quiet]
    assert len(judged.days_of("refused", "demand_letter")) == 1
    assert judged.days_of("one_overdue", "demand_letter") == []


def test_who_is_willing_and_able_hears_a_soft_tone_whatever_the_number_of_contacts(judged):
    def tones(name: str) -> set[str]:
        return {row.tone for row in judged.rows(item, name) if row.step in ("arrears_sms", "arrears_email")}

    assert tones("willing_and_able") == {"courteous"}
    assert {"firm", "serious"} & tones("one_overdue")


def test_who_could_pay_and_does_not_want_to_hears_sooner_and_skips_no_gate(judged):
    calm, pressed = judged.days_of("one_overdue", "arrears_sms"), judged.days_of("able_not_willing", "arrears_sms")
    assert len([day for day in pressed if day < 20]) > len([day for day in calm if day < 20])
    assert len(judged.days_of("able_not_willing", "demand_letter")) == 1
    assert judged.rungs("able_not_willing").index(3) >= judged.rungs("one_overdue").index(3)


def test_of_who_can_neither_will_nor_pay_the_machine_is_looked_for_and_the_guarantors_asked_more_often(judged):
    assert len(judged.days_of("neither", "asset_search")) == 1
    assert judged.days_of("one_overdue", "asset_search") == []
    [early] = [line for line in exceptions_on(judged, 10) if line.kind == "prepare_early"]
    assert (early.count, early.owner) == (1, "legal")
    assert len(judged.days_of("neither", "guarantor_call")) > len(judged.days_of("one_overdue", "guarantor_call"))


def test_a_visit_for_another_reason_waits_for_the_supervisor_and_is_made_once(judged):
    approved = 7
    assert judged.days_of("visit_approved", "visit")[0] == approved
    assert judged.days_of("visit_asked", "visit")[:1] == judged.days_of("one_overdue", "visit")[:1] > [approved]
    [waiting] = [line for line in exceptions_on(judged, approved) if line.kind == "visit_waits"]
    assert (waiting.count, waiting.owner) == (1, "supervisor")


def test_the_reason_for_the_arrears_is_asked_for_by_the_second_conversation(judged):
    found = reason_missing(judged, 8)
    assert judged.accounts["reason_unknown"] in found
    assert not {judged.accounts["just_talked"], judged.accounts["control"]} & found


def test_an_old_case_stands_on_the_committees_list_until_it_has_decided(judged):
    def waiting(day: int) -> set[str]:
        with reading(judged.engine) as connection:
            lines = aged_lines(connection, FROM + timedelta(days=day), None, load_policy())
        return {line.account_id for line in lines}

    old = {judged.accounts[name] for name in ("aged", "written_off", "to_agency", "to_court")}
    assert waiting(8) == old
    assert waiting(20) == set()
    assert [day for day in judged.done("aged") if day > 12]


def test_who_was_written_off_by_two_people_is_not_contacted_any_more(judged):
    assert [day for day in judged.done("written_off") if day > 12] == []
    assert "hold_written_off" in judged.why_not("written_off", 15, "arrears_sms")


def test_what_the_committee_placed_leaves_for_the_agency_once_every_gate_is_open_and_nobody_else_calls(judged):
    rungs = {day: row["rung"] for day, row in judged.days("to_agency").items()}
    opened = min(day for day, rung in rungs.items() if rung == 4)
    assert judged.days_of("to_agency", "placement") == [opened]
    assert "evidence_missing" in judged.why_not("to_agency", opened - 1, "placement")
    assert [day for day in judged.done("to_agency") if day > opened] == []
    assert "hold_placement" in judged.why_not("to_agency", opened + 1, "borrower_call")
    for other in ("aged", "to_court", "control"):
        assert judged.days_of(other, "placement") == []


def test_what_the_committee_sends_to_court_has_its_machine_looked_for_and_its_papers_prepared(judged):
    [search] = judged.days_of("to_court", "asset_search")
    assert search > 11
    assert judged.days_of("aged", "asset_search") == judged.days_of("control", "asset_search") == []
    before, after = ({line.kind: line.count for line in exceptions_on(judged, day)} for day in (10, 12))
    assert after["prepare_early"] == before["prepare_early"] + 1


def test_the_history_of_the_risk_grade_is_told(judged):
    story = explain(judged.engine, judged.accounts["malice"], FROM + timedelta(days=20))
    lanes = [row["lane"] for row in story["lanes"]]
    assert lanes[-1] == "high_risk"
    text = "\n".join(line for part in tell(story, words("zh"), "Asia/Shanghai").sections for line in part.lines)
    assert f"{story['lanes'][-1]['from_on']} 起：高风险" in text
    other = explain(judged.engine, judged.accounts["one_overdue"], FROM + timedelta(days=20))
    assert [row["lane"] for row in other["lanes"]] == ["good_faith"]


def exceptions_on(told: Told, day: int) -> list[ExceptionLine]:
    with reading(told.engine) as connection:
        return exceptions_of(connection, FROM + timedelta(days=day), None, load_policy())


def reason_missing(told: Told, day: int) -> set[str]:
    with reading(told.engine) as connection:
        return set(connection.execute(without_reason(FROM + timedelta(days=day), None, load_policy())).scalars())


# --- the calendar ---


def test_the_12th_and_13th_of_december_are_a_weekend_and_both_messages_are_sent(tmp_path):
    saturday = date(2026, 12, 12)
    assert saturday.weekday() == 5
    told = play(tmp_path, ["pays_on_time"], start=saturday - timedelta(days=1), days=3)
    sent = {row.business_date for row in told.rows(item, "pays_on_time") if row.step.startswith("courtesy")}
    assert sent == {saturday, saturday + timedelta(days=1)}


def test_after_a_week_without_any_run_nobody_gets_a_burst(tmp_path):
    missed = SCENARIOS["missed_days"].missed
    told = play(tmp_path, ["missed_days"], days=18, missed=missed)
    back = told.done("missed_days")[max(missed) + 1]
    assert back
    assert max(Counter(back).values()) == 1
    assert not [step for step in back if step.startswith("courtesy")]


@pytest.mark.long
def test_over_four_months_the_one_who_never_pays_reaches_every_rung_in_its_order(tmp_path):
    told = play(tmp_path, ["never_pays", "lost_contact", "no_contact_point", "invalid_number"], days=130)
    assert told.broken <= WITHOUT_PACKETS
    for name in ("never_pays", "lost_contact"):
        assert list(dict.fromkeys(told.rungs(name))) == [1, 2, 3, 4], name
    attested = told.rungs("no_contact_point")  # the supervisor's word stands for what rungs 2 and 3 ask for, at once
    assert list(dict.fromkeys(attested)) == [1, 3, 4]
    assert max(told.rungs("invalid_number")) == 2


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(stories(play(Path(folder) / "told", CAST), CAST), "utf-8")
        JUDGED.write_text(stories(play(Path(folder) / "judged", [*FOUND_OUT, *BESIDE]), FOUND_OUT), "utf-8")
