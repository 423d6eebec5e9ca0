"""What is read at a start is what the word tables say."""

import json

from partner_registry_matcher import tables


def test_the_folded_tables_are_those_of_the_word_lists() -> None:
    # `python -m partner_registry_matcher.tables` after a change of words/*.txt.
    assert json.loads(json.dumps(tables.fold_tables())) == tables._content()


def test_a_form_has_one_meaning_and_a_translation_the_same() -> None:
    table = tables.table("organisation").entries
    assert table["fondation"] == table["fundacion"] == table["foundation"]
    assert table["fondation"].klass == tables.TYPE
    assert table["limited"].klass == tables.LEGAL
    assert tables.table("person").entries["muhammad"].canonical == "muhammad"
