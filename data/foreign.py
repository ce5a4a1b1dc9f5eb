"""What a file is that holds no UTF-8 text, by its first bytes, and the way out."""

LONGEST_SIGN = 64  # bytes that `told` looks at
_TABLE = "save the table as CSV UTF-8"
UTF_16 = "is UTF-16 text, such as spreadsheets call Unicode text: save it as CSV UTF-8 (iconv -f UTF-16 -t UTF-8)"
UTF_32 = "is UTF-32 text: save it as CSV UTF-8 (iconv -f UTF-32 -t UTF-8)"
_SIGNS = (
    (b"\x1f\x8b", "is compressed by gzip: let its name end with .gz"),
    *((b"BZh%d1AY&SY" % level, "is compressed by bzip2: unpack it, or pack it by gzip") for level in range(1, 10)),
    (b"\xfd7zXZ\x00", "is compressed by xz: unpack it, or pack it by gzip"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstd: unpack it, or pack it by gzip"),
    (b"PK\x03\x04", "is a workbook (.xlsx, .ods) or a ZIP archive: " + _TABLE + ", or unpack the archive"),
    (b"\xd0\xcf\x11\xe0", "is a workbook (.xls): " + _TABLE),
    (b"PAR1\x15", "is a Parquet table: write it as .csv or .jsonl (pandas: read_parquet, to_csv)"),
    (b"ARROW1\x00", "is an Arrow table: write it as .csv or .jsonl (pandas: read_feather, to_csv)"),
    (b"SQLite format 3\x00", "is a database: write the table as .csv"),
    (b"\xff\xfe\x00\x00", UTF_32),
    (b"\x00\x00\xfe\xff", UTF_32),
    (b"\xff\xfe", UTF_16),
    (b"\xfe\xff", UTF_16),
)
_OF_TABLES = (  # which a file of plain texts may begin with
    (b"version https://git-lfs", "is a pointer of Git LFS, not the file: fetch it (git lfs pull)"),
    (b"<!doctype html", "is a web page, not the file: fetch it again"),
    (b"<html", "is a web page, not the file: fetch it again"),
    (b"%pdf-", "is a PDF document: " + _TABLE),
)


def told(start: bytes, is_table: bool) -> str:
    """A sentence without its subject and end about a file of another kind; empty for one that may be UTF-8 text.

    Args:
      start: its first LONGEST_SIGN bytes.
      is_table: whether it should hold a table, not plain texts.
    """
    for sign, what in _SIGNS:
        if start.startswith(sign):
            return what
    for sign, what in _OF_TABLES if is_table else ():
        if start.lstrip().lower().startswith(sign):
            return what
    halves = start[0::2], start[1::2]
    if len(start) > 3 and any(set(half) == {0} for half in halves):
        return UTF_16
    return ""
