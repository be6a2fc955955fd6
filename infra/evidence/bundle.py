"""The evidence bundle: a zip file with one possible form, so that every single byte of it can be accounted for."""

import hashlib
import io
import zipfile
from collections.abc import Mapping

from accord.errors import AccordError

MANIFEST = "MANIFEST.sha256"
# A zip file cannot tell an earlier time. What was made when stands in the contents.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_LARGEST = 64 * 1024 * 1024


class BundleUnreadableError(AccordError):
    """The file is not a bundle as `accord evidence` writes it. Its text says why."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """The bundle of these files and their manifest: the same files, the same bytes."""
    whole = dict(files) | {MANIFEST: manifest(files)}
    target = io.BytesIO()
    # Stored, not compressed: compressors of different versions write different bytes.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(whole):
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, whole[name])
    return target.getvalue()


def manifest(files: Mapping[str, bytes]) -> bytes:
    """The SHA-256 of each file, as `sha256sum --check` reads it."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode()


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of a bundle, its manifest among them. Raises BundleUnreadableError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _LARGEST:
                raise BundleUnreadableError("it holds more than any bundle does")
            return {entry.filename: archive.read(entry) for entry in entries}
    except BundleUnreadableError:
        raise
    except Exception as error:  # a damaged or hostile file fails anywhere in the reader
        raise BundleUnreadableError(f"it is not a zip file that can be read ({type(error).__name__})") from None


def problem_of(data: bytes, files: Mapping[str, bytes]) -> str | None:
    """Why a file is not as it was written, byte for byte; None when it is."""
    contents = {name: content for name, content in files.items() if name != MANIFEST}
    lines = files.get(MANIFEST, b"").decode(errors="replace").splitlines()
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name, content in sorted(contents.items()):
        if name not in listed:
            return f"{name} stands in no line of {MANIFEST}"
        if listed[name] != hashlib.sha256(content).hexdigest():
            return f"{name} is not the file that {MANIFEST} lists"
    missing = sorted(listed.keys() - contents.keys())
    if missing:
        return f"{missing[0]} is missing, {MANIFEST} lists it"
    return None if pack(contents) == data else "the zip file itself has other bytes than `accord evidence` writes"
