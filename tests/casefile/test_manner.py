"""How freely a text translates is told from its links, and weak cues speak only where they tell something."""

from __future__ import annotations

from forebear.casefile.bitext.bitext import Text, align_texts
from forebear.casefile.bitext.manner import LEAST_LINKS, manner_of
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.document import limits_of
from forebear.reports.catalogue import LANGUAGES, catalogue
from tests.casefile.texts import text
from tests.said import text as spoken

COUNT = LEAST_LINKS + 20


def _english(more: str = "") -> str:
    lines = [f"Machine {i + 20} stands in room {i + 300} and has {i + 50} layers." for i in range(COUNT)]
    return "\n\n".join([*lines, *more.splitlines()])


def _japanese(more: str = "", *, free: bool) -> str:
    lines = [f"機械{i + 20}号は{i + 300}号室にあり、{i + 50}層を持つ。" for i in range(COUNT)]
    if free:
        lines[::3] = [f"機械{i + 20}号がある。場所は{i + 300}号室だ。層は{i + 50}層だ。" for i in range(0, COUNT, 3)]
    return "\n\n".join([*lines, *more.splitlines()])


def _pair(english: str, japanese: str) -> tuple[Text, Text]:
    return text("o", "en", english), text("t", "ja", japanese, of="o")


def _found(english: str, japanese: str) -> list[Finding]:
    left, right = _pair(english, japanese)
    return check_case({"o": left, "t": right}, {("o", "t"): align_texts(left, right)}, Knowledge())


def _versions(body: str, other: str) -> list[Finding]:
    """Findings between two Chinese versions of one English text."""
    texts = {
        "o": text("o", "en", _english("The gate is open.\nThe old key is not lost.")),
        "a": text("a", "zh", body, of="o"), "b": text("b", "hant", other, of="o"),
    }  # fmt: skip
    links = {p: align_texts(texts[p[0]], texts[p[1]]) for p in (("o", "a"), ("o", "b"), ("a", "b"))}
    return [f for f in check_case(texts, links, Knowledge()) if (f.left, f.right) == ("a", "b")]


def _chinese(wording: str, *more: str) -> str:
    return "\n\n".join([*(wording.format(i + 20, i + 300, i + 50) for i in range(COUNT)), *more])


def test_a_translation_that_splits_its_sentences_is_free_and_one_that_keeps_them_is_close() -> None:
    for free in (True, False):
        left, right = _pair(_english(), _japanese(free=free))
        manner = manner_of(left, right, align_texts(left, right))
        assert (manner.free, manner.apart) == (free, False)
        assert (manner.shifted > 0.3) == free


def test_few_links_tell_nothing_of_a_manner() -> None:
    left, right = _pair("It runs.\n\nIt stops.", "動く。機械だ。\n\n止まる。機械だ。")
    manner = manner_of(left, right, align_texts(left, right))
    assert manner.shifted == 1.0
    assert not manner.free


def test_a_lost_negation_is_told_of_a_close_translation_and_held_back_of_a_free_one() -> None:
    english, japanese = "This gate is not the old one.", "この門は古いものだ。"
    close = _found(_english(english), _japanese(japanese, free=False))
    assert [f.rule for f in close] == ["negation/polarity"]
    (note,) = _found(_english(english), _japanese(japanese, free=True))
    assert (note.rule, note.severity, note.why.values["held"]) == ("manner/free", "neutral", 1)
    assert "1 weaker departure was left out, 1 of them critical and 0 major" in spoken(note.why)
    (place,) = note.why.values["places"]
    assert f"(first segments, from 0: {place})" in spoken(note.why)
    left, right = _pair(_english(english), _japanese(japanese, free=True))
    assert japanese == right.segments[place].text


def test_a_free_translation_may_name_what_the_text_points_to_but_no_name_the_text_never_has() -> None:
    far = "\n".join(["The keeper of the house is MySQL.", *("The gate is open." for _ in range(12))])
    there = "\n".join(["館の番人は MySQL だ。", *("門は開いている。" for _ in range(12))])
    pointing, naming = "It was copied from the archive by its keeper.", "それは MySQL の番人が書庫から写した。"
    named = _found(_english(f"{far}\n{pointing}"), _japanese(f"{there}\n{naming}", free=True))
    assert [f.rule for f in named] == ["manner/free"]
    assert named[0].why.values["held"] == 1
    planted = naming.replace("MySQL", "OpenAI")
    told = _found(_english(f"{far}\n{pointing}"), _japanese(f"{there}\n{planted}", free=True))
    assert [f.rule for f in told] == ["term/added", "manner/free"]
    other = pointing.replace("keeper", "friend Oracle")
    told = _found(_english(f"{far}\n{other}"), _japanese(f"{there}\n{naming}", free=True))
    assert [f.rule for f in told] == ["term/changed", "manner/free"]


def test_a_free_translation_is_still_held_to_an_added_negation_and_to_its_figures() -> None:
    english = "The server is in the cellar.\nThe gate weighs 512 kilometres."
    japanese = "サーバは地下室にありません。\n門は521キロメートルある。"
    found = _found(_english(english), _japanese(japanese, free=True))
    assert [f.rule for f in found] == ["negation/polarity", "number/value", "manner/free"]
    right = japanese.replace("ありません", "あります").replace("521", "512")
    assert [f.rule for f in _found(_english(english), _japanese(right, free=True))] == ["manner/free"]


def test_a_free_translation_may_number_what_the_original_lists_but_not_otherwise_than_it() -> None:
    listed = _found(_english("commands of the shell"), _japanese("第 4 節はシェルのコマンドだ", free=True))
    assert [f.rule for f in listed] == ["manner/free"]
    other = _found(_english("the first of the tools"), _japanese("5 番目の道具", free=True))
    assert [f.rule for f in other] == ["number/value", "manner/free"]


def test_versions_made_apart_are_compared_in_figures_only_and_that_is_said() -> None:
    one = _chinese("第{}号机器放在{}号房间里，一共有{}层。", "大门开着。", "旧钥匙没有丢。")
    near = _chinese("第{}號機器放在{}號房間裏，一共有{}層。", "大門開著。", "舊鑰匙丟了。")
    assert [(f.rule, f.deviates) for f in _versions(one, near)] == [("negation/polarity", "b")]
    apart = _chinese("{}號設備擺於{}室，其高{}層。", "門敞開。", "老鑰匙丟了。")
    (note,) = _versions(one, apart)
    assert (note.rule, note.severity) == ("manner/apart", "neutral")
    assert note.why.values["held"] >= 1
    assert "in linked places" in spoken(note.why)
    assert "number/value" in [f.rule for f in _versions(one, apart.replace("60室", "61室").replace("310室", "301室"))]


def test_a_sentence_that_one_of_two_versions_apart_lacks_is_told_when_it_holds_a_figure_or_a_name() -> None:
    wording = "第{}号机器放在{}号房间里，一共有{}层。", "{}號設備擺於{}室，其高{}層。"
    both = ("大门开着。", "旧钥匙没有丢。"), ("門敞開。", "老鑰匙丟了。")

    def rules(left: tuple[str, ...], right: tuple[str, ...]) -> list[str]:
        return [f.rule for f in _versions(_chinese(wording[0], *left), _chinese(wording[1], *right))]

    assert rules((*both[0], "谷歌在1998年支付了777万元。"), both[1]) == ["omission/sentence", "manner/apart"]
    assert rules(both[0], (*both[1], "谷歌在1998年支付了777萬元。")) == ["addition/sentence", "manner/apart"]
    assert rules((*both[0], "那天的天气一直很好，大家都出门散步。"), both[1]) == ["manner/apart"]


def test_the_note_is_among_the_limits_in_four_languages() -> None:
    found = _found(_english("This gate is not the old one."), _japanese("この門は古いものだ。", free=True))
    (limit,) = limits_of(found)
    assert spoken(limit).startswith("o and t: a free translation")
    said = {tag: catalogue(tag).say(limit.document()) for tag in LANGUAGES}
    assert all(lang == tag and " 1 " in text for tag, (text, lang) in said.items())
    names = {
        "en": "names that the text points to",
        "zh-Hans": "原文所指代的名称",
        "zh-Hant": "原文所指代的名稱",
        "ja": "原文が指している名前",
    }
    assert all(names[tag] in text for tag, (text, _) in said.items())
    assert limits_of(_found(_english(), _japanese(free=False))) == []
