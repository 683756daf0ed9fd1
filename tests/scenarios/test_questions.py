"""Each of an auditor's questions is one command, and answers from what really happened on a small portfolio's day."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect

from arrears.core.runtime import Request
from arrears.core.settings import Settings
from arrears.proof import ask as prove_ask
from arrears.steps import assurance
from arrears.steps.world import build_runtime, shell_attempt
from arrears.store.views import questions

DAY = date(2026, 11, 12)
NEXT = DAY + timedelta(days=1)
LATER = NEXT + timedelta(days=3)
HELD = "K7"
MISTAKEN = "K1"
PAID = "K2"


def lay(place, feed: str, header: str, *rows: tuple[object, ...]) -> None:
    place.write(f"{feed}.csv", "".join(f"{line}\n" for line in [header, *(",".join(map(str, row)) for row in rows)]))


def log(place, kind: str) -> list[dict]:
    """Return what the sealed events of one kind say."""
    with place.store.connect() as connection:
        found = connection.exec_driver_sql("SELECT data FROM audit_log WHERE type = ? ORDER BY seq", (kind,)).scalars()
        return [json.loads(data) for data in found]


def night_after(place) -> int:
    """Return how many overtaken actions the nightly check tells of that it had not told before."""
    settings = Settings.from_environment({"ARREARS_HOME": str(place.home)})
    rt = build_runtime(settings, shell_attempt("night"), rehearsal_of=NEXT)
    night = assurance.open_night(rt, Request(rt.clock.now()))
    return assurance.report_overtaken(rt, night)["overtaken"]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, new_place):
    """Two days: staff changes its roles and an account its collector, and a dispute of the first day is told late."""
    place = new_place(tmp_path_factory.mktemp("questions"))
    lay(place, "staff", "staff_id,name,roles,branch", ("S1", "One", "collector", "East"))
    lay(place, "assignments", "account_id,staff_id,from_on", (HELD, "S1", "2026-11-01"))
    controls = [(DAY, "accounts", "", 8, "F1"), (NEXT, "accounts", "", 8, "F1")]
    lay(place, "controls", "business_date,kind,currency,value,confirmed_by", *controls)
    assert place.run().code == 0
    lay(place, "staff", "staff_id,name,roles,branch", ("S1", "One", "supervisor", "East"))
    lay(place, "assignments", "account_id,staff_id,from_on", (HELD, "S2", NEXT))
    lay(place, "holds", "account_id,kind,from_on", (MISTAKEN, "dispute", DAY))
    place.write("payments.csv", "\n".join([*place.rows("payments.csv"), f"Y-late,{PAID},{DAY},2000.00"]) + "\n")
    assert place.run(NEXT).code == 0
    told = night_after(place)
    assert place.call("explain", HELD, "--date", str(DAY)).code == 0
    assert place.call("receipt", HELD, "--date", str(DAY), "--out", str(place.home / "proof")).code == 0

    def ask(number: int, *words: str) -> list[dict]:
        said = place.call("ask", str(number), *words, "--json")
        assert said.code == 0, said.err
        return json.loads(said.out)["rows"]

    assert place.run(LATER).code == 0  # seals what was looked at
    assert (told, night_after(place)) == (4, 0)  # two messages to each of the two accounts
    return place, ask


@pytest.mark.parametrize("number", range(1, len(questions()) + 1))
def test_every_question_is_one_command(asked, number: int) -> None:
    place, ask = asked
    ask(number)
    assert place.call("ask", str(number)).code == 0


@pytest.mark.parametrize("number", range(1, len(questions()) + 1))
def test_the_first_rows_are_the_same_however_few_accounts_are_looked_at_for_them(asked, monkeypatch, number: int):
    place, _ = asked
    whole = prove_ask.ask(place.store, number)
    place_of = [whole.columns.index(name) for name in prove_ask.ORDER if name in whole.columns]
    for few in ((), (1, 2), (3,), (500,)):
        monkeypatch.setattr(prove_ask, "FIRST_ACCOUNTS", few)
        for limit in (1, 5, len(whole.rows) + 1):
            rows = prove_ask.ask(place.store, number, limit=limit).rows
            assert [[row[one] for one in place_of] for row in rows] == [
                [row[one] for one in place_of] for row in whole.rows[:limit]
            ]


def test_the_reasons_file_policy_and_code_of_an_action_are_told(asked) -> None:
    _, ask = asked
    of = ("--account", HELD, "--date", str(DAY))
    (why, *_) = ask(1, *of)
    assert (why["stage"], why["state"]) == (2, "sent")
    assert json.loads(why["facts"])
    files = {row["feed"]: row for row in ask(2, *of)}
    assert {"accounts", "instalments", "payments", "staff"} <= set(files)
    assert (files["accounts"]["file_name"], files["accounts"]["row_no"]) == ("accounts.csv", 8)
    (policy,) = ask(3, *of)
    assert json.loads(policy["policy"])["policy_id"] == policy["policy_id"] == "cn"
    assert {row["code_version"] for row in ask(4, "--date", str(DAY))} == {"0.1.0"}
    assert {row["dag_id"] for row in ask(5, "--run", "daily-2026-11-12-1")} == {"cli"}
    assert {row["outcome"] for row in ask(7, *of)} >= {"sent"}
    assert {row["what"] for row in ask(8, "--account", HELD)} >= {"decision", "outcome sms"}


def test_an_account_without_an_action_is_named_with_the_reason(asked) -> None:
    _, ask = asked
    why = {row["account_id"]: row["why"] for row in ask(9, "--date", str(NEXT))}
    assert why[MISTAKEN] == "hold_dispute"
    assert not any(reason.startswith("FINDING") for reason in why.values())


def test_nothing_was_skipped_overdone_or_lost(asked) -> None:
    _, ask = asked
    assert not [row for row in ask(10) if row["why"].startswith("FINDING")]
    assert {row["verdict"] for row in ask(11)} == {"within the cap"}
    assert ask(12) == []
    assert {row["difference"] for row in ask(14)} == {0}
    runs = [row for row in ask(13) if row["kind"] == "daily"]
    assert [(row["how"], row["business_date"]) for row in runs] == [("first", str(day)) for day in (DAY, NEXT, LATER)]
    assert ask(15)[0]["note"].startswith("arrears/")


def test_who_looked_who_held_a_role_and_who_moved_an_account_is_known(asked) -> None:
    _, ask = asked
    assert {row["type"] for row in ask(16, "--account", HELD)} == {"access.explained", "access.receipt"}
    held = [(row["roles"], row["business_date"], row["valid_until"]) for row in ask(17)]
    assert held == [("collector", str(DAY), str(NEXT)), ("supervisor", str(NEXT), None)]
    moved = ask(18, "--account", HELD)
    assert [(row["staff_id"], row["staff_before"]) for row in moved] == [("S1", None), ("S2", "S1")]
    assert [row["seq"] is None for row in moved] == [True, False]


def test_the_population_ties_to_the_figures_of_finance(asked) -> None:
    _, ask = asked
    verdicts = {(row["business_date"], row["kind"]): row["verdict"] for row in ask(20)}
    assert verdicts[str(DAY), "accounts"] == "tied"
    assert verdicts[str(DAY), "unpaid_due"] == "no figure from finance"


def test_an_action_that_a_later_fact_made_wrong_is_reported_with_its_remedy(asked) -> None:
    _, ask = asked
    late = ask(21, "--account", MISTAKEN)
    assert {(row["fact"], row["fact_date"]) for row in late} == {("hold dispute", str(DAY))}
    assert all(row["known_at"] > row["done_at"] and row["remedy"] for row in late)


def test_a_payment_that_the_ledger_of_the_next_day_told_first_is_reported_too(asked) -> None:
    place, ask = asked
    late = ask(21, "--account", PAID)
    assert {(row["fact"], row["fact_date"], row["business_date"]) for row in late} == {("payment", str(DAY), str(DAY))}
    assert "bank" in late[0]["remedy"]
    assert [row["remedy"] for row in log(place, "action.overtaken") if row["fact"] == "payment"] == 2 * [
        late[0]["remedy"]
    ]
    afterwards = {(row["what"], row["business_date"], str(row["known_at"])[:10]) for row in ask(8, "--account", PAID)}
    assert ("payment", str(DAY), str(NEXT)) in afterwards


def test_an_account_that_paid_is_told_as_cured_by_its_ledger_row_once_the_cure_days_are_over(asked) -> None:
    place, ask = asked
    assert log(place, "account.cured") == [{"episode_due": "2026-10-15"}]
    assert ("cured", str(LATER)) in {(row["what"], row["business_date"]) for row in ask(8, "--account", PAID)}


@pytest.mark.parametrize(("words", "said"), [(("99",), "no question 99"), (("17", "--account", "K1"), "not about one")])
def test_a_question_that_makes_no_sense_is_refused(asked, words: tuple[str, ...], said: str) -> None:
    place, _ = asked
    answer = place.call("ask", *words)
    assert answer.code == 2
    assert said in answer.reason


GROWING = ("account", "approval", "audit_event", "audit_event_index", "contact", "contact_attempt", "decision",
           "evidence", "hold", "item", "outcome", "packet", "promise", "suppression")  # fmt: skip
LETTER = re.compile(rf"\b(?:FROM|JOIN) ({'|'.join(GROWING)}) (\w+)")


@pytest.mark.parametrize("question", questions())
def test_a_question_about_one_account_or_run_reads_no_growing_table_from_end_to_end(asked, question: str) -> None:
    place, _ = asked
    with place.store.connect() as connection:
        known = {column["name"] for column in inspect(connection).get_columns(question)}
        text = connection.exec_driver_sql("SELECT group_concat(sql) FROM sqlite_master WHERE type = 'view'").scalar()
        grows = {letter for _, letter in LETTER.findall(str(text))} - {"r", "f", "t", "s", "o", "p"}
        narrow = "account_id" if "account_id" in known else "run_id" if question[:3] in ("q04", "q05") else None
        if narrow is None:
            return
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN SELECT * FROM {question} WHERE {narrow} = 'x'").all()
    read = [detail.split() for *_, detail in plan if detail.startswith("SCAN")]
    assert [words for words in read if words[1] in grows] == []


def test_the_questions_are_listed(asked) -> None:
    place, _ = asked
    assert [row["number"] for row in json.loads(place.call("ask", "--json").out)] == [*range(1, 22)]


def test_a_store_that_may_only_be_read_is_read_and_the_look_is_said_to_be_unrecorded(asked) -> None:
    place, _ = asked
    file = Path(place.home / "arrears.sqlite")
    said = place.call("explain", HELD, "--date", str(DAY), ARREARS_STORE_URL=f"sqlite:///file:{file}?mode=ro&uri=true")
    assert said.code == 0, said.err
    assert "not recorded" in said.err
