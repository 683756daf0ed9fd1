"""Celery as Airflow's workers use it, named by ``[celery] celery_config_options``: a worker loads once what tasks need.

All else is the provider's own; only workers import what ``imports`` names.
"""

from typing import Any

from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG

CONFIG: dict[str, Any] = {**DEFAULT_CELERY_CONFIG, "imports": ["arrears.orchestration.preload"]}
