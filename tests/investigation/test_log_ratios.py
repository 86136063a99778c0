"""Log-likelihood ratios against computations by hand, over all strings that end at a token."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.investigation.log_ratios import ReadTexts, log_ratios
from universality.investigation.proxies import Membership, named_proxies, read_proxy
from universality.investigation.token_texts import token_texts

OUTSIDE = math.log(1e-10)


def _read(words: list[str], *, starts: list[int] | None = None) -> ReadTexts:
    """A stream of these words, each different one a token."""
    known = sorted(set(words))
    tokens = np.array([known.index(word) for word in words])
    ends = [0, len(words)] if starts is None else starts
    return ReadTexts(tokens, np.array(ends), token_texts(tokens, known, None))


def _slow(
    words: list[str], weigh: Callable[[str], float], *, least: int, starts: list[int]
) -> list[float]:
    """Every string that ends at every token, one by one."""
    share = {word: words.count(word) / len(words) for word in words}
    found = []
    for at in range(len(words)):
        low = max(start for start in starts if start <= at)
        ratios = [
            weigh((words[first].lstrip() or words[first]) + "".join(words[first + 1 : at + 1]))
            - sum(math.log(share[word]) for word in words[first : at + 1])
            for first in range(at - least + 1, low - 1, -1)
        ]
        found.append(max(ratios, default=OUTSIDE))
    return found


def test_a_ratio_by_hand() -> None:
    """Two words of four tokens: `7` is P(7 | digit) = .1 against P(7) = .25."""
    words = ["7", "a", "7", "7"]
    found = log_ratios(read_proxy("class:digit"), _read(words))
    one = math.log(0.1) - math.log(0.75)
    assert found[0] == pytest.approx(one)
    assert found[1] == pytest.approx(OUTSIDE - math.log(0.25))
    # Two tokens say less than one here: .1 is below .75, so the shorter string is the greatest.
    assert found[3] == pytest.approx(one)


def test_a_longer_string_can_say_more_than_its_last_token() -> None:
    words = ["1", "2", "3", *(["x"] * 97)]
    found = log_ratios(read_proxy("class:digit"), _read(words))
    assert found[:3] == pytest.approx([k * (math.log(0.1) - math.log(0.01)) for k in (1, 2, 3)])


@pytest.mark.parametrize(("name", "least"), [("digit", 1), ("hex", 2), ("dna", 2)])
def test_classes_equal_the_search_over_all_strings(name: str, least: int) -> None:
    generator = np.random.default_rng(0)
    vocabulary = ["A", "CG", " T", "12", " 3", "b", "é", "hello", " ", "ACGT"]
    words = generator.choice(vocabulary, size=60).tolist()
    proxy = read_proxy(f"class:{name}")
    size, starts = len(proxy.characters), [0, 25, 60]

    def weigh(text: str) -> float:
        return sum(-math.log(size) if one in proxy.characters else OUTSIDE for one in text)

    found = log_ratios(proxy, _read(words, starts=starts))
    expected = _slow(words, weigh, least=least, starts=starts[:-1])
    assert found == pytest.approx(expected)


def test_white_space_alone_is_in_no_class() -> None:
    found = log_ratios(read_proxy("class:digit"), _read([" ", "3", " 3", *(["x"] * 97)]))
    assert (found > 0)[:4].tolist() == [False, True, True, False]
    assert found[1] == pytest.approx(math.log(0.1) - math.log(0.01))


def test_a_membership_is_bayes() -> None:
    """P(s | script) / P(s) = P(script | s) / P(script): 2 of 5 tokens are Greek."""
    found = log_ratios(read_proxy("script:Greek"), _read(["α", "a", " β", "b", "!"]))
    inside, outside = -math.log(0.4), OUTSIDE - math.log(0.4)
    assert found == pytest.approx([inside, outside, inside, outside, outside])


def test_a_pattern_may_end_at_a_token_that_alone_is_none() -> None:
    found = log_ratios(read_proxy("regex:new york"), _read(["new", " york", "york", " new"]))
    assert (found > 0).tolist() == [False, True, False, False]


def test_no_string_reaches_into_another_document() -> None:
    found = log_ratios(
        read_proxy("regex:new york"),
        _read(["new", " york", "new", " york"], starts=[0, 2, 3, 4]),
    )
    assert (found > 0).tolist() == [False, True, False, False]


class TestSplitCharacters:
    """Tokens 0 and 1 are the halves of a Han character; 0 and 2 those of a Greek letter."""

    STRINGS = ("\ufffd", "\ufffd", "\ufffd", "x", "字")
    WHOLE = MappingProxyType({(0, 1): "漢", (0, 2): "α"})

    def _decode(self, tokens) -> str:
        return self.WHOLE.get(tuple(tokens), "\ufffd" * len(tokens))

    def _read(self, tokens: list[int]) -> ReadTexts:
        ids = np.array(tokens)
        texts = token_texts(ids, self.STRINGS, self._decode)
        return ReadTexts(ids, np.array([0, len(ids)]), texts)

    def test_halves_are_put_together(self) -> None:
        texts = self._read([3, 0, 1, 4]).texts
        assert texts.units == ("x", "", "漢", "字")
        assert texts.last.tolist() == [0, 2, 2, 3]
        assert texts.n_inside == 1

    def test_a_half_counts_with_the_share_of_its_characters_that_belong(self) -> None:
        """Token 0 begins a Han character twice and a Greek letter once."""
        found = log_ratios(read_proxy("script:Han"), self._read([0, 1, 0, 1, 0, 2, 3, 4]))
        total = (2 * 1 + 3 * (2 / 3) + 1) / 8
        assert found[0] == pytest.approx(math.log((2 / 3) / total))
        assert found[1] == pytest.approx(-math.log(total))
        assert found[5] == pytest.approx(OUTSIDE - math.log(total))
        assert found[7] == pytest.approx(-math.log(total))

    def test_no_class_of_characters_has_one_that_needs_two_tokens(self) -> None:
        read = self._read([3, 0, 1, 3])
        found = log_ratios(read_proxy("class:lower"), read)
        inside = -math.log(26) - math.log(0.5)
        assert found[0] == found[3] == pytest.approx(inside)
        assert found[1] == pytest.approx(OUTSIDE - math.log(0.25))
        assert found[2] == pytest.approx(OUTSIDE - 2 * math.log(0.25))

    def test_what_is_no_character_stays_what_it_is(self) -> None:
        assert self._read([1, 1, 3]).texts.units == ("\ufffd", "\ufffd", "x")
        assert token_texts(np.array([0, 1]), self.STRINGS, None).units == ("\ufffd", "\ufffd")


class TestReading:
    def test_tokens_of_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "tokens.txt"
        file.write_text('the\n" a"\n\n')
        found = log_ratios(read_proxy(f"tokens:{file}"), _read([" the", "the", " a", "a", "b"]))
        assert (found > 0).tolist() == [True, True, True, False, False]

    def test_a_file_that_names_none(self, tmp_path: Path) -> None:
        (tmp_path / "empty.txt").write_text("\n")
        (tmp_path / "odd.txt").write_text('"unfinished\n')
        for name, message in (("empty.txt", "names no token"), ("odd.txt", "no JSON text")):
            with pytest.raises(FormatError, match=message):
                read_proxy(f"tokens:{tmp_path / name}")
        with pytest.raises(MissingFileError):
            read_proxy(f"tokens:{tmp_path / 'none.txt'}")

    def test_a_function_gives_a_probability(self) -> None:
        proxy = read_proxy(lambda text: 1.5)
        assert isinstance(proxy, Membership)
        with pytest.raises(InvalidInputError, match=r"gives 1\.5 .* from 0 to 1"):
            log_ratios(proxy, _read(["a"]))

    def test_two_of_one_name(self) -> None:
        with pytest.raises(InvalidInputError, match="two have the name 'class:digit'"):
            named_proxies(["class:digit", "class:digit"])
