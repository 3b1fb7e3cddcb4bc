"""Names of invented people are proposed in every form; places and words that look like names are not; bulk rulings hide everybody."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

import forebear
from bench.names.invent import Invented, invent, stock
from bench.names.measure import leaks, proposals, published
from forebear.casefile.checks.conversion import can_convert
from forebear.casefile.checks.name_checks import can_sound
from forebear.casefile.data import packaged_table
from forebear.casefile.folder.folder import load_case, save_case
from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.naming.candidates import Read, candidates
from forebear.casefile.naming.stock import titles
from forebear.casefile.privacy.alike import at_odds
from forebear.casefile.privacy.kinds import KindWords, looks
from forebear.casefile.privacy.search import search_of
from forebear.casefile.privacy.withheld import MARK, Withheld
from forebear.casefile.text.scripts import fold
from forebear.casefile.verbs import refuse_names
from forebear.core.errors import ExpectationError, RefusedError, UsageError
from forebear.reports.cases.first import every_word
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered

extras = pytest.mark.skipif(not (can_sound() and can_convert()), reason="the extra `cases` is not installed")


@pytest.fixture(scope="module")
def made() -> Invented:
    return invent(stock("seen"), 6)


def test_nearly_every_form_is_proposed_and_no_place_or_word(made: Invented) -> None:
    counts = proposals(made)
    assert counts.people >= 40
    assert counts.absent >= 0.1 * counts.people, "surnames that no list has"
    assert counts.forms > 400
    assert counts.proposed >= 0.98 * counts.forms, counts.missed
    assert counts.trapped <= 0.05 * counts.traps, counts.trap_words


@extras
@pytest.mark.parametrize(("name", "seed", "people"), [("seen", 6, 10), ("last", 56, 6)])
def test_nothing_comes_out_after_everybody_was_ruled_private(tmp_path: Path, name: str, seed: int, people: int) -> None:
    table = stock(name)
    few = invent(table, seed, people=people)
    outputs = published(few, tmp_path)
    fixed = "\n".join(map(str, (*table["pattern"], *table["trap"], *table["places"])))
    assert {"case.json", "findings.csv", "claims.csv", "zh--ja.tmx", "bag/case.json", "html ja"} <= outputs.keys()
    assert leaks(few, outputs, fixed) == []
    assert leaks(few, {"zh": few.texts["zh"].encode()}, fixed), "the search finds what stands there"


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("zh", "后来郗伟明没有说话。", "郗伟明"),
        ("zh", "这件事只有令狐总知道。", "令狐总"),
        ("zh", "爱丽丝·费舍尔来过。", "爱丽丝·费舍尔"),
        ("ja", "その後霧ヶ澄さんが来た。", "霧ヶ澄さん"),
        ("ja", "五十嵐が資料を直した。", "五十嵐"),
        ("ja", "資料は山本 蓮が直した。", "山本 蓮"),
        ("ja", "資料は中村さくらが直した。", "中村さくら"),
        ("zh", "这件事只有L总知道。", "L总"),
        ("zh", "后来Fang老师没有说话。", "Fang老师"),
        ("zh", "出席：张建国、李梅、贾诩文。", "张建国"),
        ("zh", "委托代理人褚健、蔺相如到庭。", "蔺相如"),
        ("zh", "鉴定人厉为民出具意见。", "厉为民"),
        ("zh", "缺席：王　伟、李　娜", "李 娜"),
        ("zh", "林：我不知道。\n陈：那你说说。\n林：好。\n陈：后来呢？", "林"),
        ("zh", "[10:32] 凌霄：早\n[10:33] 老猫：早", "老猫"),
        ("zh", "请 @zhangwei88 看一下。", "zhangwei88"),
        ("zh", "一位姓鲍的同事说。", "姓鲍"),
        ("zh", "张××说他不知道。", "张××"),
        ("zh", "Hsieh Chih-ming反对。", "Hsieh Chih-ming"),
        ("zh", "Wang XM写了脚本。", "Wang XM"),
        ("zh", "猫老师走了。猫主任来了。猫经理笑了。猫芳敏说不行。", "猫芳敏"),
        ("ja", "出席：小笠原、勅使河原（欠席：薬師寺）", "薬師寺"),
        ("ja", "一ノ瀬蓮が参加した。", "一ノ瀬蓮"),
        ("ja", "琥珀崎あすかが直した。", "琥珀崎あすか"),
        ("ja", "中村アキラが来た。", "中村アキラ"),
        ("ja", "昨日たけしくんとゆみちゃんが来た。", "ゆみちゃん"),
        ("ja", "髙橋が署名した。", "髙橋"),
        ("en", "Inspector Cook asked about it.", "Inspector Cook"),
        ("en", "Yao, Jiali signed.", "Yao, Jiali"),
        ("en", "I asked Mark Rich.", "Mark Rich"),
        ("en", "Defendant Lim Boon Keng appeared.", "Defendant Lim Boon Keng"),
        ("en", "written by Jean-Pierre van der Berg", "Jean-Pierre van der Berg"),
        ("en", "[10:32] weiming: ok", "weiming"),
        ("en", "It was copied to w.chen@corp.example.", "w.chen"),
        ("en", "Cao J.X. was first.", "Cao J.X"),
        ("en", "The file came from Fang Song.", "Fang Song"),
        ("en", "The file came from Nguyen Thornquill.", "Nguyen Thornquill"),
        ("en", "It was Xǐ Wěi-míng who said so.", "Xǐ Wěi-míng"),
    ],
)
def test_a_name_is_proposed(language: str, text: str, wanted: str) -> None:
    assert wanted in candidates([Read(language, text)])


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "大家都很高兴，于是周末在黄山和成都看日志。"),
        ("zh", "我们安装了软件，任何方法都很方便。"),
        ("zh", "一、通过预算；二、讨论计划；三、确定人员。地点：第三会议室。附件：合同、收据、照片。"),
        ("zh", "张量都记在词表里。"),
        ("zh", "成本太高，A总共花了两天，B工作了三天。"),
        ("ja", "週末に松本市と川崎市へ出張し、関係者と都合を合わせた。"),
        ("ja", "お客さんと皆さんに連絡し、娘さんは来なかった。"),
        (
            "en",
            "Agenda: Budget, Hiring, Travel. Question: Why? Answer: Nobody knows. See info@corp.example in Zhongguancun.",
        ),
        ("en", "The weights of Gannet-6 went from Chengdu to Berlin on Monday. Training was slow."),
    ],
)
def test_places_verbs_and_products_are_not_proposed(language: str, text: str) -> None:
    assert candidates([Read(language, text)]) == []


def test_a_name_no_list_has_is_found_by_how_another_text_spells_it() -> None:
    text = "这件事猫芳敏知道得最清楚。"
    assert "猫芳敏" not in candidates([Read("zh", text)])
    wanted = candidates([Read("zh", text), Read("en", "Nobody knows it better than Mao Fangmin.")])
    assert {"猫芳敏", "Mao Fangmin"} <= set(wanted) or not can_sound()


def test_a_surname_no_list_has_is_learned_from_the_titles_it_stands_before() -> None:
    text = "青岚主任来了。我问青岚教授。青岚组长不在。大家等青岚强回来。"
    assert {"青岚主任", "青岚教授", "青岚组长", "青岚强"} <= set(candidates([Read("zh", text)]))
    assert "问林老师" not in candidates([Read("zh", "我问林老师。又问林教授。再问林组长。林总来了。")])


def _case(folder: Path, zh: str, en: str) -> Path:
    for name, text, of in (("zh", zh, ""), ("en", en, "zh")):
        (folder / f"{name}.md").write_text(text, "utf-8")
        role = "translation" if of else "original"
        forebear.case_add(
            folder / "case", folder / f"{name}.md", language=name, id=name, of=of, role=role, trust_language=True
        )
    forebear.case_align(folder / "case")
    return folder / "case"


ZH = "郗伟明训练了模型。模型有12层。伟明很累。杜衡也在。"
EN = "Xi Weiming trained the model. It has 12 layers. Weiming was tired. Du Heng was there too."


@extras
def test_a_ruling_on_a_person_takes_in_every_form_and_nobody_else(tmp_path: Path) -> None:
    case = _case(tmp_path, ZH, EN)
    listed = forebear.case_names(case)
    assert {"郗伟明", "杜衡"} <= {n["name"] for n in listed["waiting"]}
    with pytest.raises(ExpectationError):
        forebear.case_report(case)
    forebear.case_names(case, private=["郗伟明"])
    found = {n.text: n.ruling for n in load_case(case).name}
    assert found["郗伟明"] == "private"
    assert found["杜衡"] == "undecided"
    forebear.case_names(case, public=["杜衡"])
    assert [n for n in forebear.case_names(case)["waiting"] if n["of"]] == []
    text = rendered(forebear.case_report(case), "json").decode()
    assert "杜衡" in text
    assert "Du Heng" in text
    assert not [w for w in ("伟明", "Weiming", "郗") if w in text]


def test_a_name_the_case_does_not_have_and_two_rulings_on_one_are_refused(tmp_path: Path) -> None:
    case = _case(tmp_path, ZH, EN)
    before = (case / "case.toml").read_bytes()
    with pytest.raises(UsageError, match="no name '钱七'"):
        forebear.case_names(case, private=["钱七"])
    with pytest.raises(UsageError, match="gets two rulings"):
        forebear.case_names(case, private=["杜衡"], public=["杜衡"])
    assert (case / "case.toml").read_bytes() == before


@extras
def test_a_name_in_a_claim_is_asked_about_like_one_in_a_source(tmp_path: Path) -> None:
    case = _case(tmp_path, "模型有12层。", "The model has 12 layers.")
    (case / "claims.toml").write_text(
        '[[claim]]\nid = "c"\nkind = "conduct"\nbasis = "hearsay"\n[claim.statement]\nzh = "后来裴一舟说模型有12层。"\n',
        "utf-8",
    )
    with pytest.raises(ExpectationError, match="裴一舟"):
        forebear.case_report(case)


@extras
def test_a_report_with_a_stranger_in_it_is_not_sealed(tmp_path: Path) -> None:
    case = _case(tmp_path, "模型有12层。", "The model has 12 layers.")
    forebear.case_report(case)
    forebear.case_seal(case, tmp_path / "bag", report_only=True)
    (case / "report" / "note.txt").write_text("后来裴一舟说模型有12层。", "utf-8")
    with pytest.raises(ExpectationError, match=r"report/note\.txt: a name that nobody ruled on") as caught:
        forebear.case_seal(case, tmp_path / "bag2", report_only=True)
    assert "裴" not in str(caught.value)
    assert not (tmp_path / "bag2").exists()


@extras
def test_the_command_lists_and_rules(tmp_path: Path) -> None:
    case = _case(tmp_path, ZH, EN)
    save_case(case, load_case(case))
    done = [
        subprocess.run(
            [sys.executable, "-m", "forebear.cli", "case", "names", str(case), *more], capture_output=True, text=True
        )
        for more in ((), ("--all-private",), ())
    ]
    assert [d.returncode for d in done] == [0, 0, 0], done[-1].stderr
    assert "郗伟明" in done[0].stdout
    assert "郗伟明 (Person 1)" in done[1].stdout, "what a call hid without being asked for it by name is told once"
    assert "郗伟明" not in done[2].stdout
    assert all(n.ruling == "private" for n in load_case(case).name)


@extras
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", "<table><tr><td>1</td><td>后来裴一舟说<b>模型</b>有12层。</td></tr></table>"),
        ("page.html", '<p title="后来裴一舟说模型有12层。">1</p>'),
        ("a.json", '{"x": ["Nguyen Thornquill wrote it."]}'),
        ("a.csv", "rule,why\nx,その後霧ヶ澄さんが来た。\n"),
        ("a.tmx", "<tu><tuv><seg>The file came from Nguyen Thornquill.</seg></tuv></tu>"),
        ("a.txt", "It has 12 layers. Old Thornquill said so."),
    ],
)
def test_nothing_is_published_with_a_name_that_nobody_ruled_on(tmp_path: Path, name: str, content: str) -> None:
    case = _case(tmp_path, "模型有12层。", "The model has 12 layers.")
    refuse_names(case, {name: content.replace("裴一舟", "模型").encode()} if "裴" in content else {}, every_word())
    with pytest.raises(ExpectationError, match=f"{name}: a name that nobody ruled on") as caught:
        refuse_names(case, {name: content.encode()}, every_word())
    assert not any(word in str(caught.value) for word in ("裴", "Thornquill", "霧"))
    waiting = [n["name"] for n in forebear.case_names(case)["waiting"]]
    assert waiting
    forebear.case_names(case, not_a_name=waiting)
    refuse_names(case, {name: content.encode()}, every_word())


PEOPLE_ZH = "郗伟明训练了模型。老郗说有12层。伟明很累。杜衡也在。王若谷和王建国来过。小王走了。"
PEOPLE_EN = (
    "Xi Weiming trained the model. Mr. Xi said it has 12 layers. Weiming was tired. Du Heng was there too. "
    "Wang Ruogu and Jianguo Wang came. Little Wang left."
)


@extras
def test_forms_are_listed_and_ruled_on_by_person(tmp_path: Path) -> None:
    case = _case(tmp_path, PEOPLE_ZH, PEOPLE_EN)
    listed = forebear.case_names(case)["people"]
    forms = [{*person["names"]} for person in listed]
    assert next(f for f in forms if "郗伟明" in f) >= {"老郗", "Xi Weiming"}
    assert next(f for f in forms if "杜衡" in f) == {"杜衡", "Du Heng"}
    shared = [p for p in listed if "小王" in p["shared"]]
    assert {n for p in shared for n in p["names"]} >= {"王若谷", "王建国"}, "what two people may be is of both"
    forebear.case_names(case, private=["老郗"])
    ruled = {n.text: (n.ruling, n.pseudonym) for n in load_case(case).name}
    assert ruled["老郗"] == ruled["郗伟明"] == ruled["Xi Weiming"] == ("private", "Person 1")
    assert ruled["杜衡"][0] == ruled["王若谷"][0] == "undecided"


@extras
def test_everybody_gets_one_pseudonym_and_a_shared_form_both(tmp_path: Path) -> None:
    case = _case(tmp_path, PEOPLE_ZH, PEOPLE_EN)
    forebear.case_names(case, all_private=True)
    given = {n.text: n.pseudonym for n in load_case(case).name}
    assert given["郗伟明"] == given["Xi Weiming"] == given["老郗"]
    assert given["小王"] in {
        f"{given['王若谷']} or {given['王建国']}",
        f"{given['王建国']} or {given['王若谷']}",
    }
    text = rendered(forebear.case_report(case), "json").decode()
    assert not [w for w in ("郗", "伟明", "Weiming", "王", "Wang", "杜", "Heng") if w in text]


@extras
@pytest.mark.parametrize(("zh", "name"), [("他训练了模型。", "Quist"), ("老猫训练了模型。", "老猫")])
def test_a_sentence_that_may_name_somebody_is_withheld_there_and_settled_as_a_whole(
    tmp_path: Path, zh: str, name: str
) -> None:
    case = _case(tmp_path, zh + "模型有12层。", "Bartholomew Quist trained the model. It has 12 layers.")
    save_case(case, dataclasses.replace(load_case(case), name=(Name("Bartholomew Quist", "private"),)))
    shown = rendered(forebear.case_report(case), "json").decode()
    assert name not in shown
    assert MARK in shown
    assert "模型有12层" in shown
    forebear.case_names(case, not_a_name=[zh])
    shown = rendered(forebear.case_report(case), "json").decode()
    assert "Quist" not in shown
    assert zh in shown


UNREAD = """
import sys
sys.modules["pypinyin"] = None
import forebear
forebear.case_report(sys.argv[1])
"""


@extras
def test_a_name_nobody_can_read_here_is_refused_beside_a_text_in_letters(tmp_path: Path) -> None:
    case = _case(tmp_path, "郗伟明训练了模型。模型有12层。", "Then xiweiming trained it. The model has 12 layers.")
    save_case(case, dataclasses.replace(load_case(case), name=(Name("郗伟明", "private"),)))
    done = subprocess.run([sys.executable, "-c", UNREAD, str(case)], capture_output=True, text=True)
    assert "may be written in letters, and how they are read is not known: Person 1 in en" in done.stderr
    assert not list((case / "report").glob("*.json"))


NOBODY = "裘乞丐"
"""Somebody whom no text here names: a case that hides anybody shows ordinary words alone."""


def _shown(text: str, language: str, hidden: str = NOBODY, *rulings: Name) -> str:
    case = CaseFile("", "", name=(Name(hidden, "private", pseudonym="Person 1"), *rulings))
    return Withheld(search_of(case)).shown(text, language)


@extras
@pytest.mark.parametrize(
    ("language", "text", "kept_back"),
    [
        ("en", "It was Junhong Li, or J. Li, who told Li J.H. so.", ("Junhong", "Li", "J.")),
        ("en", "Later li_junhong and lijunhong@post.example wrote.", ("junhong", "li")),
        ("en", "We met Lanternby there, and old Thimble.", ("Lanternby", "Thimble")),
        ("en", "He Wei and Ms. He left.", ("He Wei", "Wei", "Ms. He")),
        ("en", "Moore's cousin spoke to Dawn Puddle.", ("Moore", "Dawn", "Puddle")),
        ("zh", "后来伞福建说模型有12层。", ("伞福建", "福建")),
        ("zh", "猫老师和阿灯都在。", ("猫老师", "阿灯")),
        ("ja", "蛍ヶ淵さんとさくらさんが来た。", ("蛍ヶ淵", "さくら")),
        ("ja", "ハオシュー・シューが来た。", ("ハオシュー",)),
        ("zh", "他叫Иван，也叫이준호。", ("Иван", "이준호")),
    ],
)
def test_a_name_that_nobody_proposed_is_not_shown(language: str, text: str, kept_back: tuple[str, ...]) -> None:
    shown = _shown(text, language)
    assert MARK in shown
    assert [word for word in kept_back if word in shown] == []


@extras
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The model has 12 layers, and nobody had told us of the larger one before the 7B was trained."),
        ("zh", "我们训练了模型，后来没有人知道它为什么比以前的小。"),
        ("ja", "私たちはモデルを訓練したが、それがなぜ前より小さいのか誰も知らなかった。"),
    ],
)
def test_ordinary_words_are_shown(language: str, text: str) -> None:
    assert _shown(text, language) == text


@extras
def test_characters_of_a_hidden_name_are_shown_inside_longer_words_alone() -> None:
    assert "金" not in _shown("金子走了，老金也走了。金来了。", "zh", "张金")
    assert "资金" in _shown("资金不够。", "zh", "张金")


@extras
def test_a_ruling_shows_a_word_and_its_kind_keeps_it() -> None:
    assert "Gannet" not in _shown("We trained Gannet first.", "en")
    for ruling in (Name("Gannet", "not-a-name"), Name("Gannet", "public", "product")):
        assert _shown("We trained Gannet first.", "en", NOBODY, ruling) == "We trained Gannet first."


@extras
def test_things_are_ruled_on_apart_from_people(tmp_path: Path) -> None:
    case = _case(
        tmp_path,
        "郗伟明训练了模型。",
        "Xi Weiming trained Gannet 7B at Farhill. Farhill Laboratory paid. Gannet 7B has 12 layers. Then came Brimsworth.",
    )
    forebear.case_names(case, product=["Gannet"], organisation=["Farhill"])
    ruled = {n.text: (n.ruling, n.kind) for n in load_case(case).name}
    assert ruled["Gannet"] == ("public", "product")
    assert ruled["Farhill"] == ("public", "organisation")
    forebear.case_names(case, all_private=True)
    shown = rendered(forebear.case_report(case), "json").decode()
    assert "Gannet 7B at Farhill" in shown
    assert not [w for w in ("Weiming", "Brimsworth", "郗") if w in shown]
    forebear.case_names(case, private=["Farhill"])
    assert {n.text: n.pseudonym for n in load_case(case).name}["Farhill"] == "Organisation 1"
    for asked in ({"product": ["Farhill"], "place": ["Farhill"]}, {"all_public": ["firm"]}, {"all_public": ["person"]}):
        with pytest.raises(UsageError):
            forebear.case_names(case, **asked)
    with pytest.raises(UsageError, match="'firm' is no kind of name") as refused:
        forebear.case_names(case, all_public=["firm"])
    assert "product" in refused.value.todo
    assert refused.value.said.key == "case_alike.no_kind"  # words in every language: tests/house/test_refusals.py


@pytest.mark.parametrize(
    ("word", "text", "kind"),
    [
        ("Farhill", "They came to Farhill Bank.", "organisation"),
        ("Gannet", "We ran Gannet 7B and Gannet-2.", "product"),
        ("青禾", "青禾科技派了人。", "organisation"),
        ("飞梭", "用的是飞梭模型。", "product"),
        ("Junhong", "Junhong told us.", "person"),
    ],
)
def test_a_name_looks_like_what_the_texts_show_behind_it(word: str, text: str, kind: str) -> None:
    assert looks(word, [fold(text)]) == kind


def test_every_word_behind_a_thing_has_one_kind() -> None:
    table = packaged_table(KindWords, "kinds.toml")
    wide, latin = (
        (*table.organisation, *table.product),
        (*table.organisation_latin, *table.product_latin, *table.place_latin),
    )
    assert sorted(set(wide)) == sorted(titles().thing_after)
    assert sorted(latin) == sorted(titles().thing_latin)
    assert len(set(wide)) == len(wide)


@extras
@pytest.mark.parametrize(
    ("language", "hidden", "text", "kept_back"),
    [
        ("zh", NOBODY, "天天来了，峰峰也在。天天都训练模型。", ("天天", "峰峰")),
        ("zh", "李天", "今天天气好，天天在。", ("天天", "天天气")),
        ("zh", "高明", "明明说话。明天高。", ("明明", "高")),
        ("zh", "Zhang Mingtian", "明天说了。", ("明天",)),
        ("ja", NOBODY, "大和教頭と大和の旦那が話した。", ("大和",)),
        ("zh", "校医", "报案人大和校医称，钱包丢了。", ("大和",)),
        ("ja", "Nozomi Takada", "望と、のぞみ。", ("望", "のぞみ")),
        ("ja", "高田望", "望と、ひかりが話した。", ("望", "ひかり")),
        ("ja", "森月", "月が出た。森の中に日がさす。", ("月", "森")),
        ("en", NOBODY, "An, you have mail. The An family and Constable An left. An Li too.", ("An",)),
        ("en", NOBODY, "An came late.", ("An",)),
        ("en", NOBODY, "W. Still mended clocks.", ("Still",)),
        ("ja", NOBODY, "薬は食後に。ほのかさんより。", ("ほのか",)),
        ("en", NOBODY, "The file was read by May. Will sent it, and So Young left.", ("May", "Will", "So")),
        ("en", NOBODY, "We wrote to hope_snow and song_long.", ("hope", "snow", "song", "long")),
        ("en", "安晓", "An account was kept. He saw it.", ("An",)),
        ("en", "何伟", "He saw an account.", ("He",)),
        ("en", "Rose Hope", "We hope so, and the number rose. The Hope was small.", ("hope", "rose", "Hope")),
        ("en", "Mark Grace", "The mark was made with grace.", ("mark", "grace")),
    ],
)
def test_an_ordinary_word_that_a_hidden_name_reads_as_is_not_shown(
    language: str, hidden: str, text: str, kept_back: tuple[str, ...]
) -> None:
    shown = _shown(text, language, hidden)
    assert [word for word in kept_back if word in shown] == []


@extras
@pytest.mark.parametrize(
    ("language", "hidden", "text"),
    [
        ("zh", "高明", "说明书说高度够了。"),
        ("zh", NOBODY, "妈妈说中国国家很大。"),
        ("ja", NOBODY, "様々な人々がいる。"),
        ("en", NOBODY, "An account was kept. So it was. He saw it in May 2024, and in March we had seen it."),
        ("en", "何伟", "Then he saw an account."),
        ("en", "安晓", "We kept an account."),
        ("en", NOBODY, "The hidden_size is as large."),
    ],
)
def test_the_same_words_are_shown_where_they_can_be_nobody(language: str, hidden: str, text: str) -> None:
    assert _shown(text, language, hidden) == text


@extras
def test_one_word_in_two_scripts_is_not_kept_and_hidden_at_once(tmp_path: Path) -> None:
    case = _case(tmp_path, "我们的模型叫雪鹀。王建国负责数据。", "Our model is called Xuewu. Wang Jianguo kept the data.")
    forebear.case_names(case, not_a_name=["雪鹀"])
    before = (case / "case.toml").read_bytes()
    with pytest.raises(RefusedError, match="雪鹀") as refused:
        forebear.case_names(case, all_private=True)
    assert "Xuewu" not in str(refused.value)
    assert (case / "case.toml").read_bytes() == before
    found = load_case(case)
    by_hand = tuple(n if n.ruling != "undecided" else dataclasses.replace(n, ruling="private") for n in found.name)
    save_case(case, dataclasses.replace(found, name=by_hand))
    with pytest.raises(RefusedError, match="雪鹀"):
        forebear.case_report(case)
    save_case(case, found)
    document = forebear.case_names(case, not_a_name=["Xuewu"], all_private=True)
    assert not document["waiting"]
    report = rendered(forebear.case_report(case), "json").decode()
    assert "雪鹀" in report
    assert "Xuewu" in report
    assert "Jianguo" not in report


@extras
def test_somebody_else_of_the_same_sound_may_be_hidden() -> None:
    kept = Name("雪鹀", "not-a-name")
    hidden = [Name(text, "private", pseudonym="Person 1") for text in ("薛武", "Xue Wu")]
    assert at_odds(CaseFile("", "", name=(kept, hidden[1]))) == [("雪鹀", "Person 1")]
    assert at_odds(CaseFile("", "", name=(kept, *hidden))) == []
    assert at_odds(CaseFile("", "", name=(Name("Xuewu", "public"), Name("雪鹀", "private", pseudonym="Person 1")))) == [
        ("Xuewu", "Person 1")
    ]
    assert at_odds(CaseFile("", "", name=(Name("大和", "public"), Name("Yamato", "private", pseudonym="Person 1"))))


@extras
def test_what_is_hidden_without_being_asked_for_is_listed(tmp_path: Path) -> None:
    case = _case(tmp_path, "王建国负责数据。李小梅三月来了。", "Wang Jianguo kept the data. Li Xiaomei came in March.")
    document = forebear.case_names(case, private=["王建国"], all_private=True)
    told = {row["name"]: row["person"] for row in document["guessed"]}
    assert "王建国" not in told
    assert told["Wang Jianguo"] == "Person 1"
    assert {"李小梅", "Li Xiaomei"} <= told.keys()
    assert not {"March", "三月", "data"} & told.keys()
    for language in LANGUAGES:
        text = "".join(rendered(document, "text", language).decode().split())
        assert all("".join(name.split()) in text for name in told)
    assert not forebear.case_names(case)["guessed"]
