"""What an aligned stranger reaches is not called a relation, in any language (METHODS §17)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import forebear.reports

WORDS = {
    "en": ("related", "likeliest"),
    "ja": ("関連", "見込まれる"),
    "zh-Hans": ("有关联", "最可能"),
    "zh-Hant": ("有關聯", "最可能"),
}
LIMITS = {"en": "dividing its neurons", "ja": "分割", "zh-Hans": "拆分", "zh-Hant": "拆分"}


@pytest.mark.parametrize("language", WORDS)
def test_channels_that_agree_and_proposals_are_no_relation(language):
    path = Path(forebear.reports.__file__).parent / "messages" / f"{language}.toml"
    said = tomllib.loads(path.read_text("utf-8"))
    shown = (
        said["relation"]["related-channels-only"],
        said["library_page"]["proposed"],
        said["library_page"]["compared"],
    )
    assert not [(word, line) for word in WORDS[language] for line in shown if word in line.replace("{relation}", "")]
    assert all(LIMITS[language] in said["power"][key] for key in ("gauge_embedding", "gauge_neurons"))
