"""Texts that look and compress like documentation: several thousand words, few of them frequent, cut into sentences.

The text of one trace compresses about as well as documentation of the same length does (2.0 with zstd, where pandas' own
docstrings give 1.9 to 2.6), so that bytes a trace are not flattered.
"""

from __future__ import annotations

import random

_FREQUENT = """the of to a and in is for that with it by as are on be this not from or an which when if can at one all
each value name set will you use used has default only more than no other its may time first new into data between such
does after before because there must same how what where two type"""

_STEMS = """access adapt address adjust align alloc anchor answer append apply archive arrange assert assign async attach
await balance batch bind block bound branch break broadcast browse bucket buffer build bundle cache call cancel capture
carry cast chain change channel chart check chunk clamp clean clear click clone close cluster code collect column combine
command commit compare compile complete compress compute condense configure confirm connect consume contain convert copy
correct count cover crawl create crop cursor cut debug declare decode decorate defer define delay delete deliver depend
deploy derive describe detect digest discard dispatch display divide document download draft drain draw drop dump echo
edit embed emit enable encode enter enumerate equal escape evaluate evict exclude execute expand expect expire explain
export expose express extend extract fade fail fetch field figure fill filter find finish fit fix flag flatten flip float
flush focus fold follow forget fork form format forward frame freeze gather generate grade grant graph group grow guard
guess handle hash head heap hide hint hold host hover import include increase indent index infer inherit inject input
insert inspect install intend interpolate invoke isolate issue iterate join jump keep key label launch layer layout lead
learn leave lift limit link list listen load locate lock log look loop map mark mask match measure merge migrate mix model
modify monitor mount move multiply mutate nest normal notify number observe offer offset open operate order orient output
own pack pad page paint parse part pass paste patch path pause permit persist pick pin pipe pivot place plan plot point poll
pool port post predict prefer prepare present press print probe process produce project prompt protect provide proxy prune
publish pull push query queue quote raise rank read rebuild receive record recover reduce refer reflect refresh refuse
register reject relate release reload remove rename render repeat replace reply report request require reset reshape resolve
respond restart restore restrict resume retain retry return reuse reverse revert revise rewrite roll rotate round route run
sample save scale scan schedule scope score scroll search select send separate sequence serve share shift show shrink shuffle
sign skip slice slide snap sort source span spawn split stack stage start state step stop store stream stretch strip style
submit subscribe sum support suspend swap switch sync table tag task template test throttle throw tie toggle token trace track
train transfer transform translate transmit traverse trigger trim truncate try tune turn undo unify unite update upgrade upload
validate vary verify view visit wait walk warn watch weigh widen wrap write yield zip zoom"""

_ENDINGS = ("", "s", "er", "ing", "ed", "_id", "able", "ation", "()", "_count", "less", "ment")
_BEGINNINGS = ("", "re", "un", "pre", "sub", "co")
_OPENERS = ("The", "A", "This", "When", "If", "Each", "It", "For", "In", "Use", "To", "No", "By")

_TABLE_SIZE = 65_536
"""A word is drawn by two random bytes; a table with frequent words many times over makes that quick."""


def _table() -> list[str]:
    source = random.Random(11)  # noqa: S311 - the same words every time
    stems = _STEMS.split()
    rare = [begin + stem + end for stem in stems for begin in _BEGINNINGS for end in _ENDINGS]
    source.shuffle(rare)
    plain = [*stems]
    source.shuffle(plain)
    words = [*_FREQUENT.split(), *plain, *rare]
    shares = [1 / (rank + 8) for rank in range(len(words))]
    total = sum(shares)
    table: list[str] = []
    for word, share in zip(words, shares, strict=True):
        table += [word] * round(share / total * _TABLE_SIZE)
    table += source.choices(words, k=max(_TABLE_SIZE - len(table), 0))
    table = table[:_TABLE_SIZE]
    for at in range(0, _TABLE_SIZE, 13):
        table[at] = f"{table[at]}. {source.choice(_OPENERS)}"
    return table


_WORDS = _table()
_SHORTEST = 4
"""Characters of a word with its space, at least on average over a text; so many are drawn, and what is too much is cut off."""


class Texts:
    """Draws texts; the same ones for the same source.

    Args:
        source: what is random about them.
    """

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def text(self, characters: int) -> str:
        """Sentences of exactly so many characters, with a number among them as documentation has."""
        draws = memoryview(self._source.randbytes(2 * (characters // _SHORTEST + 2))).cast("H")
        words = " ".join([_WORDS[draw] for draw in draws])
        text = f"{words[:1].upper()}{words[1:]}"
        return f"{text[: characters // 2]} {self._source.getrandbits(20)} {text[characters // 2 :]}"[:characters]
