"""What every registered list source keeps to, run on the sample it ships with."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from app.sanctions import sources
from app.sanctions.sources import ALL, ListSource, SourceEmpty, SourceUnreadable
from app.sanctions.sources.base import digest_of

SAMPLES = Path(sources.__file__).parent / "samples"


def issues_of(code: str) -> list[tuple[Path, ...]]:
    """The sample issues of a source: ``<code>.<suffix>``, or what lies in the folder ``<code>``.

    There each file is an issue, and each folder one of several files.
    """
    found: list[tuple[Path, ...]] = [(path,) for path in SAMPLES.glob(f"{code}.*")]
    found += [
        tuple(sorted(path.iterdir())) if path.is_dir() else (path,)
        for path in sorted((SAMPLES / code).glob("*"))
    ]
    return found


# As they are before any test adds one of its own.
_OURS = tuple(ALL)


def test_every_source_has_a_sample() -> None:
    assert all(issues_of(code) for code in _OURS)


ISSUES = [(source, issue) for source in ALL.values() for issue in issues_of(source.code)]


@pytest.fixture(params=ISSUES, ids=lambda one: f"{one[0].code}-{one[1][0].name}")
def sampled(request: pytest.FixtureRequest) -> tuple[ListSource, tuple[Path, ...]]:
    found: tuple[ListSource, tuple[Path, ...]] = request.param
    return found


def test_the_table_and_the_sources_agree_on_codes() -> None:
    assert [source.code for source in ALL.values()] == list(ALL)
    for source in ALL.values():
        assert source.title
        assert source.publisher
        assert source.licence
        assert source.max_staleness > timedelta()


def test_the_sample_is_read_to_the_end(sampled: tuple[ListSource, tuple[Path, ...]]) -> None:
    source, issue = sampled
    parsed = source.parse(*issue)
    parties = list(parsed)
    assert len(parties) == parsed.header.count > 0
    assert parsed.header.persons == sum(p.kind == "person" for p in parties)
    assert parsed.header.organisations == sum(p.kind == "organisation" for p in parties)
    assert parsed.header.generated_at is None or parsed.header.generated_at.tzinfo is not None
    assert len({p.key for p in parties}) == len(parties)
    for party in parties:
        assert party.names[0].type == "primary"
        assert all(n.name and n.name == " ".join(n.name.split()) for n in party.names)
        assert list(party.countries) == sorted(set(party.countries))
        assert json.loads(json.dumps(party.original)) == party.original
        assert party.digest == digest_of(party.original, source.volatile)


def test_reading_twice_gives_the_same(sampled: tuple[ListSource, tuple[Path, ...]]) -> None:
    source, issue = sampled
    parsed = source.parse(*issue)
    assert list(parsed) == list(parsed) == list(source.parse(*issue))
    assert parsed.header == source.parse(*issue).header


def test_a_file_cut_off_is_refused_whole(
    sampled: tuple[ListSource, tuple[Path, ...]], tmp_path: Path
) -> None:
    """In a table a cut between two rows cannot be seen; the import's guard is there for that."""
    source, issue = sampled
    for path in issue:
        content = path.read_bytes().rstrip()
        table = path.suffix in (".csv", ".txt")
        cut = tmp_path / path.name
        rest = [other for other in issue if other != path]
        for share in range(1, 100, 7):
            part = content[: len(content) * share // 100]
            if table:
                # Within a row: all but its first cell is gone.
                line = part.rfind(b"\n") + 1
                part = content[: line + 2]
            cut.write_bytes(part)
            with pytest.raises((SourceUnreadable, SourceEmpty)):
                source.parse(*rest, cut)
        if not table:
            cut.write_bytes(content[:-1])
            with pytest.raises(SourceUnreadable):
                source.parse(*rest, cut)


def test_an_empty_file_is_refused(
    sampled: tuple[ListSource, tuple[Path, ...]], tmp_path: Path
) -> None:
    source, issue = sampled
    empty = tmp_path / issue[0].name
    empty.write_bytes(b"")
    with pytest.raises((SourceUnreadable, SourceEmpty)):
        source.parse(*issue[1:], empty)


def test_an_error_says_where(sampled: tuple[ListSource, tuple[Path, ...]], tmp_path: Path) -> None:
    source, issue = sampled
    broken = tmp_path / issue[0].name
    broken.write_bytes(issue[0].read_bytes()[:2_000] + b"\xff\xfe")
    with pytest.raises(SourceUnreadable) as caught:
        source.parse(*issue[1:], broken)
    assert caught.value.place
    assert caught.value.place in str(caught.value)
