"""A digest before it is a mail: what stands beside what, and what gives way when it is too long."""

import re
from dataclasses import replace

import pytest

from arrears.core.errors import PermanentFailure
from arrears.reports.page import Block, Column, Page, Table
from arrears.reports.rendering import CUT_FROM, MOST_BYTES, render


def rest(count: int) -> str:
    return f"另有 {count} 行，见工作台。"


def table(title: str, rows: int) -> Table:
    cells = [[f"{title}-{n}", "¥1,234.00"] for n in range(rows)]
    return Table(title, [Column("名称"), Column("金额", number=True)], cells, rest)


def page(*blocks: Block) -> Page:
    return Page("zh", "主题", "标题", "范围", "早上好。", blocks=list(blocks), checkpoint=["note"])


def one(title: str, rows: int) -> Block:
    return Block(((table(title, rows),),))


def test_what_comes_last_gives_way_first_and_the_first_screen_stays_whole():
    html, text = render(page(one("甲", 40), one("乙", 40), one("丙", 400)))
    assert len(html.encode()) <= CUT_FROM < MOST_BYTES
    assert (html.count("甲-"), html.count("乙-"), html.count("丙-")) == (40, 40, 20)
    assert "另有 380 行，见工作台。" in html
    assert "丙-19" in text
    assert "丙-20" not in text, "mail and text show the same rows"


def test_what_was_left_out_before_and_what_is_cut_are_one_number():
    whole = replace(table("甲", 60), more=7, note="说明。")
    assert whole.shortened(20).foot == "另有 47 行，见工作台。 说明。"
    assert whole.shortened(100) == whole
    assert table("甲", 3).foot == ""


def test_before_a_mail_fails_its_first_screen_gives_way_too():
    html, _ = render(page(one("甲", 900), one("乙", 40)))
    assert len(html.encode()) <= CUT_FROM < MOST_BYTES
    assert html.count("甲-") == 20


def test_a_mail_that_cannot_be_made_short_enough_is_refused():
    whole = page(one("甲", 1))
    with pytest.raises(PermanentFailure, match="at most 100,000"):
        render(replace(whole, scope="长" * MOST_BYTES))


def test_a_mail_too_long_with_the_shortest_tables_is_its_first_block_and_says_so(caplog):
    blocks = [Block(((replace(table(f"表{n}", 3), note="长" * 2_000),),)) for n in range(20)]
    html, text = render(page(one("甲", 5), *blocks))
    assert len(html.encode()) <= MOST_BYTES
    assert html.count("甲-") == 3
    assert "表0" not in html
    assert "其余各表" in html
    assert "其余各表" in text
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_two_columns_stand_side_by_side_and_become_one_where_the_window_is_narrow():
    wide, _ = render(page(Block(((table("甲", 1),), (table("乙", 1), table("丙", 1))))))
    assert wide.count('<div class="half"') == 2
    assert "@media (max-width: 880px) { .half { max-width: 100% !important; } }" in wide
    assert "max-width:900px" in wide
    narrow, _ = render(page(one("甲", 1)))
    assert 'class="half"' not in narrow
    assert "max-width:640px" in narrow


def test_a_name_that_looks_like_a_style_is_left_alone():
    html, _ = render(page(Block(((Table("甲", [Column("名")], [[' class="c" 张']], rest),),))))
    assert 'class="c" 张' in html.replace("&quot;", '"')


def test_a_date_is_never_broken_over_two_lines():
    html, _ = render(
        page(Block(((Table("甲", [Column("到期日"), Column("什么")], [["2026-11-30", "拖车单到期的说明"]], rest),),)))
    )
    assert re.search(r"<td nowrap[^>]*>2026-11-30</td>", html)
    assert not re.search(r"<td nowrap[^>]*>拖车单到期的说明</td>", html)
