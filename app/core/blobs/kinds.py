"""What a file is, by its content: a short list of kinds, and everything else is refused.

Pure. What the sender says of its type must agree with what the bytes say. Files are never opened
here beyond what it takes to tell them; they are served as attachments only.
"""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from collections.abc import Callable
from enum import StrEnum

from app.core.blobs.frames import FRAME, Reader, Spool

_MEMBERS, _UNPACKED, _RATIO = 1_000, 200_000_000, 100
_LARGE_DIRECTORY = 4_000_000
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_EXECUTABLE = re.compile(
    r"\.(exe|dll|scr|com|bat|cmd|ps1|vbs|js|jse|wsf|hta|jar|msi|sh|lnk|html?|svg)\Z", re.I
)
_MACRO = re.compile(r"vbaproject|vbadata|(\A|/)activex/|(\A|/)macros/|\A(basic|scripts)/", re.I)


class MediaType(StrEnum):
    """What is taken."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ODT = "application/vnd.oasis.opendocument.text"
    TEXT = "text/plain"
    CSV = "text/csv"


EXTENSIONS = {
    MediaType.PDF: "pdf",
    MediaType.PNG: "png",
    MediaType.JPEG: "jpg",
    MediaType.DOCX: "docx",
    MediaType.XLSX: "xlsx",
    MediaType.ODT: "odt",
    MediaType.TEXT: "txt",
    MediaType.CSV: "csv",
}


class ContentRefused(Exception):
    """The content is not taken; the argument is a stable code."""


def check_content(spool: Spool, declared: MediaType) -> None:
    """Raises ContentRefused: ``empty``, ``type_differs`` (it is not what it is said to be),
    ``active_content`` (macros, scripts, markup), ``archive`` (a zip nobody should unpack).

    Works on files; blocks for as long as it takes to read one.
    """
    if spool.size == 0:
        raise ContentRefused("empty")
    _CHECKS[declared](spool, declared)


def _starts(*heads: bytes) -> Callable[[Spool, MediaType], None]:
    def check(spool: Spool, declared: MediaType) -> None:
        if not spool.frame(0).startswith(heads):
            raise ContentRefused("type_differs")

    return check


def _text(spool: Spool, declared: MediaType) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    first = True
    try:
        for number, frame in enumerate(spool.plain()):
            text = decoder.decode(frame, final=(number + 1) * FRAME >= spool.size)
            if first:
                _refuse_markup(text)
                first = False
            if _CONTROL.search(text):
                raise ContentRefused("type_differs")
    except UnicodeDecodeError:
        raise ContentRefused("type_differs") from None


def _refuse_markup(text: str) -> None:
    # A browser that is wrongly told, or guesses, makes a page of what begins like one.
    start = text.lstrip("\ufeff \t\r\n\f")
    if start.startswith(("<", "#!")):
        raise ContentRefused("active_content")


def _office(spool: Spool, declared: MediaType) -> None:
    if not spool.frame(0).startswith(b"PK\x03\x04"):
        raise ContentRefused("type_differs")
    try:
        with zipfile.ZipFile(io.BufferedReader(Reader(spool), FRAME)) as archive:
            _refuse_members(archive)
            if not _is_kind(archive, declared):
                raise ContentRefused("type_differs")
    # What the library says of a broken archive is of many kinds, none of them ours.
    # Not implemented is what zipfile says of a way to compress that it does not know.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, OSError):
        raise ContentRefused("archive") from None


def _refuse_members(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > _MEMBERS or sum(item.file_size for item in members) > _UNPACKED:
        raise ContentRefused("archive")
    for item in members:
        name = item.filename.replace("\\", "/")
        too_dense = item.file_size > _RATIO * max(1, item.compress_size) and item.file_size > FRAME
        if too_dense or item.flag_bits & 1 or name.startswith("/") or ".." in name.split("/"):
            raise ContentRefused("archive")
        if _MACRO.search(name) or _EXECUTABLE.search(name):
            raise ContentRefused("active_content")


def _is_kind(archive: zipfile.ZipFile, declared: MediaType) -> bool:
    names = set(archive.namelist())
    if declared is MediaType.ODT:
        first = archive.infolist()[0].filename == "mimetype" and _member(archive, "mimetype")
        return first == declared.value.encode() and "content.xml" in names
    if "[Content_Types].xml" not in names:
        return False
    types = _member(archive, "[Content_Types].xml").lower()
    if b"macroenabled" in types or b"vbaproject" in types:
        raise ContentRefused("active_content")
    main = "word/document.xml" if declared is MediaType.DOCX else "xl/workbook.xml"
    return main in names


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        content = member.read(_LARGE_DIRECTORY + 1)
    if len(content) > _LARGE_DIRECTORY:
        raise ContentRefused("archive")
    return content


_CHECKS: dict[MediaType, Callable[[Spool, MediaType], None]] = {
    MediaType.PDF: _starts(b"%PDF-1.", b"%PDF-2."),
    MediaType.PNG: _starts(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
    MediaType.JPEG: _starts(b"\xff\xd8\xff"),
    MediaType.DOCX: _office,
    MediaType.XLSX: _office,
    MediaType.ODT: _office,
    MediaType.TEXT: _text,
    MediaType.CSV: _text,
}
