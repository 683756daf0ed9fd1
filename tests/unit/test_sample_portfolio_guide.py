"""The guide to the sample names accounts; they must play the part it gives them."""

import re
from pathlib import Path

from arrears.rehearsal.portfolio import SAMPLE_ACCOUNTS, SAMPLE_SEED
from arrears.rehearsal.stories import cast

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "sample.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (A\d{5}[^|]*) \| `(\w+)`", GUIDE, re.MULTILINE)


def test_every_account_named_in_the_guide_plays_the_part_it_gives_it():
    stories = cast(SAMPLE_ACCOUNTS, SAMPLE_SEED)
    told = {account: part for accounts, part in ROWS for account in re.findall(r"A\d{5}", accounts)}
    assert len(told) > 40
    assert {account: stories[account].name for account in told} == told


def test_the_guide_leaves_out_no_account_of_a_part_it_lists_in_full():
    stories = cast(SAMPLE_ACCOUNTS, SAMPLE_SEED)
    for accounts, part in ROWS:
        if "and others" not in accounts:
            assert set(re.findall(r"A\d{5}", accounts)) == {
                name for name, story in stories.items() if story.name == part
            }
