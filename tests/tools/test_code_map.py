"""The map is made from the sources, and keeps what people decided."""

import pytest

from tools.code_map import BEGIN, END, marks, render

EMPTY = f"before\n{BEGIN}{END}\nafter\n"


def test_every_package_gets_its_block_between_the_markers() -> None:
    document = render(EMPTY)
    assert document.startswith("before\n")
    assert document.endswith("after\n")
    assert {path.split("/", 1)[0] for path in marks(document)} == {"api", "clients", "datapath", "sfu", "turn"}


def test_a_line_carries_the_first_sentence_of_the_module() -> None:
    line = next(line for line in render(EMPTY).splitlines() if line.startswith("sfu/stats.py "))
    assert " [V] What the data path counts, as plain values" in line


def test_a_mark_that_stands_is_kept() -> None:
    document = EMPTY.replace(END, f"sfu/stats.py [S] held\n{END}")
    assert marks(render(document))["sfu/stats.py"] == "S"


def test_making_it_again_changes_nothing() -> None:
    once = render(EMPTY)
    assert render(once) == once


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="code map"):
        render("nothing\n")
