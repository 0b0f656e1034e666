"""MXL, the zipped form of MusicXML, and what of XML is refused.

Nothing an archive or an XML file says of itself is believed: members are unpacked up to a
limit, and a file that declares entities, which can multiply, is not read.
"""

from __future__ import annotations

import contextlib
import io
import lzma
import re
import struct
import xml.etree.ElementTree as ET
import zipfile
import zlib
from xml.parsers import expat

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import MAX_UNZIPPED_BYTES, MAX_UNZIPPED_RATIO
from stats_composer.io.report import Report

_ENCODING_ERRORS = tuple(
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_INCORRECT_ENCODING,
        expat.errors.XML_ERROR_UNKNOWN_ENCODING,
        expat.errors.XML_ERROR_INVALID_TOKEN,
    )
)

__all__ = ["parse_xml", "unzip_musicxml", "zip_musicxml"]

# What zipfile raises of an archive, and what the decompressors under it raise of a member.
DAMAGES = (
    zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, zlib.error,
    lzma.LZMAError, struct.error, ValueError,
)  # fmt: skip


def unzip_musicxml(data: bytes, report: Report | None = None) -> bytes:
    """Take the score out of an MXL file: the first root file that `container.xml` names.

    Parameters
    ----------
    data : bytes
    report : Report, optional
        Told where the archive names a file that it does not hold, and the only score is read.

    Raises
    ------
    ScoreFileError
        If the archive is damaged, holds no score, or unpacks to more than the limits.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            path = _root_file(archive)
            member = _member(archive, path)
            if member is None:
                raise ScoreFileError(f"an MXL archive without its score {path!r}")
            if report is not None and member.filename not in _names(path):
                report.add(f"{path!r} is not in the archive: its only score is read")
            return _unzip(archive, member)
    except ScoreFileError:
        raise
    except DAMAGES as error:
        raise ScoreFileError(f"a damaged MXL archive: {error}") from error


def _unzip(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    limit = min(MAX_UNZIPPED_BYTES, max(member.compress_size, 5000) * MAX_UNZIPPED_RATIO)
    with archive.open(member) as stream:
        content = stream.read(limit + 1)  # the sizes an archive claims need not be true
    if len(content) > limit:
        raise ScoreFileError(
            f"a zip bomb: {member.filename} unpacks to more than "
            f"{MAX_UNZIPPED_RATIO} times its size or {MAX_UNZIPPED_BYTES >> 20} MB"
        )
    return content


def _names(path: str) -> list[str]:
    """List what a member may be called: its name may be UTF-8 without the flag that says so."""
    return [path, path.encode().decode("cp437"), path.replace("\\", "/").removeprefix("./")]


def _member(archive: zipfile.ZipFile, path: str) -> zipfile.ZipInfo | None:
    """Find a member by its name, or else the only score."""
    known = {info.filename: info for info in archive.infolist()}
    scores = _scores(list(known))
    found = [known[name] for name in _names(path) if name in known]
    found += [known[name] for name in scores if len(scores) == 1]
    return found[0] if found else None


def _scores(names: list[str]) -> list[str]:
    return [n for n in names if not n.startswith("META-INF") and n.endswith((".xml", ".musicxml"))]


def _root_file(archive: zipfile.ZipFile) -> str:
    names = [info.filename for info in archive.infolist()]
    if "META-INF/container.xml" in names:
        container = _unzip(archive, archive.getinfo("META-INF/container.xml"))
        try:
            root, _ = parse_xml(container)
        except ScoreFileError as error:
            raise ScoreFileError(f"META-INF/container.xml: {error}") from error
        for item in root.iter():
            path = item.get("full-path", "")
            if item.tag.endswith("rootfile") and path.endswith((".xml", ".musicxml")):
                return path
    scores = _scores(names)
    if not scores:
        raise ScoreFileError("an MXL archive without a score")
    return scores[0]


class _PrologRead(Exception):
    pass


def parse_xml(data: bytes) -> tuple[ET.Element, str]:
    """Parse XML that declares no entities.

    Returns
    -------
    root : Element
    note : str
        Empty, or that the file is in another encoding than it says.

    Raises
    ------
    ScoreFileError
        If it is not well-formed in its own encoding, UTF-8 or Latin-1, or declares an entity.
    """
    reason: Exception | None = None
    for encoding in (None, "utf-8", "iso-8859-1"):
        try:
            refuse_entities(data, encoding)
            root = ET.fromstring(data, ET.XMLParser(encoding=encoding))
        except (LookupError, ValueError, ET.ParseError, expat.ExpatError) as error:
            reason = reason or error
            if getattr(error, "code", 0) not in (0, *_ENCODING_ERRORS):  # 0: no such encoding
                break
        else:
            label = re.search(rb"encoding\s*=\s*[\"']([\w.-]{1,40})", data[:200])
            name = label[1].decode() if label else "UTF-8"
            note = f"not in the encoding {name} that it names: read as {encoding}"
            return root, note if encoding else ""
    raise ScoreFileError(f"not well-formed XML: {reason}") from reason


def refuse_entities(data: bytes, encoding: str | None = None) -> None:
    """Read the prolog alone; entities are the one part of XML that can multiply.

    Raises
    ------
    ScoreFileError
        If one is declared.
    expat.ExpatError
        If the prolog is not well-formed in that encoding.
    """

    def entity(name: str, *_: object) -> None:
        raise ScoreFileError(f"an XML file that declares the entity {name!r}: refused")

    def root(*_: object) -> None:
        raise _PrologRead

    parser = expat.ParserCreate(encoding)
    parser.EntityDeclHandler = entity
    parser.StartElementHandler = root
    with contextlib.suppress(_PrologRead):
        parser.Parse(data, True)


def zip_musicxml(data: bytes) -> bytes:
    """Pack MusicXML as MXL; the same score gives the same bytes."""
    container = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<container><rootfiles>'
        '<rootfile full-path="score.musicxml" '
        'media-type="application/vnd.recordare.musicxml+xml"/></rootfiles></container>\n'
    )
    members = (
        ("mimetype", b"application/vnd.recordare.musicxml", zipfile.ZIP_STORED),
        ("META-INF/container.xml", container.encode(), zipfile.ZIP_DEFLATED),
        ("score.musicxml", data, zipfile.ZIP_DEFLATED),
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content, method in members:
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.compress_type = method
            archive.writestr(member, content)
    return stream.getvalue()
