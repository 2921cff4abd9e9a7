"""Rows: what the columns of a stream are called, and rows and answers as arrays over them.

- :mod:`stream.rows.batch`: consecutive rows as compressed sparse rows
- :mod:`stream.rows.schema`: names of the columns
- :mod:`stream.rows.names`: from the columns of a source to those of a model
- :mod:`stream.rows.predictions`: what a model answers
- :mod:`stream.rows.text`: the words of free text as features
- :mod:`stream.rows.text_columns`: warnings of text columns that seem to be something else
"""
