"""Draw the secrets of docker compose, each into a file of its own, and copy .env.example to .env; nothing is replaced.

The folder is its owner's alone; within it the files may be read, because containers see them as another user.
"""

import base64
import os
import secrets
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "var" / "secrets"


def draw() -> dict[str, str]:
    """Return every secret by the name of its file: passwords, and the addresses they are part of."""
    drawn = {name: secrets.token_hex(24) for name in (
        "postgres_password", "airflow_password", "store_owner_password", "store_password", "auditor_password",
        "redis_password", "admin_password", "collector_password", "airflow_secret_key", "receipts_secret",
        "agency_secret",
    )}  # fmt: skip
    return drawn | {
        "airflow_jwt_secret": secrets.token_hex(32),  # SHA-512 takes 64 bytes
        "airflow_fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "airflow_database_url": f"postgresql+psycopg2://airflow:{drawn['airflow_password']}@postgres/airflow",
        "store_owner_url": f"postgresql+psycopg://arrears_migrate:{drawn['store_owner_password']}@postgres/arrears",
        "store_url": f"postgresql+psycopg://arrears_day:{drawn['store_password']}@postgres/arrears",
        "celery_broker_url": f"redis://:{drawn['redis_password']}@redis:6379/0",
        "airflow_url": f"http://collector:{drawn['collector_password']}@airflow-apiserver:8080",
        "smtp_url": "",
        "sms_url": "",
        "agency_url": "",
        "artifacts_url": "",
        "list_passwords": "",
    }


def main() -> int:
    """Write what is not there yet: all secrets together, for the addresses repeat the passwords."""
    if not (ROOT / ".env").exists():
        shutil.copyfile(ROOT / ".env.example", ROOT / ".env")
    if FOLDER.exists():
        sys.stderr.write("var/secrets is already there: left as it is\n")
        return 0
    FOLDER.mkdir(parents=True, mode=0o700)
    for name, text in draw().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        (FOLDER / name).chmod(0o644)
    sys.stderr.write("Wrote var/secrets: the password of the user admin is in its file admin_password\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
