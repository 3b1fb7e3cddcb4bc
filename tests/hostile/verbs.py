"""Every verb of the command line as words to call it with, in the order in which a case needs them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from forebear.comparison.demo import demo_folder

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "case_sample"
SCRIPT = Path(sys.executable).with_name("forebear")
"""The installed script, which `pip install` made for this Python."""
BASE, OTHER = demo_folder() / "base", demo_folder() / "descendant"
CASE_STEPS = ("align", "check", "run", "report")


def make_case(folder: Path) -> Path:
    """The sample case with the models it names, nothing aligned or checked yet."""
    place = folder / "examples" / "case_sample"
    made = shutil.ignore_patterns("report", "alignments", "findings", "evidence", "__pycache__")
    shutil.copytree(SAMPLE, place, ignore=made)
    shutil.copytree(demo_folder(), folder / "forebear" / "demo_data")
    return place


def make_key(folder: Path) -> Path:
    """A key file to sign with."""
    key = folder / "key"
    key.write_bytes(bytes(range(64)))
    return key


def make_copies(folder: Path, count: int = 24) -> list[str]:
    """As many candidates as are compared in workers: copies of one, since one place given often is compared once."""
    return [str(shutil.copytree(BASE, folder / str(number))) for number in range(count)]


def plain_verbs(folder: Path) -> dict[str, list[str]]:
    """Verbs that read models, tokenizers and addresses; what they write goes into `folder`."""
    base, other, tokenizer = str(BASE), str(OTHER), str(BASE / "tokenizer.json")
    return {
        "help": ["--help"],
        "group help": ["case", "--help"],
        "version": ["--version"],
        "demo": ["demo", "-o", str(folder / "demo.html"), "--format", "html"],
        "compare": ["compare", base, other, "--full", "--format", "html", "-o", str(folder / "compare.html")],
        "compare by the parser": ["compare", base, other, "--format=csv", "--language=ja", "--expect=related"],
        "compare in workers": ["compare", base, *make_copies(folder / "many"), "--format", "json", "-o", str(folder / "workers.json")],
        "inspect": ["inspect", base, "--full", "--tokenizer", "--format", "html", "-o", str(folder / "inspect.html")],
        "inspect a configuration": ["inspect", f"{base}/config.json", "--against", f"{other}/config.json"],
        "tokenizers cost": ["tokenizers", "cost", tokenizer, "--format", "html", "-o", str(folder / "cost.html")],
        "tokenizers lineage": ["tokenizers", "lineage", tokenizer, str(OTHER / "tokenizer.json")],
        "a hub address": ["inspect", "hf://org/name"],
        "no such file": ["inspect", str(folder / "no such file")],
        "no such option": ["compare", base, other, "--no-such-option"],
    }


def case_verbs(folder: Path, case: Path, key: Path) -> dict[str, list[str]]:
    """Verbs that read and write a case, one after the other; the bags go into `folder`."""
    new = folder / "testimony.txt"
    new.write_text("The committee met on 3 May 2024. It counted 42 models.\n", encoding="utf-8")
    bag = str(folder / "bag")
    return {
        "case add": ["case", "add", str(case), str(new), "--language", "en", "--role", "statement"],
        **{f"case {step}": ["case", step, str(case)] for step in CASE_STEPS},
        "case report in a page": ["case", "report", str(case), "--format", "html", "-o", str(folder / "case.html")],
        "case seal": ["case", "seal", str(case), bag, "--key", str(key)],
        "case seal of the report": ["case", "seal", str(case), f"{bag}-report", "--report-only"],
        "case verify": ["case", "verify", bag, "--key", str(key), "--format", "json"],
    }
