"""MXL, the zipped form of MusicXML, and what of XML is refused.

Nothing an archive or an XML file says of itself is believed: members are unpacked up to a
limit, and a file that declares entities, which can multiply, is not read.
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile
from xml.parsers import expat

from stats_composer.errors import ScoreFileError
from stats_composer.io.limits import MAX_UNZIPPED_BYTES, MAX_UNZIPPED_RATIO

__all__ = ["refuse_entities", "unzip_musicxml", "zip_musicxml"]


def unzip_musicxml(data: bytes) -> bytes:
    """Take the score out of an MXL file: the first root file that `container.xml` names.

    Raises
    ------
    ScoreFileError
        If the archive is damaged, holds no score, or unpacks to more than the limits.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            member = archive.getinfo(_root_file(archive))
            return _unzip(archive, member)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ScoreFileError(f"a damaged MXL archive: {error}") from error
    except KeyError as error:
        raise ScoreFileError(f"an MXL archive without its score: {error.args[0]}") from error
    except Exception as error:  # zlib.error has no public base
        raise (
            error
            if isinstance(error, ScoreFileError)
            else ScoreFileError(f"a damaged MXL archive: {error}")
        ) from error


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


def _root_file(archive: zipfile.ZipFile) -> str:
    names = [info.filename for info in archive.infolist()]
    if "META-INF/container.xml" in names:
        container = _unzip(archive, archive.getinfo("META-INF/container.xml"))
        refuse_entities(container)
        try:
            files = ET.fromstring(container).iter()
        except ET.ParseError as error:
            raise ScoreFileError(f"META-INF/container.xml: not well-formed: {error}") from error
        for item in files:
            path = item.get("full-path", "")
            if item.tag.endswith("rootfile") and path.endswith((".xml", ".musicxml")):
                return path
    scores = [
        n for n in names if not n.startswith("META-INF") and n.endswith((".xml", ".musicxml"))
    ]
    if not scores:
        raise ScoreFileError("an MXL archive without a score")
    return scores[0]


class _PrologRead(Exception):
    pass


def refuse_entities(data: bytes) -> None:
    """Read the prolog alone; entities are the one part of XML that can multiply."""

    def entity(name: str, *_: object) -> None:
        raise ScoreFileError(f"an XML file that declares the entity {name!r}: refused")

    def root(*_: object) -> None:
        raise _PrologRead

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = entity
    parser.StartElementHandler = root
    try:
        parser.Parse(data, True)
    except _PrologRead:
        return
    except expat.ExpatError as error:
        raise ScoreFileError(f"not well-formed XML: {error}") from error


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
