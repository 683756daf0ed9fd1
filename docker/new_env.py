"""Write .env for docker compose from .env.example: every empty secret gets new random bytes of its own."""

import base64
import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def fill(line: str) -> str:
    """Return a line of the example with its secret drawn, where it asks for one."""
    name, _, value = line.partition("=")
    if value == "<fernet key>":
        return f"{name}={base64.urlsafe_b64encode(os.urandom(32)).decode()}"
    return f"{name}={secrets.token_hex(24)}" if value == "<random>" else line


def main() -> int:
    """Write the file once, readable by its owner alone; an existing one is never touched."""
    target = ROOT / ".env"
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stderr.write(".env is already there: left as it is\n")
        return 0
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{fill(line)}\n" for line in lines)
    sys.stderr.write("Wrote .env: the password of the user admin is ARREARS_ADMIN_PASSWORD in it\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
