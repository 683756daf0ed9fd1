"""What users did in Airflow is copied into the log once, without notes or conf; what was not read is said."""

import json
from datetime import date

import httpx
import pytest
from sqlalchemy import Engine, select

from arrears.audit.user_actions import are_collected, copy_actions, note_not_collected, read_until
from arrears.audit.user_actions_http import PAGE, AirflowLog
from arrears.core.errors import BadArguments, TemporaryFailure
from arrears.core.runtime import Runtime
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.oversight import collection

DAY = date(2026, 11, 12)
NIGHT = "assurance-2026-11-12-1"
URL = "http://auditor:p%40ss@airflow.example:8080/"
SECRET = "王小明 +8613900000001"


def row(number: int, event: str = "clear_dag_run", dag_id: str | None = "arrears_daily", **extra: object) -> dict:
    return {
        "event_log_id": number, "when": f"2026-11-12T0{number % 9}:00:00.123456Z", "dag_id": dag_id,
        "task_id": "send_batch", "run_id": "manual__1", "map_index": 2, "try_number": 1, "event": event,
        "logical_date": None, "owner": "lin", "extra": json.dumps(extra),
    }  # fmt: skip


class Airflow:
    """An API that keeps some entries, asks for a login, and remembers what it was asked."""

    def __init__(self, *rows: dict, status: int = 200) -> None:
        self.rows, self.status, self.asked = list(rows), status, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            known = json.loads(request.content) == {"username": "auditor", "password": "p@ss"}
            return httpx.Response(201 if known else 401, json={"access_token": "t"})
        assert request.headers["authorization"] == "Bearer t"
        self.asked.append(request.url.params)
        start = int(request.url.params["offset"])
        return httpx.Response(self.status, json={"event_logs": self.rows[start : start + PAGE]})

    @property
    def log(self) -> AirflowLog:
        return AirflowLog(URL, httpx.MockTransport(self))


def events(store: Engine) -> list[dict]:
    with reading(store) as connection:
        bodies = connection.execute(select(audit_pending.c.body).order_by(audit_pending.c.id)).scalars()
        return [json.loads(bytes(body)) for body in bodies]


def test_each_action_is_copied_once_with_who_when_and_where(rt: Runtime, store: Engine) -> None:
    airflow = Airflow(row(1, only_failed=True), row(2, "patch_task_instance", new_state="success"))
    assert copy_actions(rt, store, NIGHT, DAY, airflow.log.since(read_until(store))) == 2
    airflow.rows.append(row(3, "patch_dag", is_paused=True))
    assert copy_actions(rt, store, NIGHT, DAY, airflow.log.since(read_until(store))) == 1
    told = events(store)
    assert [(event["type"], event["actor"]) for event in told] == [("airflow.user_action", "airflow:lin")] * 3
    assert told[0]["data"] == {
        "event": "clear_dag_run", "happened_at": "2026-11-12T01:00:00Z", "dag_id": "arrears_daily",
        "airflow_run_id": "manual__1", "task_id": "send_batch", "map_index": 2, "try_number": 1,
        "said": {"only_failed": "true"},
    }  # fmt: skip
    assert [event["data"]["said"] for event in told[1:]] == [{"new_state": "success"}, {"is_paused": "true"}]
    assert airflow.asked[-2]["after"] == "2026-11-12T01:00:00+00:00"  # an hour before the last one


def test_more_than_a_page_is_read_to_its_end_and_other_dags_are_left_alone(rt: Runtime, store: Engine) -> None:
    airflow = Airflow(*(row(number) for number in range(1, PAGE + 20)), row(500, dag_id="somebody_elses"))
    assert copy_actions(rt, store, NIGHT, DAY, airflow.log.since(None)) == PAGE + 19
    assert "running" in airflow.asked[0].get_list("excluded_events")


def test_notes_conf_and_commands_are_not_copied(rt: Runtime, store: Engine) -> None:
    airflow = Airflow(
        row(1, "update_hitl_detail", chosen_options=["RO-1"], params_input={"note": SECRET}),
        row(2, "trigger_dag_run", conf={"who": SECRET}, note=SECRET),
        row(3, "cli_task_clear", None, full_command=["airflow", SECRET]),
        row(4) | {"extra": SECRET},
        row(5) | {"extra": json.dumps([SECRET])},
    )
    assert copy_actions(rt, store, NIGHT, DAY, airflow.log.since(None)) == 5
    assert events(store)[0]["data"]["said"] == {"chosen_options": '["RO-1"]'}
    assert "小" not in json.dumps(events(store), ensure_ascii=False)


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refusal_names_the_status_and_never_the_login(status: int) -> None:
    with pytest.raises(TemporaryFailure, match=str(status)) as failed:
        list(Airflow(status=status).log.since(None))
    assert "p@ss" not in str(failed.value)


def test_an_airflow_that_does_not_answer_is_a_temporary_failure() -> None:
    with pytest.raises(TemporaryFailure, match="does not answer"):
        list(AirflowLog("http://a:b@127.0.0.1:9").since(None))


@pytest.mark.parametrize("url", ["http://airflow:8080", "ftp://a:b@airflow", "airflow"])
def test_an_address_without_a_login_is_refused(url: str) -> None:
    with pytest.raises(BadArguments, match="ARREARS_AIRFLOW_URL"):
        AirflowLog(url)


def test_what_was_not_collected_is_known_and_the_cursor_stays(rt: Runtime, store: Engine) -> None:
    with reading(store) as connection:
        assert not are_collected(connection)
    copy_actions(rt, store, NIGHT, DAY, Airflow(row(1)).log.since(None))
    with reading(store) as connection:
        assert are_collected(connection)
    before = read_until(store)
    note_not_collected(rt, store, "answered 403")
    with reading(store) as connection:
        assert not are_collected(connection)
        assert connection.execute(select(collection.c.detail)).scalar_one() == "answered 403"
    assert read_until(store) == before
