"""Tables of texts and answers: TSV, JSON Lines and Parquet, in and out."""

from pipeline.text_tables.kinds import kind_of, kind_to_write
from pipeline.text_tables.reader import Row, read_rows, texts_of
from pipeline.text_tables.result_file import write_result

__all__ = ["Row", "kind_of", "kind_to_write", "read_rows", "texts_of", "write_result"]
