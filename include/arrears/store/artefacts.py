"""Where the files about one account lie below the artefacts: who writes them and who erases them say the same."""

from datetime import date

from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key


def refuse_unknown_place(artifacts_url: str) -> None:
    """Refuse an address of the artefacts that no installed file system knows.

    Raises:
        BadArguments: names the scheme alone, for the rest may hold a password.
    """
    import fsspec

    scheme = artifacts_url.partition("://")[0] if "://" in artifacts_url else "file"
    try:
        fsspec.get_filesystem_class(scheme)
    except (ValueError, ImportError):
        raise BadArguments(
            f"ARREARS_ARTIFACTS_URL: no file system for {scheme}:// is installed; use file://, or install it"
        ) from None


def packet_id(account_id: str, version: int) -> str:
    """Return the key of an account's packet of a version."""
    return natural_key(account_id, version)


def emergency_id(account_id: str, case_id: str, version: int) -> str:
    """Return the key of the application for preservation in an emergency, in a version."""
    return natural_key("emergency", account_id, case_id, version)


def packet_number(packet_id: str) -> str:
    """Return the packet number that people read: the first twelve digits of its key, in groups of four."""
    short = packet_id[:12].upper()
    return f"{short[:4]}-{short[4:8]}-{short[8:]}"


def packet_folder(packet_id: str) -> str:
    """Return the folder of a packet; the archive of it has the same name with its ending."""
    return f"packets/{packet_id[:2]}/{packet_id}"


def order_path(document_sha256: str) -> str:
    """Return the file of an order document."""
    return f"orders/{document_sha256}.json"


def agreement_id(account_id: str, signed_on: date) -> str:
    """Return the key of the repayment agreement of a plan."""
    return natural_key("agreement", account_id, signed_on.isoformat())


def agreement_path(account_id: str, signed_on: date) -> str:
    """Return the file of the repayment agreement of a plan."""
    key = agreement_id(account_id, signed_on)
    return f"agreements/{key[:2]}/{key}.pdf"
