"""Rows: the one encoder of dictionaries, messages, files, frames and arrays into numbered columns.

Whatever comes in takes the same way:

1. A value means something: :mod:`stream.rows.values` has the table (``docs/values.md`` prints it).
   Cells of text say first what they are (:mod:`stream.rows.cells`, :mod:`stream.rows.text`).
2. A row is features by name (:mod:`stream.rows.features`) and what is known of its labels
   (:mod:`stream.rows.truth`); tables go column by column, with the same result
   (:mod:`stream.rows.columns`, :mod:`stream.rows.frames`, :mod:`stream.rows.matrices`,
   :mod:`stream.rows.table`, :mod:`stream.rows.text_table`).
3. Names become numbers: :mod:`stream.rows.encoder` for rows, :mod:`stream.rows.schema` for what the
   columns are called, :mod:`stream.rows.names` for those of a model.
4. Many rows are a batch: :mod:`stream.rows.batch`, :mod:`stream.rows.builder`. What a model answers
   is in :mod:`stream.rows.predictions`.

Nothing here knows of models, sources or Kafka.
"""
