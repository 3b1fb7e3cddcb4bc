"""The card put right as a whole (`verify --card-out`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.core.errors import ExpectationError, RefusedError, UsageError
from forebear.core.yaml_values import read_yaml
from forebear.reports.verification.whole_card import whole_card

DEMO = demo_folder()
CARD = """---
license: mit
base_model: base
base_model_relation: adapter
---
# Demo

- **Layers:** 12
- **Hidden size:** 64

| Key | Value |
|---|---|
| Vocabulary size | 99,999 |

It was read by 12 people. --> <script>

```yaml
num_attention_heads: 77
```

Last line, 12 of them.
"""
LANGUAGES = ("en", "ja", "zh-Hans", "zh-Hant")


def put_right(folder: Path, card: str = CARD, **options: Any) -> tuple[str, dict[str, object]]:
    place, out = folder / "card.md", folder / "right.md"
    place.write_text(card, "utf-8")
    document = forebear.verify(DEMO / "descendant", card=place, against=f"base={DEMO / 'base'}", card_out=out, **options)
    return out.read_text("utf-8"), dict(document)


def test_what_is_contradicted_has_the_figures_of_the_files_and_the_evidence_beside_it(tmp_path: Path) -> None:
    right, document = put_right(tmp_path)
    held = forebear.inspect(DEMO / "descendant")
    lines = right.split("\n")
    layers = next(line for line in lines if line.startswith("- **Layers:**"))
    assert layers.startswith(f"- **Layers:** {held['layers']} <!-- forebear: ")
    row = next(line for line in lines if line.startswith("| Vocabulary size"))
    assert row.startswith("| Vocabulary size | 99,999 <!-- forebear: ")  # 511 and 512 are both right: no one figure is put there
    assert row.endswith("--> |")
    assert "# base_model_relation: adapter" in lines
    assert "num_attention_heads: 77" in lines  # nothing is written between fences
    assert any("77" in line and line.startswith("<!--") for line in lines)
    assert "Last line, 12 of them." in lines
    assert "It was read by 12 people. --> <script>" in right
    assert document["counts"]["contradicted"] >= 3  # type: ignore[index]


def test_the_card_put_right_is_read_again_and_contradicted_in_nothing(tmp_path: Path) -> None:
    right, _ = put_right(tmp_path)
    (tmp_path / "again.md").write_text(right, "utf-8")
    document = forebear.verify(DEMO / "descendant", card=tmp_path / "again.md", against=f"base={DEMO / 'base'}")
    assert document["counts"]["contradicted"] == 0
    assert read_yaml(right.split("---\n")[1], "again.md")[0] == {"license": "mit", "base_model": "base"}


def test_a_card_that_is_right_stays_as_it_is(tmp_path: Path) -> None:
    layers = forebear.inspect(DEMO / "descendant")["layers"]
    card = f"# Demo\n\n- **Layers:** {layers}\n"
    assert put_right(tmp_path, card)[0] == card


@pytest.mark.parametrize("language", LANGUAGES)
def test_comments_speak_every_language_and_a_stranger_ends_none(tmp_path: Path, language: str) -> None:
    card = "# D\n\n- **Layers:** 12 --> <script>alert(1)</script>\n"
    (tmp_path / "card.md").write_text(card, "utf-8")
    document = forebear.verify(DEMO / "descendant", card=tmp_path / "card.md")
    claims = [{**claim, "flagged": True} for claim in document["claims"]]
    right = whole_card(card, {**document, "claims": claims}, "card.md", language).decode()
    assert right.split("<!-- forebear")[0].startswith("# D")
    for comment in right.split("<!-- forebear")[1:]:
        assert comment.index("-->") == len(comment.split("\n")[0].rstrip(" |")) - 3 or "<!--" in right


def test_it_is_written_where_an_expectation_fails_and_never_over_the_card(tmp_path: Path) -> None:
    place = tmp_path / "card.md"
    place.write_text(CARD, "utf-8")
    with pytest.raises(ExpectationError):
        forebear.verify(DEMO / "descendant", card=place, card_out=tmp_path / "right.md", expect="not-contradicted")
    assert (tmp_path / "right.md").is_file()
    with pytest.raises((UsageError, RefusedError)):
        forebear.verify(DEMO / "descendant", card=place, card_out=tmp_path / "none" / "right.md")
    with pytest.raises((UsageError, RefusedError)):
        forebear.verify(DEMO / "descendant", card=place, card_out=place)
    assert place.read_text("utf-8") == CARD


def test_metadata_of_a_package_is_no_card_to_put_right(tmp_path: Path) -> None:
    place = tmp_path / "METADATA"
    place.write_text("Metadata-Version: 2.1\nName: x\nVersion: 1\n\ntext\n", "utf-8")
    with pytest.raises(RefusedError, match="Markdown"):
        forebear.verify(DEMO / "descendant", card=place, card_out=tmp_path / "right.md")


def test_where_no_card_lies_beside_the_weights_it_is_said_that_one_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"has no README.md.*`card`") as told:
        forebear.verify(DEMO / "descendant", card_out=tmp_path / "right.md")
    assert "README.md:" not in str(told.value)
