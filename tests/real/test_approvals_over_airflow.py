"""Two people approve an order over Airflow's REST API; the store decides whose answer counts."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from airflow_servers import AirflowServers
from order_world import DAY, RUN, fresh_world, furnish_home
from sqlalchemy import Engine, select

from arrears.approvals.questions import list_open
from arrears.audit.user_actions import copy_actions
from arrears.audit.user_actions_http import AirflowLog
from arrears.orchestration.assets import WAITING_ORDERS
from arrears.steps.repossession import options_of
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.repossession import approval, approval_vote

pytestmark = [pytest.mark.real, pytest.mark.long]
DAG, MEANWHILE = "arrears_repossession", "arrears_dispatch"
CONF = {"business_date": DAY.isoformat(), "rehearsal": True}
TRIGGERER = ("triggerer", "--skip-serve-logs")
USERS = "admin:admin,LAW:user,RISK:user,EYE:viewer"


class People:
    """Users of Airflow who answer what the DAG asks."""

    def __init__(self, airflow: AirflowServers) -> None:
        self.airflow = airflow
        self.passwords = json.loads((airflow.home / "simple_auth_manager_passwords.json.generated").read_text())

    def answers(self, who: str, run: str, task: str, options: list[str], note: str) -> int:
        """Answer a question as a user and return the status Airflow gives."""
        with httpx.Client(base_url=self.airflow.base, timeout=60, trust_env=False) as client:
            token = client.post("/auth/token", json={"username": who, "password": self.passwords[who]}).json()
            answer = client.patch(
                f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/{task}/0/hitlDetails",
                json={"chosen_options": options, "params_input": {"note": note}},
                headers={"Authorization": f"Bearer {token['access_token']}"},
            )
        return answer.status_code

    def asked(self, run: str, *tasks: str) -> dict[str, Any]:
        """Wait until the tasks of a run ask and are parked, and return what each shows."""

        def questions() -> dict[str, Any] | None:
            found = self.airflow.ask("GET", f"/dags/{DAG}/dagRuns/{run}/hitlDetails")["hitl_details"]
            open_ones = {one["task_instance"]["task_id"]: one for one in found}
            parked = all(self.is_parked(run, task) for task in tasks)
            return open_ones if parked and set(tasks) <= set(open_ones) else None

        found: dict[str, Any] = self.airflow.until(questions, f"the questions {tasks}")
        return found

    def is_parked(self, run: str, task: str) -> bool:
        """Say whether the scheduler has seen the end of the process that asked: a person is never as quick.

        An answer before that lets Airflow take the end of the asking for the end of the answered task, which it then
        fails (apache/airflow#72716).
        """
        log = (self.airflow.home / "scheduler.log").read_text(encoding="utf-8", errors="replace")
        return f"TaskInstance Finished: dag_id={DAG}, task_id={task}, run_id={run}," in log

    def ended(self, dag: str, run: str) -> str:
        return str(self.airflow.until(lambda: self.over(dag, run), f"the end of {run}"))

    def over(self, dag: str, run: str) -> str | None:
        state = self.airflow.state(dag, run)
        return state if state in ("success", "failed") else None


def test_an_order_is_approved_by_two_people_over_the_api_and_by_nobody_who_may_not(
    tmp_path: Path, store_template: Path
) -> None:
    folder = tmp_path / "furnished"
    folder.mkdir()
    home = furnish_home(folder, store_template)
    with fresh_world(home) as world:
        world.propose()
        order_no = world.orders()[0].order_no
        extra = {
            "ARREARS_HOME": str(world.rt.settings.home),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": USERS,
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        }
        with AirflowServers(tmp_path / "airflow", extra) as airflow:
            for dag in (DAG, MEANWHILE):
                airflow.add_dag(dag, {})
            airflow.start_all()
            airflow.start(TRIGGERER)
            people = People(airflow)
            for dag in (DAG, MEANWHILE):
                airflow.unpause(dag)
            first = begun_by_waiting_orders(airflow)
            shown = people.asked(first, "legal_decides", "risk_decides")
            assert shown["legal_decides"]["options"] == options_of(order_no)
            assert world.orders()[0].facts_sha256[:16] in shown["legal_decides"]["body"]

            assert people.ended(MEANWHILE, airflow.trigger(MEANWHILE, CONF)) == "success"
            assert people.over(DAG, first) is None, "dispatch goes on while people think"

            assert people.answers("EYE", first, "legal_decides", [order_no], "seen") == 403
            assert people.answers("LAW", first, "legal_decides", [order_no], "packet read") == 200
            assert people.answers("LAW", first, "legal_decides", [order_no], "once more") == 409
            assert people.answers("LAW", first, "risk_decides", [order_no], "me again") == 200
            assert people.ended(DAG, first) == "success"
            (waiting,) = list_open(world.engine)
            assert (waiting.given, waiting.missing) == (("legal",), ("risk",))

            second = airflow.trigger(DAG, CONF)
            people.asked(second, "risk_decides")
            assert people.answers("RISK", second, "risk_decides", [order_no], "figures checked") == 200
            assert people.ended(DAG, second) == "success"
            assert people.answers("RISK", first, "risk_decides", [order_no], "too late") == 409
            night = AirflowLog(airflow.base.replace("://", f"://admin:{people.passwords['admin']}@"))
            copy_actions(world.rt, world.engine, RUN, DAY, night.since(None))
        with reading(world.engine) as connection:
            votes = connection.execute(
                select(
                    approval_vote.c.role, approval_vote.c.staff_id, approval_vote.c.identity, approval_vote.c.note
                ).order_by(approval_vote.c.role)
            ).all()
            state = connection.execute(select(approval.c.state)).scalar_one()
        assert [tuple(vote) for vote in votes] == [
            ("legal", "LAW", "airflow", "packet read"),
            ("risk", "RISK", "airflow", "figures checked"),
        ]
        assert (state, world.state()) == ("approved", "approved")
        assert answers_in_the_log(world.engine) == Counter({
            ("airflow:LAW", first, "legal_decides"): 2,  # the second was refused with 409: the question had its answer
            ("airflow:LAW", first, "risk_decides"): 1,
            ("airflow:RISK", second, "risk_decides"): 1,
            ("airflow:RISK", first, "risk_decides"): 1,  # refused with 409: too late
        })  # fmt: skip


def begun_by_waiting_orders(airflow: AirflowServers) -> str:
    """Announce waiting orders as the day does, and return the batch that this starts."""
    assets = airflow.ask("GET", f"/assets?uri_pattern={WAITING_ORDERS.uri}")["assets"]
    airflow.ask("POST", "/assets/events", {"asset_id": assets[0]["id"], "extra": {"waiting": 1}})

    def batch() -> str | None:
        runs = airflow.ask("GET", f"/dags/{DAG}/dagRuns")["dag_runs"]
        return next((str(run["dag_run_id"]) for run in runs if run["run_type"] == "asset_triggered"), None)

    return str(airflow.until(batch, "a batch for the waiting orders"))


def answers_in_the_log(engine: Engine) -> Counter[tuple[str, str, str]]:
    """Return how often who answered which question, whether it counted or was refused, as our log tells it."""
    with reading(engine) as connection:
        query = select(audit_pending.c.body).where(audit_pending.c.type == "airflow.user_action")
        told = [json.loads(body) for body in connection.execute(query).scalars()]
    answers = [event for event in told if event["data"]["event"] == "update_hitl_detail"]
    assert all(json.loads(event["data"]["said"]["chosen_options"]) for event in answers)
    assert "packet read" not in json.dumps(told), "what people wrote stays in Airflow"
    return Counter((event["actor"], event["data"]["airflow_run_id"], event["data"]["task_id"]) for event in answers)
