import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pypdf
import pytest
from pydantic import ValidationError

from arrears.core.errors import BadArguments, CannotTell, PermanentFailure
from arrears.core.keys import sha256
from arrears.ladder.layers import load_policy
from arrears.ladder.policy import Policy
from arrears.ladder.policy_contact import Statement
from arrears.legal import typesetting
from arrears.legal.clocks import DEMAND_KINDS
from arrears.legal.facts import Instalment, LegalFacts, Money, Party
from arrears.legal.letters import DEMANDS, Letter, letter_for, render_letter
from arrears.legal.plain_text import breakable, share
from arrears.legal.readiness import assess
from arrears.legal.statement import differences
from arrears.legal.wording import words
from arrears.outreach.gates import ItemFacts, SendFacts
from arrears.outreach.letters import Said
from arrears.outreach.notice import notice_of
from arrears.store.whole_files import place_of, unfinished, write_whole

TODAY = date(2026, 11, 12)
POLICY = load_policy()
BORROWER = Party("B", "borrower", "王喆䶮", "zh", address="某路1号")
GUARANTOR = Party("G", "guarantor", "Ann Example", "en", address="2 Some Road", guarantee_kind="joint")


def facts(**more: object) -> LegalFacts:
    rows = [Instalment(1, date(2026, 8, 15), 100_00, 99_99), Instalment(2, date(2026, 9, 15), 100_00, 0),
            Instalment(3, date(2026, 12, 15), 100_00, 0)]  # fmt: skip
    money = Money("CNY", 2, 100_01, 89, date(2026, 8, 15), 200_00, 300_00, 99_99)
    whole = LegalFacts("HT-1", "ref", TODAY, "finance_lease", money, 4, parties=(BORROWER, GUARANTOR), instalments=rows)
    return replace(whole, **more)


def said(party: Party, tone: str = "legal", policy: Policy = POLICY) -> Said:
    """The words that a message about the same contract would use."""
    audience = "guarantors" if party.role == "guarantor" else "borrower"
    item = ItemFacts(
        item_key="1" * 64, account_id="HT-1", subject_ref="ref", audience=audience, tone=tone, rung=3,
        amount_minor=100_01, currency="CNY", due_on=date(2026, 8, 15), overdue_instalments=2, is_closed=False,
        is_missing=False, data_incomplete=False, hard_holds=(), soft_holds=(), about="episode", is_tied=True,
        still_due=True, paid_since=False, is_refused=False, planned_minor=100_01,
    )  # fmt: skip
    sent = SendFacts("c" * 64, "letter", TODAY, (policy.time_zone,), party.address, False, frozenset(), "", (item,),
                     {}, None, None, SimpleNamespace(name=party.name))  # fmt: skip
    return Said(notice_of(sent, (), party.language, policy), policy)


def letter_to(
    party: Party, some: LegalFacts, kind: str = "lawyers_letter", tone: str = "legal", policy: Policy = POLICY
) -> Letter:
    return letter_for(party.party_id, some, assess(some, policy), policy, kind, said(party, tone, policy))


def text(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf)).pages)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def test_each_debtor_and_guarantor_gets_a_letter_in_their_own_language(home):
    some = facts()
    zh, en = (text(render_letter(home, letter_to(party, some))) for party in (BORROWER, GUARANTOR))
    assert "王喆䶮" in zh
    assert "律师函" in zh
    assert "CNY 100.01" in zh
    assert "You have guaranteed the debt of 王喆䶮" in en
    assert POLICY.creditor.complaint_line in en


def test_a_letter_threatens_nothing_the_law_or_the_policy_shuts(home):
    some = facts(contract_type="chattel_mortgage")
    sheet = text(render_letter(home, letter_to(BORROWER, some)))
    assert "解除合同并收回设备" not in sheet
    assert "起诉并申请财产保全" in sheet
    silent = POLICY.model_copy(update={"notices": POLICY.notices.model_copy(update={"consequences": ["late_charges"]})})
    sheet = text(render_letter(home, letter_to(BORROWER, some, policy=silent)))
    assert "起诉" not in sheet, "the lender takes nobody to court"
    assert "财产保全" not in sheet


@pytest.mark.parametrize(("party", "step"), [(BORROWER, "财产保全"), (GUARANTOR, "preserve")])
def test_what_may_follow_is_said_once(party, step):
    data = letter_to(party, facts()).data
    told = [line for name in ("opening", "demand", "consequences", "rest") for line in data[name]]
    assert sum(step in line for line in told) == 1


@pytest.mark.parametrize("party", [BORROWER, GUARANTOR])
@pytest.mark.parametrize("tone", ["serious", "legal"])
def test_a_printed_letter_says_what_every_notice_must(home, party, tone):
    statement = Statement(name="rights", zh="您有权查询账目", en="You may ask for an account")
    notices = POLICY.notices.model_copy(update={"statements": [statement]})
    policy = POLICY.model_copy(update={"notices": notices})
    letter = letter_to(party, facts(), tone=tone, policy=policy)
    sheet = text(render_letter(home, letter)).replace("\n", " ")
    words_of_it = said(party, tone, policy)
    assert policy.notices.help_line in sheet
    assert words_of_it.notice.minimum_part in sheet
    assert (statement.zh if party.language == "zh" else statement.en) in sheet
    assert policy.stamp in sheet
    flat = "".join(sheet.split())
    for block in words_of_it.blocks(court=not letter.data["consequences"]):
        for line in block:
            assert "".join(line.split()) in flat, line


def test_a_letter_that_would_say_a_banned_word_is_not_made():
    banned = POLICY.notices.model_copy(update={"banned_words": {"zh": ["律师费", "财产保全"]}})
    with pytest.raises(PermanentFailure, match="refused by the lint: banned_word"):
        letter_to(BORROWER, facts(), policy=POLICY.model_copy(update={"notices": banned}))


@pytest.mark.parametrize(("kind", "title"), [("validation_notice", "债务确认通知"),
                                             ("notice_of_sums_in_arrears", "欠款金额通知")])  # fmt: skip
def test_a_notice_that_only_informs_demands_nothing_and_threatens_nothing(home, kind, title):
    sheet = text(render_letter(home, letter_to(BORROWER, facts(), kind, tone="courteous")))
    assert title in sheet
    assert "催告" not in sheet
    assert "付清上述款项" not in sheet
    assert "措施" not in sheet


def test_nothing_overdue_is_nothing_to_demand():
    some = facts(money=replace(facts().money, overdue_minor=0))
    with pytest.raises(BadArguments, match="nothing is overdue"):
        letter_to(BORROWER, some)


def test_another_process_in_another_time_zone_sets_the_same_bytes(home, tmp_path):
    some = facts()
    letter = letter_to(BORROWER, some)
    here = render_letter(home, letter)
    program = (
        "import json, sys; from datetime import date; from pathlib import Path; from arrears.legal import typesetting;"
        "sys.stdout.buffer.write(typesetting.render(Path(sys.argv[1]), 'letter.typ', json.load(sys.stdin), "
        "date(2026, 11, 12)))"
    )
    there = subprocess.run(
        [sys.executable, "-c", program, str(home)],
        input=json.dumps(letter.data).encode(),
        capture_output=True,
        check=True,
        env={"TZ": "America/New_York", "LC_ALL": "C"},
    ).stdout
    assert sha256(there) == sha256(here)
    dated = pypdf.PdfReader(BytesIO(here)).metadata
    assert dated is not None
    assert str(dated.creation_date)[:10] == "2026-11-12"


def test_markup_in_a_name_is_text(home):
    party = replace(BORROWER, name='#read("/etc/passwd") *b* $x$')
    letter = letter_to(party, facts(parties=(party,)))
    assert '#read("/etc/passwd") *b* $x$' in text(render_letter(home, letter))


def test_a_missing_character_is_named_by_reason_and_never_by_the_name_it_stands_in(home):
    party = replace(BORROWER, name="𠮷某人")
    letter = letter_to(party, facts(parties=(party,)))
    with pytest.raises(typesetting.CannotRender) as caught:
        render_letter(home, letter)
    assert caught.value.reason == "missing_glyph"
    assert "𠮷" not in str(caught.value)


def test_a_template_without_its_data_names_the_line(home):
    with pytest.raises(typesetting.CannotRender, match=r"letter\.typ does not compile at .*:\d+:\d+") as caught:
        typesetting.render(home, "letter.typ", {"lang": "zh"}, TODAY)
    assert caught.value.reason == "template_error"


def test_a_font_that_is_not_the_pinned_one_is_mended_and_a_broken_package_is_refused(tmp_path, monkeypatch):
    folder = typesetting.unpack_fonts(tmp_path)
    font = min(folder.iterdir())
    whole = font.read_bytes()
    font.write_bytes(b"another font")
    assert typesetting.unpack_fonts(tmp_path) == folder
    assert font.read_bytes() == whole
    font.unlink()
    monkeypatch.setattr(typesetting, "sha256", lambda _data: "0" * 64)
    with pytest.raises(PermanentFailure, match="is not the pinned one"):
        typesetting.unpack_fonts(tmp_path)


@pytest.mark.parametrize(
    ("money", "off"),
    [({}, []), ({"overdue_minor": 100_02}, ["overdue"]), ({"paid_minor": 100_00}, ["paid"]),
     ({"schedule_minor": 300_01}, ["schedule"]), ({"due_minor": 199_99}, ["due"]),
     ({"overdue_instalments": 1}, ["overdue_instalments"])],
)  # fmt: skip
def test_one_cent_between_statement_and_ledger_is_found(money, off):
    some = facts()
    assert differences(replace(some, money=replace(some.money, **money))) == off


def test_an_unknown_code_never_reaches_a_reader():
    with pytest.raises(CannotTell, match="has no words"):
        words("no_such_code", "zh")


def test_long_words_may_break_and_shares_are_rounded_down():
    assert breakable("a" * 20).replace("\u200b", "") == "a" * 20
    assert "\u200b" in breakable("a" * 20)
    assert breakable("北京市朝阳区建国路甲92号") == "北京市朝阳区建国路甲92号"
    assert share(1999, 10_000) == "19.9 %"
    assert share(1, 0) == ""


def test_a_failed_write_leaves_nothing_under_the_final_name(tmp_path, monkeypatch):
    from fsspec.implementations.local import LocalFileSystem

    def broken(*_args, **_kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(LocalFileSystem, "mv", broken)
    with pytest.raises(OSError, match="disk full"):
        write_whole(f"file://{tmp_path}", "packets/ab/x.pdf", b"half")
    assert not (tmp_path / "packets" / "ab" / "x.pdf").exists()


def test_two_containers_with_one_process_id_write_beside_each_other_and_both_halves_are_found(tmp_path, monkeypatch):
    from fsspec.implementations.local import LocalFileSystem

    monkeypatch.setattr(os, "getpid", lambda: 7)
    monkeypatch.setattr(LocalFileSystem, "mv", lambda *_args, **_kwargs: None)
    for half in (b"one", b"another"):
        write_whole(f"file://{tmp_path}", "packets/x.pdf", half)
    left = unfinished(*place_of(f"file://{tmp_path}", "packets/x.pdf"))
    assert sorted(Path(one).read_bytes() for one in left) == [b"another", b"one"]


def test_a_step_by_letter_names_what_is_printed_and_only_a_demand_is_one():
    printed = {
        (name, step.name): step.document
        for name in ("cn", "us", "uk")
        for step in load_policy(Path(name)).steps
        if step.channel == "letter"
    }
    assert printed["us", "validation_notice"] == "validation_notice"
    assert printed["uk", "notice_of_sums_in_arrears"] == "notice_of_sums_in_arrears"
    assert not set(printed.values()) - set(DEMANDS) & set(DEMAND_KINDS), "what only informs starts no cure clock"
    assert printed["cn", "demand_letter"] == "demand_letter"
    assert printed["uk", "default_notice"] == printed["us", "lawyers_letter"] == "lawyers_letter"
    step = load_policy().steps[0]
    with pytest.raises(ValidationError, match="a step by letter names what is printed"):
        type(step).model_validate(step.model_dump() | {"channel": "letter"})
