#!/usr/bin/env bash
# Runs once at every start, before the services: databases to the newest form, pools, the first administrator, the
# auditor's role and the login that reads the event log with it, the store and what each of its logins may.
set -euo pipefail
secrets="${ARREARS_SECRETS:-/run/secrets}"
airflow db migrate
airflow pools import "$(python -c 'from importlib.resources import files; print(files("arrears.orchestration").joinpath("pools.json"))')"
airflow users create --role Admin --username admin --firstname Arrears --lastname Administrator \
  --email admin@localhost --password "$(cat "$secrets/admin_password")"
arrears roles --airflow > /tmp/airflow_role.json
airflow roles import /tmp/airflow_role.json
airflow users create --role "Arrears auditor" --username collector --firstname Arrears --lastname Collector \
  --email collector@localhost --password "$(cat "$secrets/collector_password")"
ARREARS_STORE_URL="$(cat "$secrets/store_owner_url")"
export ARREARS_STORE_URL
arrears init
arrears roles --apply
