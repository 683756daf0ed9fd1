"""### One approval batch: two people, two questions

Begins when a day leaves orders or packets that wait for approval, and puts them before the legal and the risk desk.
The task body shows number and facts hash; the packet itself is on the desk. Nobody answering in time means no approval.
The store decides what counts.

* **Safe to run again:** yes; what waits is asked about until both desks have spoken, in one batch at a time.
* **When it fails:** nothing has left; see `docs/operate.md#arrears_repossession`.
"""

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param, dag

from arrears.orchestration.assets import WAITING_ORDERS
from arrears.orchestration.forms import form_of_a_day
from arrears.orchestration.pages import about, desk_page
from arrears.orchestration.step import closing, step
from arrears.orchestration.timetable import begins, time_to_answer
from arrears.steps import repossession as steps

ANSWER = {
    "subject": "Orders and packets that wait for approval 待审批的委托拖车单和案件材料",
    "multiple": True,
    "defaults": [],
    "response_timeout": time_to_answer(),
    "retries": 0,  # a second try would ask again and drop the answer to the first: the next batch asks instead
    "map_index_template": "{{ task.body.count('facts `') }} to decide",
    "params": {"note": Param("", type="string", title="Reason 理由")},
}


@dag(
    dag_id="arrears_repossession",
    schedule=[WAITING_ORDERS],
    start_date=begins(),
    catchup=False,
    max_active_runs=5,  # a batch may wait for days: the next one asks what is new since
    **about(__doc__),
    tags=["arrears", "impact:legal", "tier:1"],
    params=form_of_a_day(),
)
def arrears_repossession() -> None:
    """Ask both desks about what waits."""
    batch = step(steps.open_batch)()
    packets = desk_page("/legal")
    to_legal, to_risk = step(steps.ask_legal)(batch, packets), step(steps.ask_risk)(batch, packets)
    legal = HITLOperator.partial(task_id="legal_decides", **ANSWER).expand_kwargs(to_legal)
    risk = HITLOperator.partial(task_id="risk_decides", **ANSWER).expand_kwargs(to_risk)
    by_legal = step(steps.record_legal)(batch, legal.output)
    by_risk = step(steps.record_risk)(batch, risk.output)
    closed = closing(steps.close_batch)(batch)

    [by_legal, by_risk] >> closed


arrears_repossession()
