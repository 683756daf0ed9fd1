"""How long an SMS is: a network counts, and bills, the parts that a text takes in its alphabet."""

UCS2_SINGLE, UCS2_PART = 70, 67
GSM_SINGLE, GSM_PART = 160, 153
_GSM = set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
           "¿abcdefghijklmnopqrstuvwxyzäöñüà")  # fmt: skip
_GSM_DOUBLE = set("^{}\\[~]|€")


def is_gsm(text: str) -> bool:
    """Say whether a text fits the 7-bit alphabet of GSM 03.38."""
    return set(text) <= _GSM | _GSM_DOUBLE


def segments(text: str) -> int:
    """Return how many SMS a text takes: 160 or 153 septets, or 70 or 67 UCS-2 units, in a single or a joined one."""
    if is_gsm(text):
        units, single, part = len(text) + sum(char in _GSM_DOUBLE for char in text), GSM_SINGLE, GSM_PART
    else:
        units, single, part = len(text.encode("utf-16-be")) // 2, UCS2_SINGLE, UCS2_PART
    return 1 if units <= single else -(-units // part)
