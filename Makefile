# The commands of the project. `make` alone lists them.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PY := .venv/bin/python
NODE_PATH_PREFIX := $(CURDIR)/worker/node_modules/.bin
export PATH := $(NODE_PATH_PREFIX):$(PATH)
export WRANGLER_SEND_METRICS := false
export CLOUDFLARE_CF_FETCH_ENABLED := false
export NPM_CONFIG_UPDATE_NOTIFIER := false
# Every process of a local stack would else compile the same files anew.
export PYTHONDONTWRITEBYTECODE :=
JSON_FLAG := $(if $(JSON),--json,)
# The unit suites: everything that needs neither the local stack nor a browser.
UNIT := -m "not stack" -n 2 -q --durations=10

# What a tenant lives through at the edge, of the tests that run on the stand-in engine too.
ON_DOCKER := $(patsubst %,tests/contract/test_edge_%.py,tenant_life traffic state managers)

# Where tests on the whole local stack lie.
ON_STACK := $(patsubst %,tests/%,journeys contract browser deploy docker local)

.PHONY: help setup run demo fuzz test test-sqlite test-postgres test-worker test-stack test-docker check format chaos chaos-scale bench contracts examples css \
        screenshots lock test-tools clean deploy smoke

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

setup: .venv/.ready worker/node_modules/.ready  ## install everything that running needs (no root)

.venv/.ready: requirements-dev.txt local/setup/python.sh
	@local/setup/python.sh
	@touch $@

worker/node_modules/.ready: worker/package-lock.json local/setup/node.sh
	@local/setup/node.sh worker
	@touch $@

assets/node_modules/.ready: assets/package-lock.json local/setup/node.sh
	@local/setup/node.sh assets
	@touch $@

# The product's bundle, the one that is deployed.
worker/dist/index.js: worker/node_modules/.ready $(shell find worker/src -name '*.ts' 2>/dev/null)
	@npm --prefix worker run --silent build

run: setup worker/dist/index.js  ## start the whole product here, with a demonstration MSP; Ctrl-C ends it
	@exec $(PY) -m local.stack --root .local

demo: setup worker/dist/index.js  ## the main job from sign-up to deletion on a throw-away stack (JSON=1 for one object)
	@exec $(PY) -m local.demo $(JSON_FLAG)

chaos: setup worker/dist/index.js  ## 200 random kills over 20 tenants (JSON=1, SEED=n)
	@exec $(PY) -m local.chaos --kills 200 $(if $(SEED),--seed $(SEED),) $(JSON_FLAG)

chaos-scale: setup worker/dist/index.js  ## 200 tenants at once while everything is killed in a loop (JSON=1, SEED=n, TENANTS=n, CALM=1)
	@exec $(PY) -m local.chaos.scale $(if $(TENANTS),--tenants $(TENANTS),) $(if $(CALM),--calm,) $(if $(SEED),--seed $(SEED),) $(JSON_FLAG)

bench: setup worker/dist/index.js  ## measure portal and edge against references, in one run (JSON=1, ONLY=P1,P13, PROFILE=1)
	@exec $(PY) -m local.bench $(JSON_FLAG) $(if $(ONLY),--only $(ONLY),) $(if $(PROFILE),--profile,)

fuzz: test-tools  ## what the API's contract allows and does not, generated, as every role (EXAMPLES=n for each operation)
	FUZZ_EXAMPLES=$(or $(EXAMPLES),100) $(PY) -m pytest -n 2 -q tests/isolation/test_fuzz.py

test-tools: setup assets/node_modules/.ready
	@local/setup/test-tools.sh

# The journeys mostly wait, so they run beside the others, which give way to them; Postgres follows them. Their lines come last.
test: LOG ?= .local/test.log
test: test-tools worker/dist/index.js  ## every test: Python on SQLite and Postgres, Worker, journeys, browser
	@mkdir -p -m 700 .local; $(MAKE) --no-print-directory -k test-stack test-postgres >$(LOG) 2>&1 & beside=$$!; \
	trap 'kill $$beside 2>/dev/null' INT TERM; \
	nice $(MAKE) --no-print-directory -k test-sqlite test-worker; others=$$?; \
	wait $$beside; slow=$$?; cat $(LOG); exit $$((others + slow))

test-sqlite: test-tools
	$(PY) -m pytest $(UNIT) tests

test-postgres: test-tools
	TEST_DATABASE=postgres nice $(PY) -m pytest $(UNIT) tests/controlplane tests/organizations tests/billing tests/tenants tests/fleet tests/isolation

test-worker: test-tools
	npm --prefix worker test

# The engine is whatever answers at DOCKER_HOST; its containers play stand-in nodes: docs/local.md says what that proves.
test-docker: setup  ## the edge's node classes on real containers, where a Docker engine answers (Linux)
	@ENGINE=docker $(PY) -m local.docker
	ENGINE=docker $(PY) -m pytest -q --durations=10 tests/docker $(ON_DOCKER)

test-stack: test-tools worker/dist/index.js
	$(PY) -m pytest -m stack -n 2 --dist loadfile --no-loadscope-reorder -q --durations=10 $(ON_STACK)

check: setup assets/node_modules/.ready worker/dist/index.js  ## format, lint, types, import rule, contract and built-CSS drift
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	GARRISON_ENV=test .venv/bin/mypy controlplane organizations billing tenants fleet local deploy
	GARRISON_ENV=test $(PY) manage.py makemigrations --check --dry-run
	GARRISON_ENV=test $(PY) manage.py write_contract --check
	GARRISON_ENV=test $(PY) manage.py write_guides --check
	$(PY) -m pytest -q tests/controlplane/test_import_rule.py
	npm --prefix worker run --silent typecheck
	npm --prefix worker run --silent lint
	npm --prefix worker run --silent contract -- --check
	npm --prefix worker run --silent dry-run
	npm --prefix assets run --silent check
	.venv/bin/shellcheck -x .ci/run local/setup/*.sh tenants/enrollment/installers/files/unix.sh images/*.sh images/*/*.sh deploy/portal/*.sh

format: setup  ## format Python and TypeScript
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .
	npm --prefix worker run --silent format

contracts: setup  ## write contracts/ and the guides of docs/sso/ from the code
	npm --prefix worker run --silent contract
	GARRISON_ENV=test $(PY) manage.py write_contract
	GARRISON_ENV=test $(PY) manage.py write_guides

examples: test-tools  ## record the examples of the API's description anew from real answers
	RECORD_EXAMPLES=1 $(PY) -m pytest -n0 -q tests/examples -k recorded
	@$(MAKE) --no-print-directory contracts

css: assets/node_modules/.ready  ## build the styles
	npm --prefix assets run --silent build

screenshots: test-tools worker/dist/index.js  ## take the pictures of docs/images/ from the running product
	$(PY) -m tests.browser.screenshots

lock: .venv/.ready  ## write the hashed Python lock from pyproject.toml
	.venv/bin/uv lock -q
	.venv/bin/uv export -q --no-header --no-emit-project --no-dev > requirements.txt
	.venv/bin/uv export -q --no-header --no-emit-project > requirements-dev.txt
	@rm uv.lock

# wrangler and its Node are the pinned ones, whatever the machine has.
deploy: setup  ## bring a cell's edge up: make deploy FILE=cell.toml (DRY_RUN=1 prints the plan)
	@test -n "$(FILE)" || { echo "Name the deployment file: make deploy FILE=cell.toml"; exit 2; }
	@$(PY) -m deploy $(FILE) $(if $(DRY_RUN),--dry-run,)

smoke: setup  ## try on a deployment what nobody has confirmed yet: make smoke ARGS="--portal … --help" (never run)
	@$(PY) -m deploy.smoke $(ARGS)

clean:  ## remove what set-up and running made
	rm -rf .venv .local worker/node_modules worker/dist assets/node_modules
