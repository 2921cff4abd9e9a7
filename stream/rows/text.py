"""Free text as features: how often each word occurs in it."""

from __future__ import annotations

import hashlib

from stream.errors import ParameterError

MAX_COLUMNS = 1 << 30


class BagOfWords:
    """Counts the words of texts with River's tokeniser: lower case, without accents, words of two
    characters or more.

    Parameters
    ----------
    n_columns
        None: a feature for each word, called ``field:word``. Otherwise words are hashed to as many
        features, called ``field#number``, so that no text can bring more.

    Examples
    --------
    >>> BagOfWords().count("title", "Crème, crème brûlée")
    {'title:creme': 2.0, 'title:brulee': 1.0}
    >>> BagOfWords(n_columns=1000).count("title", "Crème, crème brûlée")
    {'title#380': 2.0, 'title#963': 1.0}
    """

    def __init__(self, n_columns: int | None = None):
        if n_columns is not None and (
            isinstance(n_columns, bool)
            or not isinstance(n_columns, int)
            or not 1 <= n_columns <= MAX_COLUMNS
        ):
            raise ParameterError(
                f"'text_columns' must be an int in the range [1, {MAX_COLUMNS}] or None. "
                f"Got {n_columns!r}."
            )
        from river.feature_extraction import BagOfWords as Tokeniser

        self.n_columns = n_columns
        self._tokeniser = Tokeniser()

    def count(self, field: str, text: str) -> dict[str, float]:
        """Value of each feature that the text of a field has.

        Parameters
        ----------
        field
            Name of the column or field; the same word of another one is another feature.
        text
            The text; an empty one has no words.
        """
        words = self._tokeniser.transform_one(text)
        if self.n_columns is None:
            return {f"{field}:{word}": float(count) for word, count in words.items()}
        found: dict[str, float] = {}
        for word, count in words.items():
            # Python's own hash differs from process to process.
            digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            name = f"{field}#{int.from_bytes(digest, 'little') % self.n_columns}"
            found[name] = found.get(name, 0.0) + count
        return found
