"""Files as `.npz` that are damaged or mean harm, each small; the readers refuse every one."""

import io
import struct
import zipfile

import numpy as np


def npy(shape="(2,)", descr="'<f4'", data=b"\0" * 8, header=None, version=b"\1\0"):
    """Return an array's bytes with any text in the places of its header."""
    text = header or f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    text = text.encode("latin-1") + b"\n"
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + data


# What stands in the place of an array.
ENTRIES = {
    "not an array": b"hello",
    "empty": b"",
    "another version": npy(version=b"\7\0"),
    "terabytes": npy("(1000000000000,)"),
    "structured terabytes": npy("(4294967296,)", "[('f0', '<f4'), ('f1', '<f4')]"),
    "negative side": npy("(-1,)"),
    "too large a side": npy("(9223372036854775808, 0)"),
    "sides that are no numbers": npy("('a',)"),
    "true as a side": npy("(True, 2)"),
    "no tuple": npy("2"),
    "too many axes": npy("(" + "1," * 40 + ")"),
    "nested brackets": npy(header="(" * 900),
    "unfinished header": npy(header="{'descr': '<f4', 'shape': (2,"),
    "header that calls": npy(header="{'descr': print(1), 'fortran_order': False, 'shape': (2,)}"),
    "no header": npy(header="[1, 2]"),
    "objects": npy(descr="'|O'"),
    "unknown kind": npy(descr="'<q77'"),
    "kind that is no text": npy(descr="3"),
    "dates": npy(descr="'<M8[s]'", shape="(1,)"),
    "long header": npy(header="#" * 20_000),
    "null in the header": npy(header="{'descr': '<f4\0', 'fortran_order': False, 'shape': (2,)}"),
    "cut short": npy(data=b"\0" * 5),
    "more than it says": npy(data=b"\0" * 50),
}


def archive(entries, method=zipfile.ZIP_STORED):
    """Return a zip file of (name, bytes) pairs."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, data in entries:
            made.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return file.getvalue()


def spoiled(entries, victim):
    """Yield a name and a whole file for each way in which one of (name, bytes) pairs is wrong."""
    for what, data in ENTRIES.items():
        yield what, archive([(name, data if name == victim else kept) for name, kept in entries])
    yield "twice", archive([*entries, *(pair for pair in entries if pair[0] == victim)])
    for method in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        yield f"compressed by {method}", archive(entries, method)
    whole = archive(entries)
    for flag in (0x1, 0x20, 0x40):  # encrypted, patched, strongly encrypted
        changed = bytearray(whole)
        for signature, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            at = whole.find(signature)
            while at >= 0:
                changed[at + place] |= flag
                at = whole.find(signature, at + 1)
        yield f"flag {flag}", bytes(changed)


def bomb():
    """Return a file of a few hundred kilobytes that would unpack to hundreds of megabytes."""
    data = npy(f"({300 << 20},)", "'|u1'", b"")
    return archive([("a.npy", data + bytes(300 << 20))], zipfile.ZIP_DEFLATED)


def entries_of(path):
    """Return a file's (name, bytes) pairs."""
    with zipfile.ZipFile(path) as file:
        return [(name, file.read(name)) for name in file.namelist()]


def text_array(text):
    """Return the bytes of a 0-d array of text."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array(text))
    return file.getvalue()
