# Every recipe starts from nothing: the environment is made, or brought up to date, before it runs.
set shell := ["bash", "-euo", "pipefail", "-c"]
# Recipes that pass words on do so by "$@": `just test -k "a or b"` gives pytest two words, and not four.
set positional-arguments

# Modules are compiled once, also where the machine says otherwise: else each of the hundred processes of a test run does it.
export PYTHONDONTWRITEBYTECODE := ""

bin := justfile_directory() / ".venv/bin"

# Show the recipes.
default:
    @{{ just_executable() }} --list --justfile {{ justfile() }}

# Make .venv from the lock. Only when the lock or pyproject.toml changed: a sync takes the app away for a moment.
[private]
environment:
    @stamp=$(cat pyproject.toml requirements-dev.lock | cksum); \
    if [ "$(cat .venv/.stamp 2>/dev/null)" != "$stamp" ]; then \
        if [ -d .venv ]; then echo "Bringing .venv up to date ..." >&2; \
        else echo "Setting up .venv: a minute or two the first time, for the downloads ..." >&2; fi; \
        uv venv --quiet --allow-existing .venv; \
        uv pip sync --quiet --python .venv --require-hashes requirements-dev.lock; \
        uv pip install --quiet --python .venv --no-deps --no-build-isolation --editable .; \
        echo "$stamp" > .venv/.stamp; \
    fi

# Serve the API. Without DATABASE_URL on an embedded PostgreSQL in ./var.
serve *options: environment
    @exec {{ bin }}/holdfast serve "$@"

# Bring the database's schema up to date.
migrate: environment
    @{{ bin }}/holdfast migrate up

# Take the newest migration back.
rollback: environment
    @{{ bin }}/holdfast migrate down

# Which migrations are applied, which are pending.
status: environment
    @{{ bin }}/holdfast migrate status

# Make an empty migration file.
new-migration name: environment
    @{{ bin }}/dbmate --migrations-dir db/migrations new "$1"

# Run the tests, or some of them: just test tests/test_tasks.py, just test -k "etag or cursor"
test *arguments: environment
    @{{ bin }}/pytest "$@" || { failed=$?; [ "$failed $#" = "1 0" ] || exit "$failed"; \
        echo "Again, each by itself: what passes now is unsteady, and wants to be mended as well." >&2; \
        {{ bin }}/pytest --last-failed --last-failed-no-failures none -n 0 --maxfail 1 -v; }

# Everything that is checked besides the tests: style, types, imports, SQL, migrations, schema drift.
check: environment
    {{ bin }}/ruff check .
    {{ bin }}/ruff format --check .
    {{ bin }}/mypy
    {{ bin }}/lint-imports
    {{ bin }}/squawk --config .squawk.toml db/migrations/*.sql
    {{ bin }}/pytest -n 2 tests/test_sql.py tests/test_written.py tests/test_migrations.py

# Measure Holdfast against its peers, into bench/results/: just bench, just bench --quick, just bench --check
bench *options: environment bench-environment
    @JUST="{{ just_executable() }}" {{ bin }}/python -m bench.run "$@"

# Measure an import of a million rows beside a COPY of them, and a smaller one beside a loop of inserts.
bench-imports *options: environment
    @{{ bin }}/python -m bench.imports "$@"

# Offer half to four times as many requests as can be answered: just bench-overload, --keep writes it into bench/results/.
bench-overload *options: environment
    @{{ bin }}/python -m bench.overload "$@"

# Measure ten million rows beside a hundred thousand, 30 GB and an hour: just bench-growth --folder /var/tmp/growth --once --keep
bench-growth *options: environment
    @{{ bin }}/python -m bench.growth "$@"

# Break it on purpose, under load, and look whether anything was lost: just chaos, just chaos --short, just chaos disk-full
chaos *arguments: environment
    @{{ bin }}/python -m chaos.run "$@"

# Load it for half an hour, and look whether memory, connections and latencies stay as they are: just soak --minutes 30
soak *options: environment
    @{{ bin }}/python -m chaos.soak "$@"

# Where the CPU time of a request goes, step by step.
profile *options: environment bench-environment
    @{{ bin }}/python -m bench.profile "$@"

# What the measurements need: the peers' environments and wrk. Without Node its peer is left out.
[private]
bench-environment:
    @stamp=$(cksum < bench/requirements.lock); \
    if [ "$(cat .venv-bench/.stamp 2>/dev/null)" != "$stamp" ]; then \
        uv venv --quiet --allow-existing .venv-bench; \
        uv pip sync --quiet --python .venv-bench --require-hashes bench/requirements.lock; \
        echo "$stamp" > .venv-bench/.stamp; \
    fi
    @stamp=$(cksum < bench/peer-node/package-lock.json); installed=bench/peer-node/node_modules; \
    if command -v node npm > /dev/null && [ "$(cat $installed/.stamp 2>/dev/null)" != "$stamp" ]; then \
        if npm ci --prefix bench/peer-node --no-audit --no-fund --loglevel=error; then \
            echo "$stamp" > $installed/.stamp; \
        else \
            rm -rf $installed; echo "bench: npm could not install the Node peer; it is left out" >&2; \
        fi; \
    fi
    @if ! command -v wrk > /dev/null; then \
        if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
            apt-get install -y -qq wrk > /dev/null || { apt-get update -qq && apt-get install -y -qq wrk > /dev/null; }; \
        else \
            echo "bench: wrk is missing. Install it first: apt-get install wrk, dnf install wrk, brew install wrk" >&2; \
            exit 1; \
        fi; \
    fi

# Put the code in the house's form, and say what only a hand can mend.
format: environment
    {{ bin }}/ruff check --fix-only .
    {{ bin }}/ruff format .
    {{ bin }}/ruff check .

# Write db/schema.sql anew from the migrations.
schema: environment
    {{ bin }}/python -m tests.write_schema

# Build the container image with podman, docker or buildah, whichever is there, and say how large it is.
container *options:
    @engine=$(type -P podman docker buildah | head -1 || true); \
    [ -n "$engine" ] || { echo "There is none of podman, docker and buildah: install one." >&2; exit 1; }; \
    BUILDAH_FORMAT=docker "$engine" build --file Containerfile --tag holdfast "$@" .; \
    "$engine" images holdfast

# Write the locks anew from pyproject.toml.
lock:
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url \
        pyproject.toml --output-file requirements.lock
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url \
        --extra embedded --extra otel --group dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url \
        bench/requirements.in --output-file bench/requirements.lock
