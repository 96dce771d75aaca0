"""Tables of texts and answers: TSV, JSON Lines and Parquet, in and out."""

from pipeline.text_tables.kinds import kind_of
from pipeline.text_tables.reader import Row, read_rows, texts_of
from pipeline.text_tables.writer import write_table

__all__ = ["Row", "kind_of", "read_rows", "texts_of", "write_table"]
