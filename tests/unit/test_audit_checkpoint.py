"""Checkpoints are C2SP signed notes, and keys are made once, kept from others and never shown."""

import stat
import threading
from pathlib import Path

import pytest

from arrears.audit.checkpoint import (
    BadNote,
    Checkpoint,
    PublicKey,
    Signer,
    UnknownSigner,
    ensure_key,
    key_file,
    known_keys,
    load_key,
    open_note,
    parse_checkpoint,
)
from arrears.core.entropy import SeededEntropy, SystemEntropy
from arrears.core.errors import BadArguments, PermanentFailure
from arrears.core.settings import Settings

# The example of Go's golang.org/x/mod/sumdb/note, the format's reference implementation.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = Signer("arrears/test", bytes(range(32)))
HEAD = Checkpoint("arrears/test", 3, bytes(range(32)))


def test_the_reference_note_of_the_format_verifies() -> None:
    assert open_note(GO_NOTE, [PublicKey.parse(GO_VKEY)]).startswith("If you think cryptography")


def test_the_reference_key_signs_the_reference_note() -> None:
    import base64

    signer = Signer("PeterNeumann", base64.b64decode(GO_SEED)[1:])
    assert signer.public.vkey == GO_VKEY
    assert signer.sign(GO_NOTE.rpartition("\n\n")[0] + "\n") == GO_NOTE


def test_a_checkpoint_survives_signing_and_reading() -> None:
    note = SIGNER.sign(HEAD.text())
    assert parse_checkpoint(open_note(note, [SIGNER.public])) == HEAD


def test_no_byte_of_a_signed_checkpoint_can_change() -> None:
    note = SIGNER.sign(HEAD.text()).encode()
    for place in range(len(note)):
        for bit in range(8):
            changed = bytearray(note)
            changed[place] ^= 1 << bit
            with pytest.raises(BadNote):
                parse_checkpoint(open_note(changed.decode(errors="replace"), [SIGNER.public]))


def test_a_note_of_an_unknown_key_is_not_believed() -> None:
    other = Signer("arrears/test", bytes(32))
    with pytest.raises(UnknownSigner):
        open_note(other.sign(HEAD.text()), [SIGNER.public])


def test_a_second_signature_of_a_witness_is_allowed() -> None:
    other = Signer("witness.example", bytes(32))
    note = SIGNER.sign(HEAD.text()) + other.sign(HEAD.text()).rpartition("\n\n")[2]
    assert open_note(note, [SIGNER.public]) == open_note(note, [other.public]) == HEAD.text()


@pytest.mark.parametrize("size", ["03", "-1", "3 ", "+3", "3.0", "٣", ""])
def test_a_size_has_one_spelling(size: str) -> None:
    with pytest.raises(BadNote):
        parse_checkpoint(HEAD.text().replace("\n3\n", f"\n{size}\n"))


def test_extension_lines_are_refused() -> None:
    with pytest.raises(BadNote):
        parse_checkpoint(HEAD.text() + "extra\n")


@pytest.mark.parametrize("line", ["", "name", "name+00000000+AAAA", GO_VKEY.replace("c74f20a3", "c74f20a4")])
def test_a_broken_public_key_line_is_refused(line: str) -> None:
    with pytest.raises(BadNote):
        PublicKey.parse(line)


def test_the_key_is_made_once_and_only_its_owner_reads_it(settings: Settings) -> None:
    first = ensure_key(settings, SystemEntropy())
    assert ensure_key(settings, SystemEntropy()) == first == load_key(settings)
    assert stat.S_IMODE(key_file(settings).stat().st_mode) == 0o600
    assert known_keys(settings) == [first.public.vkey]


def test_two_that_make_the_key_at_once_end_with_the_same_one(settings: Settings) -> None:
    made: list[Signer] = []
    threads = [threading.Thread(target=lambda: made.append(ensure_key(settings, SystemEntropy()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert set(made) == {load_key(settings)}


def test_a_key_that_others_may_read_is_refused(settings: Settings) -> None:
    ensure_key(settings, SystemEntropy())
    key_file(settings).chmod(0o644)
    with pytest.raises(PermanentFailure, match="may be read by others"):
        load_key(settings)


def test_a_damaged_key_file_is_named_and_its_content_is_not_shown(settings: Settings) -> None:
    ensure_key(settings, SystemEntropy())
    line = key_file(settings).read_text()
    key_file(settings).write_text(line[:-9] + "\n")
    with pytest.raises(PermanentFailure) as refused:
        load_key(settings)
    assert line.rpartition("+")[2][:20] not in str(refused.value)


def test_a_live_store_refuses_a_key_that_could_be_foretold(tmp_path: Path) -> None:
    live = Settings.from_environment({"ARREARS_HOME": str(tmp_path), "ARREARS_MODE": "live"})
    with pytest.raises(BadArguments, match="seeded"):
        ensure_key(live, SeededEntropy(1))


def test_a_signer_never_shows_its_seed() -> None:
    assert repr(SIGNER) == "Signer('arrears/test')"
