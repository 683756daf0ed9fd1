"""Airflow itself loses a supervisor and its scheduler in the middle of sending; the witnesses count what arrived.

After the kill of a supervisor its task lives on beside the retry; operators clear, mark and backfill. Nobody may be
reached twice by any of it, and every contact comes to an end.
"""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow_servers import SCHEDULER, AirflowServers
from contact_crowd import DAY, RUN, fill
from slow_sms import SlowSms
from sqlalchemy import Engine, select

from arrears.core.clock import PinnedClock, SystemClock
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.outreach.channels import open_channels
from arrears.outreach.dispatch import dispatch
from arrears.sandbox.mail import MailSandbox
from arrears.store.engine import reading
from arrears.store.tables.outreach import contact

pytestmark = pytest.mark.real
DAG, SEND = "arrears_dispatch", "send_due"
CONF = {"business_date": DAY.isoformat(), "rehearsal": True}
ALWAYS_THAT_DAY = {
    "params=form_of_a_day()": f'params={{"business_date": "{DAY}", "rehearsal": True}}',
    "from arrears.orchestration.forms import form_of_a_day\n": "",
}
"""Runs by schedule and backfill belong to that day too: by today's clock they would call its contacts expired."""
AT = "2026-11-12T10:00:00+08:00"
AFTER_THE_LEASE = timedelta(minutes=15)


class Day:
    """A day with contacts due, a real Airflow to send them, and the witnesses."""

    def __init__(self, airflow: AirflowServers, sms: SlowSms, mail: MailSandbox, rt: Runtime, store: Engine) -> None:
        self.airflow, self.sms, self.mail, self.rt, self.store = airflow, sms, mail, rt, store

    def sent(self, at_least: int) -> None:
        self.airflow.until(lambda: self.sms.taken >= at_least, f"the SMS number {at_least}")

    def ended(self, run: str) -> None:
        self.airflow.until(lambda: self.airflow.state(DAG, run) in ("success", "failed"), f"the end of {run}")

    def shell(self) -> subprocess.Popen[bytes]:
        """Dispatch the same day from the shell, beside Airflow."""
        words = ["arrears", "dispatch", "--rehearsal", "--at", AT, "--json"]
        return subprocess.Popen(words, env=self.airflow.environment, stdout=subprocess.DEVNULL)

    def judge(self) -> Counter[str]:
        """Let the leases of the dead run out, end what is left, and hold the store against the witnesses."""
        over = PinnedClock(SystemClock().now() + AFTER_THE_LEASE)
        later = replace(self.rt, clock=PinnedClock(self.rt.clock.now() + timedelta(hours=2)))
        with open_channels(self.rt.settings, load_policy(), later.clock) as channels:
            dispatch(later, self.store, RUN, channels, business_date=DAY, lease_clock=over)
        went = Counter(parse_qs(urlsplit(kept["dlr-url"]).query)["contact"][0] for kept in self.sms.messages())
        went.update(kept["message_id"].strip("<>").partition("@")[0] for kept in self.mail.messages())
        with reading(self.store) as connection:
            states = {row.contact_id: row.state for row in connection.execute(select(contact))}
        assert [key for key, count in went.items() if count > 1] == [], "nobody is reached twice"
        assert set(states.values()) <= {"sent", "in_doubt"}, "every contact comes to an end"
        assert {key for key, state in states.items() if state == "sent"} <= set(went), "sent means that it left"
        ends = Counter(states.values())
        print(f"Airflow killed: {dict(ends)}, {sum(went.values())} arrived, 0 twice")  # noqa: T201 - the figures
        return ends


@pytest.fixture
def day(tmp_path: Path, rt: Runtime) -> Callable[..., object]:
    """Open a day with so many people in a store, under an Airflow of its own."""

    @contextmanager
    def opened(store: Engine, people: int) -> Iterator[Day]:
        fill(rt, store, people)
        with MailSandbox(tmp_path / "mail") as mail, SlowSms(tmp_path / "sms") as sms:
            settings = rt.settings.model_copy(update={"smtp_url": mail.url, "sms_url": sms.url})
            url = store.url.render_as_string(hide_password=False)
            extra = {"ARREARS_HOME": str(settings.home), "ARREARS_STORE_URL": url,
                     "ARREARS_SMTP_URL": mail.url, "ARREARS_SMS_URL": sms.url}  # fmt: skip
            with AirflowServers(tmp_path / "airflow", extra) as airflow:
                airflow.add_dag(DAG, ALWAYS_THAT_DAY)
                airflow.start_all()
                airflow.unpause(DAG)
                yield Day(airflow, sms, mail, replace(rt, settings=settings), store)

    return opened


def test_a_killed_supervisor_a_retry_and_a_second_run_reach_nobody_twice(day, store) -> None:
    with day(store, 120) as today:
        run = today.airflow.trigger(DAG, CONF)
        today.sent(10)
        orphan = today.airflow.kill_supervisor()
        beside = today.shell()
        before = today.sms.taken
        today.sent(before + 5)
        assert orphan.is_running(), "the task lives on without its supervisor"
        today.ended(run)
        today.airflow.until(lambda: today.airflow.tries(DAG, SEND) > 1, "another try of the killed task")
        assert beside.wait(120) == 0
        today.judge()


@pytest.mark.long
def test_kills_of_supervisor_and_scheduler_clears_marks_and_backfills_reach_nobody_twice(day, postgres_store) -> None:
    with day(postgres_store, 500) as today:
        airflow = today.airflow
        first = airflow.trigger(DAG, CONF)
        today.sent(20)
        airflow.kill_supervisor()
        second = airflow.trigger(DAG, CONF)
        beside = today.shell()
        today.sent(60)
        airflow.kill_scheduler()
        today.sent(90)
        airflow.start(SCHEDULER)
        airflow.until(lambda: airflow.task(DAG, first, SEND)["state"] in ("running", "success"), "the next try")
        airflow.clear(DAG, first, SEND)
        today.sent(130)
        airflow.until(lambda: airflow.task(DAG, first, SEND)["state"] in ("running", "success"), "the cleared try")
        airflow.mark_success(DAG, first, SEND)
        today.ended(first)
        today.ended(second)
        airflow.clear(DAG, second, SEND)
        today.ended(second)
        backfill = {"dag_id": DAG, "from_date": f"{DAY}T02:00:00Z", "to_date": f"{DAY}T02:30:00Z", "dag_run_conf": CONF}
        asked = airflow.ask("POST", "/backfills", backfill | {"reprocess_behavior": "completed", "max_active_runs": 2})
        airflow.until(
            lambda: airflow.ask("GET", f"/backfills/{asked['id']}")["completed_at"], "the end of the backfill"
        )
        assert beside.wait(300) == 0
        today.judge()
