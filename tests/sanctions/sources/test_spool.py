"""The spool: what belongs to a party, kept out of memory until the party comes."""

from app.sanctions.sources.spool import Spool


def test_values_come_back_by_key_in_order() -> None:
    with Spool() as spool:
        spool.put("b", {"name": "é"})
        spool.put("a", [1, None])
        spool.put("b", "x")
        assert spool.take("b") == [{"name": "é"}, "x"]
        assert spool.take("b") == [{"name": "é"}, "x"]
        assert spool.take("c") == []
        assert list(spool.left()) == ["a"]
        assert [key for key, _ in spool.each()] == ["b", "a"]
        assert list(spool.left()) == []
