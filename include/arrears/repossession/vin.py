"""The serial number of a machine or vehicle: present, well formed, and with a check digit that agrees."""

_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_VALUES = (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9)
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VALUE_OF = dict(zip(_LETTERS, _VALUES, strict=True)) | {str(digit): digit for digit in range(10)}
_CHECK_AT = 8


def serial_is_sound(serial: str | None) -> bool:
    """Say whether a serial can identify a machine.

    Seventeen characters are a vehicle number (GB 16735, ISO 3779): no I, O or Q, and the ninth is its check digit.
    Where the ninth is a letter other than X the number is a machine's (ISO 10261), which has no public checksum.
    """
    text = (serial or "").strip().upper()
    if len(text) != len(_WEIGHTS):
        return bool(text)
    if any(character not in _VALUE_OF for character in text):
        return False
    check = text[_CHECK_AT]
    return (check.isalpha() and check != "X") or check == check_digit(text)


def check_digit(vehicle_number: str) -> str:
    """Return the check digit (0-9 or X) of a 17-character vehicle number."""
    total = sum(_VALUE_OF[character] * weight for character, weight in zip(vehicle_number, _WEIGHTS, strict=True))
    return "X" if total % 11 == 10 else str(total % 11)
