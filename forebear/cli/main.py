"""The command line: parse, call the library, show. The one place that prints and exits (STYLE 6, 7)."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from forebear.cli.signals import stop_at_signals
from forebear.cli.streams import prepare_streams
from forebear.core.errors import ForebearError, printable
from forebear.core.threads import start_with_one

PACKAGE = Path(__file__).resolve().parents[1]


def main() -> NoReturn:
    """Run the command line; every way out has its exit code (docs/reference.md#exit-codes), and none shows a traceback."""
    stop_at_signals()
    gc.set_threshold(200_000)  # imports make many objects and no rubbish; looking for it every 700 costs a tenth
    prepare_streams()
    code = guarded(lambda: run(sys.argv[1:]))
    gc.freeze()  # the process ends: its last objects need not be looked through for rubbish, twice, on the way out
    sys.exit(code)


def run(arguments: list[str]) -> Any:
    """Do what is asked."""
    start_with_one()
    from forebear.cli.application import app

    return app(arguments, prog_name="forebear", standalone_mode=False)


def guarded(run: Callable[[], Any]) -> int:
    """The exit code of a call: 0 done, 1 expectation not met, 2 usage, 3 input refused, 4 a fault of ours."""
    try:
        code = run()
        if sys.stdout is not None:
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except ForebearError as error:
        print(f"forebear: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return interrupted()
    except SystemExit as ended:
        # the parser ends the process after completions (0), for a shell it does not know, and with 1 for a broken pipe;
        # standard output never breaks (streams.py), so that is another error
        if ended.__context__ is not None:
            return fault(ended.__context__)
        return 2 if ended.code else 0
    except Exception as error:  # noqa: BLE001 what is not known is said as a fault of ours
        code = known(error)
        return fault(error) if code is None else code


def fault(error: BaseException) -> int:
    """Say that the fault is ours; FOREBEAR_DEBUG shows where."""
    if os.environ.get("FOREBEAR_DEBUG"):
        raise error
    print(
        f"forebear: a fault of ours ({type(error).__name__}: {one_line(str(error))}). Set FOREBEAR_DEBUG=1 for the "
        "traceback and report it, please.",
        file=sys.stderr,
    )
    return 4


def known(error: Exception) -> int | None:
    """The exit code of what the parser raises, and of what the system refuses about a file that was named; None for any
    other error, and for a file of this package: that one nobody named."""
    parser = sys.modules.get("typer")  # not loaded for a plain call
    if parser is not None and isinstance(error, parser.Exit):
        return int(error.exit_code)
    if parser is not None and isinstance(error, parser.Abort):
        return interrupted()
    wrong_words = getattr(error, "format_message", None)  # the parser's own errors, whichever click typer brings
    if wrong_words is not None:
        said = one_line(str(wrong_words()))
        stop = "" if said.endswith((".", "?", "!")) else "."
        print(f"forebear: {said}{stop}{_library_of(error)} See {_command_of(error)} --help.", file=sys.stderr)
        return 2
    if isinstance(error, OSError) and isinstance(error.filename, (str, bytes)) and "FOREBEAR_DEBUG" not in os.environ:
        from forebear.core.bounded import refuse_os_error

        path = Path(os.fsdecode(error.filename))
        if PACKAGE in path.parents:
            return None
        refused = refuse_os_error(error, path)
        print(f"forebear: {refused}", file=sys.stderr)
        return refused.exit_code
    return None


def _library_of(error: Exception) -> str:
    """Where a library may have been given as a plain argument: the option that it is given by."""
    context = getattr(error, "ctx", None)
    command = getattr(context, "command", None)
    options = {option for parameter in getattr(command, "params", ()) for option in parameter.opts}
    beyond = "extra argument" in str(getattr(error, "message", ""))
    return " A library is given by --library FOLDER." if beyond and "--library" in options else ""


def _command_of(error: Exception) -> str:
    """The command whose words the parser did not take: `forebear case add`."""
    context = getattr(error, "ctx", None)
    return one_line(str(context.command_path)) if context is not None else "forebear"


def interrupted() -> int:
    """Say so; the exit code that shells give it."""
    print("forebear: interrupted", file=sys.stderr)
    return 130


def one_line(text: str) -> str:
    """An exception's text as one printable line."""
    return printable(" ".join(text.split()), 300)


if __name__ == "__main__":
    main()
