"""PDF from templates: pinned fonts, one compiler a process, the same bytes for the same data.

Data reaches a template as JSON text, so nothing a customer wrote can become markup. Exporting to PDF/A makes a missing
character an error instead of a silent gap; a warning is an error too.
"""

import lzma
import os
import re
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from arrears.core.errors import PermanentFailure
from arrears.core.keys import sha256

PDF_STANDARD = "a-3b"
_starting = threading.Lock()
_started: list[tuple[Any, type[Exception]]] = []
SHARED = ("layout.typ", "words.zh.typ", "words.en.typ")


class CannotRender(PermanentFailure):
    """A document that cannot be set; ``reason`` is a code without data about people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def render(home: Path, template: str, data: Mapping[str, Any], on: date) -> bytes:
    """Return the PDF of a template filled with ``data``, dated ``on`` and never by the clock.

    Raises:
        CannotRender: no pinned font has a character (``missing_glyph``), or the template does not compile
            (``template_error``).
    """
    compiler, error_type = _compiler(home)
    stamp = int(datetime(on.year, on.month, on.day, tzinfo=UTC).timestamp())
    try:
        pdf, warnings = compiler.compile_with_warnings(
            str(_templates() / template),
            sys_inputs={"data": orjson.dumps(data).decode()},
            format="pdf",
            pdf_standards=[PDF_STANDARD],
            timestamp=stamp,
            pdf_tags=False,
        )
    except error_type as error:
        raise _explain(template, str(error), getattr(error, "diagnostic", "")) from None
    if warnings:
        raise CannotRender("template_error", f"{template}: the typesetter warns; run it by hand to see the line")
    return bytes(pdf)


@lru_cache
def template_sha256(template: str) -> str:
    """Return the hash of a template with the layout and the words it draws on."""
    return sha256(b"\0".join((_templates() / name).read_bytes() for name in (template, *SHARED)))


def unpack_fonts(home: Path) -> Path:
    """Unpack the pinned fonts once under ``home`` and return their folder; every start checks their SHA-256.

    Raises:
        PermanentFailure: a packed font is not the one that was pinned.
    """
    packed = Path(str(files("arrears.legal").joinpath("fonts")))
    pinned = [line.split() for line in (packed / "sha256sums.txt").read_text("utf-8").splitlines()]
    folder = home / "fonts" / sha256(repr(pinned).encode())[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for expected, name in pinned:
        target = folder / name
        if target.is_file() and sha256(target.read_bytes()) == expected:
            continue
        font = lzma.decompress((packed / f"{name}.xz").read_bytes())
        if sha256(font) != expected:
            raise PermanentFailure(f"font {name} is not the pinned one: install the package again")
        part = folder / f"{name}.{os.getpid()}.part"
        part.write_bytes(font)
        part.replace(target)
    return folder


def _explain(template: str, message: str, diagnostic: str) -> CannotRender:
    """Name the place, never the text: the typesetter's own message may quote a customer's name."""
    if "could not be displayed with font" in message:
        return CannotRender("missing_glyph", f"{template}: a character is in none of the pinned fonts")
    place = re.search(r"[\w.]+\.typ:\d+:\d+", diagnostic)
    return CannotRender(
        "template_error", f"{template} does not compile at {place.group() if place else 'an unknown line'}"
    )


def _compiler(home: Path) -> tuple[Any, type[Exception]]:
    """Return the one compiler of this process: the fonts are the same bytes wherever the first caller unpacked them."""
    with _starting:
        if not _started:
            os.environ.setdefault("RAYON_NUM_THREADS", "1")  # one packet a core: threads only add overhead
            import typst

            folder = str(unpack_fonts(home))
            fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])
            _started.append((typst.Compiler(root=str(_templates()), font_paths=fonts), typst.TypstError))
        return _started[0]


def _templates() -> Path:
    return Path(str(files("arrears.legal").joinpath("templates")))
