"""The command of each generator: `cd tests; python -m sources.council PATH --users 3 --dirt all`."""

import argparse
import inspect
import sys
from collections import Counter
from collections.abc import Callable

from sources.planting import Kinds, Written


def run(write: Callable[..., Written], kinds: Kinds, form: Callable[[argparse.Namespace], str]) -> None:
    """Call `write` with the options of the command line, and say what it wrote.

    Each parameter of `write` with a default is an option. `form` tells which form of the source is asked for: `--dirt all` is
    every kind that this form can hold. What `write` refuses ends the command with its sentence.
    """
    parser = argparse.ArgumentParser(description=inspect.getdoc(write), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("location", help="a path, or the URL of a database")
    for name, parameter in inspect.signature(write).parameters.items():
        option = "--" + name.replace("_", "-")
        if name == "dirt":
            parser.add_argument(option, default="", help=f"all, or some of {', '.join(kinds)}, with commas between")
        elif isinstance(parameter.default, bool):
            parser.add_argument(
                option, action=argparse.BooleanOptionalAction, default=parameter.default, help="default: %(default)s"
            )
        elif parameter.default is not inspect.Parameter.empty:
            parser.add_argument(option, type=type(parameter.default), default=parameter.default, help="default: %(default)s")
    options = parser.parse_args()
    chosen = kinds.of(form(options)) if options.dirt == "all" else [name for name in options.dirt.split(",") if name]
    arguments = vars(options) | {"dirt": {*chosen}}
    try:
        written = write(arguments.pop("location"), **arguments)
    except (FileExistsError, ValueError) as error:
        sys.exit(f"{parser.prog}: {error}")
    print({entity: len(rows) for entity, rows in written.truth.items()})  # noqa: T201 - the command's answer
    for planted in written.planted:
        print(f"{planted.kind}: {planted.fate}: {planted.entity} {planted.key!r} in {planted.place}")  # noqa: T201
    print(dict(Counter(planted.fate for planted in written.planted)))  # noqa: T201
