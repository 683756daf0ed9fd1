#!/usr/bin/env bash
# Run a program that is named (the Helm chart says `bash -c …`, Kubernetes pods `python -m …`); else `airflow …`.
set -euo pipefail
case "${1:-version}" in
  airflow | arrears | bash | python) exec "$@" ;;
  *) exec airflow "${@:-version}" ;;
esac
