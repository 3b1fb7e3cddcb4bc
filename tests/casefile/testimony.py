"""Invented testimonies with many people in every form of their names, and the list of forms that must never come out.

Names are drawn from tables of characters; no person is meant. `forms` of a person is the generator's own list, written down
here without any code of the package under test.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

SURNAMES = [
    ("林", "林", "lin"), ("沈", "沈", "shen"), ("顾", "顧", "gu"), ("谭", "譚", "tan"), ("罗", "羅", "luo"), ("薛", "薛", "xue"),
    ("贺", "賀", "he"), ("邓", "鄧", "deng"), ("严", "厳", "yan"), ("龚", "龔", "gong"), ("欧阳", "欧陽", "ouyang"), ("司马", "司馬", "sima"),
]  # fmt: skip
RARE = [
    ("郗", "郗", "xi"),
    ("逄", "逄", "pang"),
    ("亓", "亓", "qi"),
    ("麴", "麹", "qu"),
    ("淳于", "淳于", "chunyu"),
    ("乜", "乜", "nie"),
]
"""Surnames the shipped data does not list."""
GIVEN = [
    ("若", "若", "ruo"), ("谷", "谷", "gu"), ("砚", "硯", "yan"), ("秋", "秋", "qiu"), ("星", "星", "xing"), ("泽", "沢", "ze"),
    ("慧", "慧", "hui"), ("岚", "嵐", "lan"), ("杰", "傑", "jie"), ("颖", "穎", "ying"), ("宁", "寧", "ning"), ("洁", "潔", "jie"),
    ("峻", "峻", "jun"), ("蓉", "蓉", "rong"), ("琦", "琦", "qi"), ("彬", "彬", "bin"), ("晖", "暉", "hui"), ("泓", "泓", "hong"),
]  # fmt: skip
KANA = {
    "lin": "リン", "shen": "シェン", "gu": "グー", "tan": "タン", "luo": "ルオ", "xue": "シュエ", "he": "ホー", "deng": "ドン", "yan": "イェン",
    "gong": "ゴン", "ouyang": "オウヤン", "sima": "スーマー", "xi": "シー", "pang": "パン", "qi": "チー", "qu": "チュイ", "chunyu": "チュンユー",
    "nie": "ニエ", "ruo": "ルオ", "qiu": "チウ", "xing": "シン", "ze": "ズー", "hui": "フイ", "lan": "ラン", "jie": "ジエ", "ying": "イン",
    "ning": "ニン", "jun": "ジュン", "rong": "ロン", "bin": "ビン", "hong": "ホン",
}  # fmt: skip
TONES = str.maketrans("aeiou", "āéǐòū")
WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})


@dataclass
class Person:
    """An invented person: name in Chinese and Japanese characters and in pinyin syllables."""

    surname: str
    surname_ja: str
    sound: str
    given: str
    given_ja: str
    sounds: list[str]

    @property
    def name(self) -> str:
        return self.surname + self.given

    @property
    def latin(self) -> tuple[str, str]:
        return self.sound.capitalize(), "".join(self.sounds).capitalize()

    @property
    def kana(self) -> str:
        return f"{KANA[self.sound]}・{''.join(KANA[s] for s in self.sounds)}"

    def zh(self, rng: random.Random) -> str:
        ways = [
            self.name,
            self.name,
            f"{self.surname}老师",
            f"{self.surname}总",
            f"{self.given[-1]}哥",
            f"阿{self.given[-1]}",
        ]
        if len(self.surname) == 1:
            ways.append(f"老{self.surname}")
        if len(self.given) > 1:
            ways.append(self.given)
        ways.append("\u200b".join(self.name))
        ways.append(f"{self.surname}**{self.given}**")
        return rng.choice(ways)

    def ja(self, rng: random.Random) -> str:
        name = self.surname_ja + self.given_ja
        return rng.choice([name, name, f"{self.surname_ja}さん", f"{self.surname_ja}氏", self.kana, f"{name}（{self.kana}）",
                           f"{KANA[self.sound]}さん"])  # fmt: skip

    def en(self, rng: random.Random) -> str:
        s, g = self.latin
        split = "-".join(x.capitalize() if not i else x for i, x in enumerate(self.sounds))
        return rng.choice([
            f"{s} {g}", f"{g} {s}", f"{s.upper()} {g}", f"{s}, {g}", f"Mr. {s}", f"{s} {split}", f"{split} {s}", f"Old {s}", g,
            f"{s} {g}".translate(TONES), f"{g} {s}".translate(WIDE), f"{g[0]}. {s}", f"{s}-laoshi", f"{g}'s friend {s}",
        ])  # fmt: skip

    @property
    def forms(self) -> set[str]:
        """What a reader of any output may not find, in characters as they are; Latin ones in small letters without signs."""
        s, g = self.latin
        name, ja = self.name, self.surname_ja + self.given_ja
        found = {name, ja, f"{self.surname}老师", f"{self.surname}总", f"{self.surname_ja}さん", f"{self.surname_ja}氏",
                 f"{self.given[-1]}哥", f"阿{self.given[-1]}", self.kana, KANA[self.sound] + "さん", self.kana.split("・")[1]}  # fmt: skip
        if len(self.surname) == 1:
            found.add(f"老{self.surname}")
        if len(self.given) > 1:
            found |= {self.given, self.given_ja}
        return found | {
            f" {x} " for x in (f"{s} {g}", f"{g} {s}", f"mr {s}", f"old {s}", f"{s} laoshi", g, f"{g[0]} {s}")
        }


@dataclass
class Testimony:
    """Three texts of one story, and the people in it."""

    people: list[Person]
    zh: str = ""
    ja: str = ""
    en: str = ""
    things: list[str] = field(default_factory=list)


PLOTS = [
    ("{}说这个模型有{}层。", "{}はこのモデルに{}層あると言った。", "{} said that this model has {} layers."),
    ("{}在会上展示了{}张图。", "{}は会議で{}枚の図を見せた。", "{} showed {} pictures at the meeting."),
    ("后来{}改了第{}版的词表。", "その後{}が第{}版の語彙を直した。", "Later {} changed version {} of the vocabulary."),
    (
        "我们问{}为什么只用{}块显卡。",
        "私たちは{}になぜ{}枚のカードしか使わないのか尋ねた。",
        "We asked {} why only {} cards were used.",
    ),
    (
        "数据是{}整理的，一共{}份。",
        "データは{}が整理し、全部で{}件あった。",
        "The data was put in order by {}, {} files in all.",
    ),
]
PLAIN = [
    ("训练用了{}天。", "訓練には{}日かかった。", "Training took {} days."),
    ("损失降到{}以下。", "損失は{}を下回った。", "The loss fell below {}."),
    ("机房在夏天停了{}次电。", "サーバー室は夏に{}回停電した。", "The power failed {} times in summer."),
]


def invent(seed: int, count: int = 40) -> Testimony:
    """A testimony with `count` people, each named at least three times; one in seven has a surname nobody lists."""
    rng = random.Random(seed)
    people: list[Person] = []
    while len(people) < count:
        surname = rng.choice(RARE if len(people) % 7 == 0 else SURNAMES)
        given = rng.sample(GIVEN, rng.choice([1, 2, 2, 2]))
        person = Person(*surname, "".join(g[0] for g in given), "".join(g[1] for g in given), [g[2] for g in given])
        if person.name not in {p.name for p in people}:
            people.append(person)
    zh, ja, en = [], [], []
    for number, person in enumerate(rng.sample(people * 3, len(people) * 3)):
        plot = rng.choice(PLOTS)
        first = number < 0
        values = (
            17 + number,
            (person.name, person.surname_ja + person.given_ja, " ".join(person.latin)) if first else None,
        )
        for lines, words, told in zip((zh, ja, en), plot, (person.zh, person.ja, person.en), strict=True):
            lines.append(words.format(told(rng), values[0]))
        if number % 2:
            other = rng.choice(PLAIN)
            for lines, words in zip((zh, ja, en), other, strict=True):
                lines.append(words.format(300 + number))
    # every person is introduced by the whole name in every language
    for person in people:
        zh.insert(0, f"{person.name}参加了项目。")
        ja.insert(0, f"{person.surname_ja + person.given_ja}が参加した。")
        en.insert(0, f"{' '.join(person.latin)} took part in the project.")
    return Testimony(people, "\n\n".join(zh), "\n\n".join(ja), "\n\n".join(en))
