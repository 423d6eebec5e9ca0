"""What every registered list source keeps to, run on the sample it ships with."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from app.sanctions import sources
from app.sanctions.sources import ALL, ListSource, SourceEmpty, SourceUnreadable
from app.sanctions.sources.base import digest_of

SAMPLES = Path(sources.__file__).parent / "samples"


def sample_of(code: str) -> Path:
    (sample,) = SAMPLES.glob(f"{code}.*")
    return sample


@pytest.fixture(params=sorted(ALL))
def source(request: pytest.FixtureRequest) -> ListSource:
    return ALL[request.param]


def test_the_table_and_the_sources_agree_on_codes() -> None:
    assert [source.code for source in ALL.values()] == list(ALL)
    for source in ALL.values():
        assert source.title
        assert source.publisher
        assert source.licence
        assert source.max_staleness > timedelta()


def test_the_sample_is_read_to_the_end(source: ListSource) -> None:
    parsed = source.parse(sample_of(source.code))
    parties = list(parsed)
    assert len(parties) == parsed.header.count > 0
    assert parsed.header.persons == sum(p.kind == "person" for p in parties)
    assert parsed.header.generated_at is None or parsed.header.generated_at.tzinfo is not None
    assert len({p.key for p in parties}) == len(parties)
    for party in parties:
        assert party.names[0].type == "primary"
        assert all(n.name and n.name == " ".join(n.name.split()) for n in party.names)
        assert list(party.countries) == sorted(set(party.countries))
        assert json.loads(json.dumps(party.original)) == party.original
        assert party.digest == digest_of(party.original)


def test_reading_twice_gives_the_same(source: ListSource) -> None:
    parsed = source.parse(sample_of(source.code))
    assert list(parsed) == list(parsed) == list(source.parse(sample_of(source.code)))
    assert parsed.header == source.parse(sample_of(source.code)).header


def test_a_truncated_file_is_refused_whole(source: ListSource, tmp_path: Path) -> None:
    content = sample_of(source.code).read_bytes().rstrip()
    cut = tmp_path / "cut"
    for share in range(1, 100, 7):
        cut.write_bytes(content[: len(content) * share // 100])
        with pytest.raises((SourceUnreadable, SourceEmpty)):
            source.parse(cut)
    cut.write_bytes(content[:-1])
    with pytest.raises(SourceUnreadable):
        source.parse(cut)


def test_an_empty_file_is_refused(source: ListSource, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    with pytest.raises((SourceUnreadable, SourceEmpty)):
        source.parse(empty)


def test_an_error_says_where(source: ListSource, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(sample_of(source.code).read_bytes()[:2_000] + b"\xff\xfe")
    with pytest.raises(SourceUnreadable) as caught:
        source.parse(broken)
    assert caught.value.place
    assert caught.value.place in str(caught.value)
