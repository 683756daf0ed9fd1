#!/usr/bin/env bash
# Runs once at every start, before the services: databases to the newest form, pools, the first administrator, the store.
set -euo pipefail
airflow db migrate
airflow pools import "$(python -c 'from importlib.resources import files; print(files("arrears.orchestration").joinpath("pools.json"))')"
airflow users create --role Admin --username admin --firstname Arrears --lastname Administrator \
  --email admin@localhost --password "$ARREARS_ADMIN_PASSWORD"
arrears init
