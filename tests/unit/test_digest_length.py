"""A digest fits what mail clients show, however much there is to tell; what is cut says where it stands."""

from dataclasses import replace

import pytest

from arrears.core.errors import PermanentFailure
from arrears.reports.page import Block, Column, Page, Table
from arrears.reports.rendering import CUT_FROM, MOST_BYTES, render


def listed(rows: int, cell: str = "a cell of twenty byte", **about: object) -> Table:
    heads = [Column("what"), Column("who"), Column("when")]
    return Table("A list", heads, [[cell] * 3] * rows, lambda n: f"{n} more on the desk.", **about)


def page(*tables: Table) -> Page:
    return Page(
        "en", "s", "t", "scope", "hello", blocks=[Block(((table,),)) for table in tables], checkpoint=["the end"]
    )


def test_a_digest_of_many_long_lists_is_cut_and_every_list_says_where_the_rest_stands():
    html, text = render(page(*[listed(60)] * 20))
    assert CUT_FROM / 2 < len(html.encode()) <= CUT_FROM < MOST_BYTES
    assert "the end" in html
    cut = 60 - text.split("== A list ==")[-1].count("a cell of twenty byte") // 3
    assert html.count(f"{cut} more on the desk.") == text.count(f"{cut} more on the desk.") >= 19


def test_what_was_left_out_before_and_what_is_cut_are_one_number():
    table = replace(listed(60), more=7, note="A word.")
    assert table.shortened(20).foot == "47 more on the desk. A word."
    assert table.shortened(100) == table
    assert table.foot == "7 more on the desk. A word."
    assert listed(3).foot == ""


def test_what_stands_last_is_cut_before_what_stands_first():
    html, _ = render(page(listed(60, "of the first list"), *[listed(60)] * 20))
    assert html.count("of the first list") == 3 * 60
    assert html.count("a cell of twenty byte") < 3 * 60 * 20


def test_a_digest_that_fits_is_left_whole():
    html, _ = render(page(listed(60)))
    assert "more on the desk" not in html


def test_a_digest_that_cannot_be_cut_short_enough_is_refused():
    with pytest.raises(PermanentFailure, match="shown by mail clients"):
        render(page(*[listed(60, "x" * 1_000)] * 20))
