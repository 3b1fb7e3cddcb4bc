"""Speed and memory of case files: 10,000 sentences a side read, aligned and checked in a process of its own.

    python -m bench.cases [--segments 10000] [--report] [--output bench/results/cases-speed.json]

Chinese and English sentences are made by rule from seed 5: figures, dates, model names, negation and plain words; a
twentieth of the English ones is left out, a twentieth changed in its figure. With --report, every tenth sentence is said by one of
forty invented people, all are ruled private, and the report is made that withholds words. Processor time counts, since the machine
is shared; not part of CI.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import forebear
from bench.names.invent import stock
from forebear.casefile.bitext.bitext import Text, align_texts, read_text
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.folder.model import Source
from forebear.casefile.text.extract import extract
from forebear.core.seeds import generator
from forebear.version import __version__

SEED = 5
WORDS = tuple(
    pair.split()
    for pair in [
        "模型 model",
        "数据 data",
        "公司 company",
        "报告 report",
        "权重 weights",
        "会议 meeting",
        "邮件 email",
        "代码 code",
        "实验 experiment",
        "词表 vocabulary",
        "集群 cluster",
        "团队 team",
    ]
)
FRAMES = (
    ("{a}在{y}年{m}月用了{n}张卡，{b}没有公开。", "In {M} {y} the {A} used {n} cards, and the {B} was not published."),
    (
        "{name}的{a}有{n}万条记录，{b}由团队保管。",
        "The {A} of {name} has {n}0,000 records, and the {B} is kept by the team.",
    ),
    ("据说{a}只占{p}%，其余都是{b}。", "Reportedly the {A} is only {p}%, and the rest is all {B}."),
    ("第二天，{a}和{b}都被送到了{name}那里。", "The next day the {A} and the {B} were both sent to {name}."),
)
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def texts(count: int) -> tuple[str, str, int]:
    """Both texts, five sentences a paragraph, and how many sentences the English one was robbed of."""
    rng = generator("bench/cases", SEED)
    zh: list[str] = []
    en: list[str] = []
    gone = 0
    for i in range(count):
        a, b = (WORDS[int(k)] for k in rng.choice(len(WORDS), 2, replace=False))
        month, n = int(rng.integers(1, 13)), int(rng.integers(11, 9999))
        said: dict[str, Any] = {
            "a": a[0], "b": b[0], "A": a[1], "B": b[1], "y": int(rng.integers(2020, 2032)), "m": month,
            "M": MONTHS[month - 1], "n": n, "p": int(rng.integers(2, 99)), "name": f"Heron-{int(rng.integers(1, 400))}",
        }  # fmt: skip
        frame = FRAMES[int(rng.integers(len(FRAMES)))]
        end = "\n\n" if i % 5 == 4 else ""
        zh.append(frame[0].format(**said) + end)
        u = rng.random()
        if u < 0.05:
            gone += 1
            en.append(end)
        else:
            wrong = {**said, "n": n * 10, "p": 100 - said["p"]} if u < 0.1 else said
            en.append(frame[1].format(**wrong) + (end or " "))
    return "".join(zh), "".join(en), gone


def _read(name: str, language: str, script: str, body: str, of: str) -> Text:
    source = Source(id=name, file="", sha256="", bytes=len(body.encode()), media="text/plain", language=language, script=script,
                    role="translation" if of else "original", of=of)  # fmt: skip
    return read_text(source, extract(body, "text/plain"))


def measure(count: int) -> dict[str, Any]:
    """Seconds of each stage and the process's peak memory."""
    zh, en, gone = texts(count)
    start = time.process_time()
    sides = {"o": _read("o", "zh", "Hans", zh, ""), "t": _read("t", "en", "Latn", en, "o")}
    read = time.process_time()
    links = {("o", "t"): align_texts(sides["o"], sides["t"])}
    aligned = time.process_time()
    found = check_case(sides, links, Knowledge())
    checked = time.process_time()
    right = sum(k.left[0] == k.left[-1] for k in links["o", "t"] if k.left)
    return {
        "segments": {n: len(t.segments) for n, t in sides.items()}, "left_out": gone, "links": len(links["o", "t"]),
        "one_left": right, "findings": len(found),
        "processor_seconds": {
            "read": round(read - start, 2), "align": round(aligned - read, 2), "check": round(checked - aligned, 2),
            "all": round(checked - start, 2),
        },
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "bars": {"seconds": 60, "megabytes": 1024}, "seed": SEED, "machine": f"{platform.machine()}, one core",
        "tool": __version__,
    }  # fmt: skip


def _people() -> list[tuple[str, str]]:
    """Forty invented names, in Han characters and in letters."""
    table = stock("seen")
    given = table["given"]
    return [
        (s[0] + a[0] + b[0], f"{s[2].capitalize()} {(a[2] + b[2]).capitalize()}")
        for i, s in enumerate(table["chinese"][:8])
        for a, b in ((given[(5 * i + k) % len(given)], given[(7 * i + k + 3) % len(given)]) for k in range(5))
    ]


def report(count: int) -> dict[str, Any]:
    """Seconds of ruling on everybody and of the report, and the process's peak memory."""
    zh, en, _ = texts(count)
    people = _people()

    def told(text: str, words: str, side: int) -> str:
        pieces = text.split("\n\n")
        return "\n\n".join(
            words.format(people[i // 2 % len(people)][side]) + p if p and i % 2 == 0 else p for i, p in enumerate(pieces)
        )

    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "case"
        for name, text, of in (("zh", told(zh, "{}说：", 0), ""), ("en", told(en, "{} said: ", 1), "zh")):
            (Path(folder) / f"{name}.md").write_text(text, "utf-8")
            forebear.case_add(
                case, Path(folder) / f"{name}.md", language=name, id=name, of=of, title="Speed",
                role="translation" if of else "original", trust_language=True,
            )  # fmt: skip
        forebear.case_align(case)
        start = time.process_time()
        forebear.case_names(case, all_private=True)
        ruled = time.process_time()
        document = forebear.case_report(case)
        made = time.process_time()
    share = sum(m["values"]["share"] for m in document["limits"] if m["key"] == "case_withheld.words")
    return {
        "people": len(people), "withheld": round(share, 4),
        "processor_seconds": {"names": round(ruled - start, 2), "all": round(made - ruled, 2)},
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "bars": {"seconds": 60, "megabytes": 1024}, "segments": count, "seed": SEED, "tool": __version__,
    }  # fmt: skip


def main() -> int:
    """Parse, measure, write; 1 when a bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=10_000)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    result = report(given.segments) if given.report else measure(given.segments)
    text = json.dumps(result, indent=1, sort_keys=True) + "\n"
    print(text)
    if given.output:
        given.output.write_text(text, "utf-8")
    return int(result["processor_seconds"]["all"] > 60 or result["peak_megabytes"] > 1024)


if __name__ == "__main__":
    raise SystemExit(main())
