"""When Airflow tries a failed step again, for all steps in one place.

A held gate, bad input and a wrong policy are the same at the second try: such a step fails at once. A step that reaches
people is tried again only after an error that we know to have reached nobody; after any other the next dispatch sends
what is left. A worker that dies tells no error: the scheduler counts it as a try, and claims keep the contacts apart.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule, conf

from arrears.core.errors import ArrearsError, TemporaryFailure

_KNOWN = [
    RetryRule(TemporaryFailure, RetryAction.RETRY, reason="it may be better at the next try"),
    RetryRule(ArrearsError, RetryAction.FAIL, reason="the same at every try: mend what the message names"),
]
WORKING = ExceptionRetryPolicy(_KNOWN)
"""What no rule of ours foresaw, a lost database for example, is tried again as often as Airflow says."""
SENDING = ExceptionRetryPolicy(
    [*_KNOWN, RetryRule(Exception, RetryAction.FAIL, reason="it may have reached people: the next dispatch goes on")]
)


def retries() -> dict[str, Any]:
    """Return the options of a step that Airflow's own settings give: how often, and after which pause."""
    pause = timedelta(seconds=float(conf.get("core", "default_task_retry_delay", fallback="300")))
    return {"retries": int(conf.get("core", "default_task_retries", fallback="0")), "retry_delay": pause}
