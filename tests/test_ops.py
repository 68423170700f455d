"""What ops/, the image and the README promise to whoever runs the server: every name in them exists, and they agree."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec
import needs
import yaml  # type: ignore[import-untyped]

from app.backups.retention import Keep
from app.database import embedded
from app.database.postgres_programs import binaries_folder
from app.server.cli import main
from app.server.granian_process import DRAIN_WITHIN
from app.settings import PLATFORMS, from_environment

ROOT = Path(__file__).parent.parent
OPS = ROOT / "ops"
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTAINERFILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((OPS / "compose.yaml").read_text(encoding="utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}

OF_OBJECT_STORES = re.compile(r"AWS_[A-Z_]+|GOOGLE_[A-Z_]+|AZURE_[A-Z_]+")
"""Variables that the stores' own libraries read."""


class Asked(dict[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return default


def known_settings() -> set[str]:
    from_environment(asked := Asked())
    # Set by others.
    return asked.names - {*PLATFORMS}


def variables(name: str) -> dict[str, str]:
    """The variables of an example file, those that are commented out included."""
    lines = (OPS / name).read_text(encoding="utf-8").splitlines()
    return dict(re.findall(r"(?m)^#?([A-Z][A-Z_]+)=(.*)$", "\n".join(lines)))


def unit(file: str = "holdfast.service") -> dict[str, list[str]]:
    lines = (OPS / file).read_text(encoding="utf-8").splitlines()
    found: dict[str, list[str]] = {}
    for line in lines:
        name, is_assignment, value = line.partition("=")
        if is_assignment and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def instruction(name: str) -> str:
    """The last instruction of this name in the Containerfile."""
    return str(re.findall(rf"(?m)^{name} (.+)$", CONTAINERFILE)[-1])


def refused(words: list[str]) -> str | None:
    """What is wrong with the words of a `holdfast` command; None if nothing is."""
    command: click.Command = main
    for word in words:
        if isinstance(command, click.Group):
            inner = command.get_command(click.Context(command), word)
            if inner is None:
                return f"{command.name} has no command {word}"
            command = inner
        elif word.startswith("--") and not any(word in [*p.opts, *p.secondary_opts] for p in command.params):
            return f"{command.name} has no option {word}"
    return None


# Names


def test_the_example_of_the_settings_names_settings_only() -> None:
    unknown = [name for name in variables("holdfast.env.example") if name not in known_settings()]
    assert [name for name in unknown if not OF_OBJECT_STORES.fullmatch(name)] == []


def test_the_example_of_all_settings_names_each_with_its_default_and_no_other() -> None:
    example = variables("../.env.example")
    assert {*example} == known_settings()
    defaults = from_environment({})
    assert from_environment(example) == defaults
    # A line without a value says that there is none.
    without = [value for value in msgspec.structs.astuple(defaults) if value in {None, ()}]
    assert len([name for name, value in example.items() if not value]) == len(without)


def test_the_example_of_all_settings_does_in_a_shell_what_it_does_by_itself() -> None:
    text = re.sub(r"(?m)^#(?=[A-Z_]+=)", "", (ROOT / ".env.example").read_text(encoding="utf-8"))
    shell = subprocess.run(
        ["sh", "-c", "set -a; . /dev/stdin; set +a; env -0"], input=text, env={}, capture_output=True, text=True, check=True
    )
    assert from_environment(dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)) == from_environment({})


def test_the_readme_lists_every_setting_and_no_other() -> None:
    table = README.partition("### Settings")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])} == known_settings()


def test_every_holdfast_command_in_the_readme_exists() -> None:
    code = "\n".join(block or span for block, span in re.findall(r"(?s)```sh\n(.*?)```|```\w+\n.*?```|`([^`]+)`", README))
    commands = re.findall(r"\bholdfast ((?!holdfast)[a-z][a-z-]*(?: [a-z-]+)*)", code)
    assert {"serve", "migrate up", "users role ada"} <= {*commands}
    assert [problem for command in commands if (problem := refused(command.split()))] == []


def test_every_file_of_ops_that_the_readme_uses_is_there() -> None:
    used = set(re.findall(r"\bops/[\w./-]*\w", README)) - {"ops/holdfast.env", "ops/postgres.env"}
    assert len(used) > 3
    assert [name for name in sorted(used) if not (ROOT / name).is_file()] == []


# Compose and the image


def test_compose_runs_the_image_with_commands_that_exist() -> None:
    entrypoint = json.loads(instruction("ENTRYPOINT"))
    assert entrypoint == ["holdfast"]
    assert sorted(OURS) == ["holdfast", "migrate"]
    for service in OURS.values():
        assert (OPS / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == ROOT / "Containerfile"
        words = service.get("command") or json.loads(instruction("CMD"))
        assert "entrypoint" not in service
        assert refused(words) is None
        # Examples of files that are made by hand.
        assert (OPS / f"{service['env_file']}.example").is_file()


def test_a_container_of_ours_may_do_no_more_than_it_must() -> None:
    for name, service in OURS.items():
        assert service["user"] == instruction("USER"), name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["tmpfs"] == "/tmp", name
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert published == [f"127.0.0.1:8000:{instruction('EXPOSE')}"]


def test_what_is_migrated_is_migrated_before_it_is_served() -> None:
    services = COMPOSE["services"]
    order = {name: service.get("depends_on", {}) for name, service in services.items()}
    assert order == {
        "postgres": {},
        "role": {"postgres": {"condition": "service_healthy"}},
        "migrate": {"role": {"condition": "service_completed_successfully"}},
        "holdfast": {"migrate": {"condition": "service_completed_successfully"}},
    }


def test_files_lie_in_the_same_folder_by_compose_by_systemd_and_in_the_image() -> None:
    folder = variables("holdfast.env.example")["HOLDFAST_DATA"]
    assert f" HOLDFAST_DATA={folder}" in instruction("ENV")
    assert re.search(rf"(?m)^RUN install --directory --owner=10001 --group=10001 --mode=0700 {folder}$", CONTAINERFILE)
    assert OURS["holdfast"]["volumes"] == [f"files:{folder}"]
    assert folder == f"/var/lib/{unit()['StateDirectory'][0]}"


def test_whoever_stops_the_server_waits_for_the_requests_in_flight() -> None:
    assert seconds(OURS["holdfast"]["stop_grace_period"]) > DRAIN_WITHIN + 5
    assert seconds(unit()["TimeoutStopSec"][0]) > DRAIN_WITHIN + 5


# systemd


def test_the_unit_runs_a_command_that_exists_where_the_readme_puts_it() -> None:
    program, *words = unit()["ExecStart"][0].split()
    assert f"UV_TOOL_BIN_DIR={Path(program).parent} " in README
    assert Path(program).name == "holdfast"
    assert refused(words) is None
    assert unit()["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    settings, of_the_server = unit()["EnvironmentFile"]
    assert f"/dev/stdin {settings}\n" in README
    assert f"/dev/stdin {of_the_server.removeprefix('-')}\n" in README


def test_the_backup_runs_a_command_that_exists_as_the_user_whose_files_it_copies() -> None:
    backup = unit("holdfast-backup.service")
    program, *words = backup["ExecStart"][0].split()
    assert program == unit()["ExecStart"][0].split()[0]
    assert refused(words[:1]) is None
    Keep.of(words[words.index("--keep") + 1])
    # As the owner of the tables: the server's role may not make the database into which a backup is restored.
    assert backup["EnvironmentFile"] == unit()["EnvironmentFile"][:1]
    # A dynamic user is named after its unit, and owns the folders of its units.
    assert backup["User"] == ["holdfast"]
    files, backups = backup["StateDirectory"][0].split()
    assert [files] == unit()["StateDirectory"]
    assert variables("holdfast.env.example")["BACKUP_URL"] == f"file:///var/lib/{backups}"
    assert backup["Environment"] == [f"TMPDIR=/var/cache/{backup['CacheDirectory'][0]}"]
    # What the service may not do, the backup may not either; but for @resources: it gives way to the server by nice.
    assert {*unit()["SystemCallFilter"][1].split()} - {*backup["SystemCallFilter"][1].split()} == {"@resources"}
    same = [name for name in unit() if name.startswith(("Protect", "Private", "Restrict", "NoNew", "Capability", "Memory"))]
    assert {name: backup[name] for name in same} == {name: unit()[name] for name in same}


@needs.systemd
def test_systemd_understands_every_line_of_the_units(tmp_path: Path) -> None:
    # Where the command is here: that it can be run is checked too.
    here = Path(sys.executable).with_name("holdfast")
    names = ["holdfast.service", "holdfast-backup.service", "holdfast-backup.timer"]
    for name in names:
        text = (OPS / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/usr/local/bin/holdfast", str(here)), encoding="utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / name) for name in names)], capture_output=True, text=True, check=False
    )
    # Other units of the machine may have flaws of their own.
    assert [line for line in verified.stderr.splitlines() if "holdfast" in line] == []


# PostgreSQL


def test_the_role_owns_its_database_and_nothing_else_and_gets_its_password_anew(tmp_path: Path) -> None:
    server = embedded.start(tmp_path, durable=False)
    try:
        # The embedded server's own role is called holdfast, and is its superuser.
        sql = (OPS / "role.sql").read_text(encoding="utf-8").replace("holdfast", "another")

        def psql(*words: str, given: str = "", **variables: str) -> str:
            sockets = httpx.URL(server.url).params["host"]
            return subprocess.run(
                [str(binaries_folder() / "psql"), "-XAt", f"--host={sockets}", "--port=5432", "--username=holdfast", *words],
                env=os.environ | variables,
                input=given,
                capture_output=True,
                text=True,
                check=True,
            ).stdout

        password = "select rolpassword from pg_authid where rolname = 'another'"
        psql("--dbname=postgres", given=sql, HOLDFAST_PASSWORD="it's one")
        first = psql("--dbname=postgres", "--command", password)
        assert first.startswith("SCRAM-SHA-256")
        psql("--dbname=postgres", given=sql, HOLDFAST_PASSWORD="another")
        assert psql("--dbname=postgres", "--command", password) not in {first, "\n"}
        rights = "select rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
        assert psql("--dbname=postgres", "--command", f"{rights} from pg_roles where rolname = 'another'") == "t|f|f|f|f|f\n"
        owned = "select datname, pg_encoding_to_char(encoding) from pg_database where pg_get_userbyid(datdba) = 'another'"
        assert psql("--dbname=postgres", "--command", owned) == "another|UTF8\n"
    finally:
        server.stop()
