"""The commands, each made of a public verb: its signature gives arguments and options, its docstring their help."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from forebear import api
from forebear.api.document import typed
from forebear.cli.forms import (
    Language,
    check_extent,
    check_folder,
    check_new,
    check_target,
    form_of,
    show,
    show_figures,
    tell,
)
from forebear.cli.progress import Progress
from forebear.core.errors import ForebearError
from forebear.core.natural import as_meant
from forebear.core.progress import listening
from forebear.reports.show import FIGURES as DRAWN
from forebear.reports.show import forms_of
from forebear.version import __version__

SHOWING = {
    "output": (Annotated[Path, typer.Option("-o", "--output", callback=check_target,
                                            help="Write the result to this file instead of stdout.")], None),
    "quiet": (Annotated[bool, typer.Option("--quiet", help="No progress and no notes on stderr.")], False),
    "language": (Annotated[Language, typer.Option("--language", help="Language of text and pages; JSON stays English.")],
                 Language.en),
}  # fmt: skip
"""Options of the command line alone: how a result is shown; before them, in which of the forms there are."""
FORM = typer.Option("--format", help="How to show the result; when not given, as the ending of -o says, else text.")
FIGURES = (Annotated[Path, typer.Option("--figures", help="Write the figures of the page into this folder: SVG, and PNG where "
                                                          "the extra [png] is installed.")], None)  # fmt: skip
BRIEF = (Annotated[bool, typer.Option("--brief", help="The conclusion alone, as text.")], False)
DETAIL = (Annotated[bool, typer.Option("--detail", help="Text with the evidence of every pair, where there are several.")], False)
DETAILED = {"compare", "demo"}
"""Verbs whose text is an overview where there are several pairs."""
MORE = " May be given several times."
"""Behind the help of options that take one word a time."""
EXPECTING = (api.compare, api.verify, api.attest_verify)
"""Verbs that are asked with an expectation: their document is shown whatever was expected."""
SILENT = {"case_add"}
"""Verbs whose option --language is something else than that of the reader."""
ABOUT = "Find what a language model descends from, with figures whose false-positive rate is known."
GROUPS = {
    "tokenizers": "What a vocabulary costs, and where it comes from.",
    "case": "Case files: testimony, translations, claims and tests.",
    "attest": "Show that a model is from scratch: a commitment, a chain of checkpoints, what they prove.",
    "library": "One model against everything known: small prints, search among them, and their tree.",
}
DEMO = """Demo: `descendant` was made from `base` (further training, two layers put in); `independent` only has its shape and data.
"""
PRIVATE = "forebear: PRIVATE: this seal holds the sources and every name in them; keep it"
_ENTRY = re.compile(r"(\w+): +(.*)")
_VALUE = re.compile(r"\w+(?:[.-]\w+)+|\w+, (?!where)|\w+ \(the |\"|`")
"""A first word that is a value or the first of several, and stays as it is typed: `config.json`, `original,`."""
_CALL = re.compile(rf"`({'|'.join(GROUPS)})_(\w+)`")
_SWITCH = re.compile(r"`(\w+)=True`")
_SCHEMA = re.compile(r"forebear/[a-z-]+/\d+")


def verbs() -> dict[str, Callable[..., Any]]:
    """The public verbs by name: `compare`, or `case_add` for the command `case add`."""
    return {name: verb for name, verb in vars(api).items() if inspect.isfunction(verb) and not name.startswith("_")}


def described(verb: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """What a docstring says of the verb, and of each parameter: a line `name: text` and the lines set in below it."""
    about, _, rest = (inspect.getdoc(verb) or "").partition("\n\n")
    found: dict[str, str] = {}
    name = ""
    for line in rest.splitlines():
        entry = _ENTRY.fullmatch(line)
        if entry:
            name = entry[1]
            found[name] = entry[2] if _VALUE.match(entry[2]) else entry[2][:1].upper() + entry[2][1:]
        elif name and line.startswith(" "):
            found[name] += f" {line.strip()}"
        else:
            name = ""
    return _as_typed(about), {name: _as_typed(text) for name, text in found.items()}


def _as_typed(text: str) -> str:
    """A docstring's words for Python as they are typed: `case_check` is the command `case check`, `all=True` the option --all."""
    text = _CALL.sub(lambda call: f"`{call[1]} {call[2].replace('_', '-')}`", text)
    return _SWITCH.sub(lambda option: f"`--{option[1].replace('_', '-')}`", text)


def forms_for(verb: Callable[..., Any]) -> Any:
    """The formats that there are of the documents which a verb's docstring names."""
    found = dict.fromkeys(form for schema in _schemas(verb) for form in forms_of(schema))
    return StrEnum("Form", {form.replace("-", "_"): form for form in found})


def _schemas(verb: Callable[..., Any]) -> list[str]:
    """The kinds of documents that a verb's docstring names."""
    return _SCHEMA.findall(inspect.getdoc(verb) or "")


def words_of(verb: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a verb as the command line takes them, then those of showing its result."""
    helps = described(verb)[1]
    found = {}
    for name, parameter in inspect.signature(verb).parameters.items():
        flag = [f"--{name.replace('_', '-')}"] if parameter.annotation == "bool" else []  # without its --no-
        named = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        more = MORE if named and "Sequence" in parameter.annotation else ""
        word = typer.Option(*flag, help=helps[name] + more) if named else typer.Argument(help=helps[name])
        found[name] = (
            Annotated[_kind(parameter.annotation), word],
            None if parameter.default == () else parameter.default,
        )
    shown: dict[str, Any] = {"form": (Annotated[forms_for(verb), FORM], None)}
    shown |= {name: how for name, how in SHOWING.items() if name != "language" or verb.__name__ not in SILENT}
    shown |= {"figures": FIGURES} if any(schema in DRAWN for schema in _schemas(verb)) else {}
    shown["brief"] = BRIEF
    shown |= {"detail": DETAIL} if verb.__name__ in DETAILED else {}
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, (kind, default) in {**found, **shown}.items()
    ]


def _kind(stated: str) -> Any:
    """What a word of a call is read as, for the type that a verb states: numbers that may also be words stay words."""
    plain: dict[str, Any] = {"bool": bool, "int": int, "float | None": float}
    if stated in plain:
        return plain[stated]
    kind = Path if "Path" in stated else str
    return list[kind] if "Sequence" in stated else kind  # type: ignore[valid-type]


def command(verb: Callable[..., Any]) -> Callable[..., None]:
    """What runs a verb with the words of a call, and shows its document."""

    offered = [form.value for form in forms_for(verb)]

    def run(form: StrEnum | None, output: Path | None, quiet: bool, **given: Any) -> None:
        extent = {name: given.pop(name, False) for name in ("brief", "detail")}
        written = form.value if form is not None else form_of(output, offered)
        check_extent(extent, written)
        language = Language.en if verb.__name__ in SILENT else given.pop("language")
        check_folder(figures := given.pop("figures", None))
        if verb in (api.case_report, api.verify):
            given["language"] = language.value
        if verb is api.attest_commit:
            check_new(output)
        try:
            with typed(), nullcontext() if quiet else Progress() as shown, listening(shown) if shown else nullcontext():
                document = verb(**{name: as_meant(value) for name, value in given.items() if value is not None})
        except ForebearError as error:
            if verb in EXPECTING and error.document is not None:  # it is whole; only what was expected failed
                show(error.document, written, output, language, **extent)
                show_figures(error.document, figures, language)
            raise
        if verb is api.demo and not quiet:
            print(DEMO, file=sys.stderr)
        if verb is api.case_report:
            _refuse_names(document, written, output, given["folder"], language)
        terminal = sys.stdout is not None and sys.stdout.isatty()
        told = terminal and written == "text" and output is None  # a terminal shows it as a limit
        if verb is api.case_seal and document["private"] and not told:
            print(PRIVATE, file=sys.stderr)
        show(document, written, output, language, **extent)
        show_figures(document, figures, language)
        if not quiet:
            tell(document, output, language)

    words = words_of(verb)
    run.__dict__["__signature__"] = inspect.Signature(words)
    run.__annotations__ = {word.name: word.annotation for word in words}
    return run


def _refuse_names(
    document: Mapping[str, Any], form: str, output: Path | None, folder: Path, language: Language
) -> None:
    """Look at the page itself, before it is shown: no hidden name stands in it, and none that nobody ruled on."""
    from forebear.casefile.verbs import refuse_names
    from forebear.reports.cases.first import every_word
    from forebear.reports.show import rendered

    shown = {output.name if output else "the report": rendered(document, form, language.value)}
    refuse_names(folder, shown, every_word())


def alone(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Without a command: the version, or help."""
    if version:
        print(f"forebear {__version__}")
        raise typer.Exit
    group_alone(context)


def group_alone(context: typer.Context) -> None:
    """Without a command: help."""
    if context.invoked_subcommand is None:
        print(context.get_help())


class Described(Mapping[str, Any]):
    """Commands by name, each described to the parser when it is first asked for: a call asks for one, help for all."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers, self._made = makers, dict[str, Any]()

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


LONGEST = 1000
"""Characters of a sentence in a list of commands: more than any has."""


def _group(name: str | None, about: str, callback: Callable[..., None], commands: Described) -> typer.Typer:
    class Group(TyperGroup):
        def __init__(self, **words: Any) -> None:
            super().__init__(**{**words, "commands": commands})

        def format_commands(self, ctx: Any, formatter: Any) -> None:
            """Each command with its first sentence whole, on as many lines as that takes; by itself the parser cuts it."""
            rows = [(name, self.commands[name].get_short_help_str(LONGEST)) for name in self.list_commands(ctx)]
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    return typer.Typer(
        name=name, cls=Group, help=about, callback=callback, invoke_without_command=True, rich_markup_mode=None,
        pretty_exceptions_enable=False, add_completion=name is None, context_settings={"help_option_names": ["-h", "--help"]},
    )  # fmt: skip


def _inner(name: str, commands: Described) -> Any:
    return typer.main.get_command(_group(name, GROUPS[name], group_alone, commands))


def _single(name: str, verb: Callable[..., Any]) -> Any:
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, help=described(verb)[0])(command(verb))
    return typer.main.get_command(alone)


def made() -> typer.Typer:
    """The application: the program, its groups and their commands."""
    makers: dict[str, dict[str, Callable[[], Any]]] = {"": {}, **{name: {} for name in GROUPS}}
    for name, verb in verbs().items():
        head, _, tail = name.partition("_")
        group, own = (head, tail) if head in GROUPS else ("", name)
        makers[group][own] = partial(_single, own, verb)
    groups = {name: partial(_inner, name, Described(makers[name])) for name in GROUPS}
    return _group(None, ABOUT, alone, Described({**makers[""], **groups}))


app = made()
