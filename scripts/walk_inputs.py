"""The inputs of scripts/walk.py: one folder that every run gets a copy of."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = """# 说法

我叫林若谷，2029年3月加入澄湖，负责数据清洗。

组长杜衡告诉我们，新模型“雁门”从零开始训练，一共用了38层。

7月12日，我离开了公司。
"""
ENGLISH = """# What a former employee says

My name is Lin Ruogu. I joined Chenghu in March 2029 and was in charge of data cleaning.

The team leader, Du Heng, told us that the new model, "Yanmen", was trained from scratch, with 36 layers in all.

I left the company on 12 July.
"""
CLAIMS = """[[claim]]
id = "descent"
kind = "descent"
basis = "inference"
test = "related"
subject = "gannet-6"
candidates = ["kestrel-4"]
if_true = "the two share weights"
if_false = "no unit of one matches a unit of the other"
[claim.statement]
en = "Gannet-6 started from the weights of Kestrel-4."
"""
Call = Callable[[list[str], Path], tuple[int, str, str]]


def bad_inputs() -> list[str]:
    """Names of inputs that no command can use; what is missing and what is broken first."""
    return ["nowhere", "broken", "empty.md", "noise.bin", "hollow", "loop", "nobody/nothing"]


def prepared(folder: Path, call: Call) -> Path:
    """Everything that the calls of scripts/walk.toml name.

    Raises: SystemExit where it cannot be made: then there is nothing to walk over.
    """
    here = folder / "here"
    here.mkdir()
    (here / "demo").symlink_to(ROOT / "forebear" / "demo_data")
    (here / "broken").mkdir()
    whole = (ROOT / "forebear/demo_data/base/model.safetensors").read_bytes()
    (here / "broken" / "model.safetensors").write_bytes(whole[: len(whole) // 3])
    (here / "hollow").mkdir()
    (here / "loop").symlink_to("loop")
    (here / "link.json").symlink_to("more.md")
    texts = {
        "empty.md": "", "more.md": ENGLISH, "account.md": ACCOUNT, "english.md": ENGLISH, "list.txt": "demo/independent\n",
        "dates.toml": '[[model]]\nname = "base"\nthere_by = 2024-01-05\n', "card.md": "# A model\n\nIt has 6 layers.\n",
        "log.csv": "step,lr,weight_decay\n1,0.001,0.0\n2,0.001,0.0\n",
        "bom.json": json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}),
    }  # fmt: skip
    for name, text in texts.items():
        (here / name).write_text(text, "utf-8")
    (here / "noise.bin").write_bytes(bytes(range(256)) * 8)
    (here / "my.key").write_bytes(bytes(range(64)))
    (here / "seed.bin").write_bytes(b"a seed of the walk's own, which nobody chose twice")
    (here / "own.toml").write_bytes((ROOT / "forebear/models/architectures/llama.toml").read_bytes())
    corpus = here / "corpus"
    corpus.mkdir()
    for language, line in (("eng", "One word.\nTwo words.\n"), ("jpn", "一つの言葉。\n二つの言葉。\n")):
        (corpus / f"{language}.txt").write_text(line, "utf-8")
    for words in (
        "library add demo/base demo/independent --into known", "library export known.export --library known",
        "recipe demo/descendant demo/base --write moved",
        "attest commit demo/base/config.json --seed-from seed.bin -o commitment.json",
        "attest record run 1 demo/independent",
        "case add case account.md --language zh --script Hans",
        "case add case english.md --language en --role translation --of zh-hans",
        "case align case", "case check case", "case names case --all-private",
    ):  # fmt: skip
        needed(call, words, here)
    with (here / "case" / "case.toml").open("a", encoding="utf-8") as file:
        file.write('\n[models]\ngannet-6 = "../demo/descendant"\nkestrel-4 = "../demo/base"\n')
    (here / "case" / "claims.toml").write_text(CLAIMS, "utf-8")
    needed(call, "case check case", here)
    needed(call, "case seal case case.bag --key my.key", here)
    found = json.loads(needed(call, "case check case --all --format json", here))["findings"]
    (here / ".finding").write_text(found[0]["id"])
    shutil.copy(here / "my.key", here / "their.key")
    assert tomllib.loads((here / "case" / "case.toml").read_text("utf-8"))["models"]
    return here


def needed(call: Call, words: str, here: Path) -> str:
    """What a call prints that has to work."""
    code, out, said = call(words.split(), here)
    if code:
        raise SystemExit(f"walk: the inputs cannot be made: forebear {words}: {said}")
    return out
