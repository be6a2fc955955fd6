# Accord's commands. `make run` and `make test` set up everything they need; nothing else has to be installed first.
.DEFAULT_GOAL := help
.PHONY: help setup run test demo audit real train model-card lint bench exact contacts pages reviewed tampering hostile build deploy lock glyphs holidays clean
SHELL := /bin/bash

PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Or else uv would install into whatever environment the shell has activated.
export VIRTUAL_ENV := $(CURDIR)/.venv
export PYTHONPATH := $(CURDIR)/layers/domain:$(CURDIR)/layers/documents:$(CURDIR)
export SAM_CLI_TELEMETRY := 0
# uv and npm want a cache in the home directory; where nothing can be written there, it lies with the rest.
ifneq ($(shell test -w "$$HOME" && echo writable),writable)
export UV_CACHE_DIR ?= $(CURDIR)/.venv/.cache/uv
export npm_config_cache ?= $(CURDIR)/.venv/.cache/npm
endif
# What the shell has set for AWS would lead past the local stack; moto reads it as soon as it is imported. Bytecode is
# kept: without it every process compiles everything anew, and the tests have several.
LOCALLY := env -u AWS_PROFILE -u AWS_DEFAULT_PROFILE -u AWS_ENDPOINT_URL -u PYTHONDONTWRITEBYTECODE

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# --- set-up: each stamp is as new as the lock file it installed ------------------------------------------------

.venv/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Accord needs Python 3.11 or newer; $(PYTHON) is missing or older. Try: make PYTHON=python3.13 run"; exit 1; }
	@echo "setting up: a virtual environment in .venv"
	@$(PYTHON) -m venv .venv || \
		{ echo "Python cannot make virtual environments here. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt || \
		{ echo "The Python packages could not be fetched. Accord needs the network, or a mirror that pip knows, once."; exit 1; }
	@touch $@

.venv/.packages: .venv/.uv requirements/dev.txt
	@echo "setting up: Python packages"
	@$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode requirements/dev.txt
	@touch $@

.venv/.npm: .venv/.packages package-lock.json requirements/node.txt
	@echo "setting up: fonts and the state machine validator (npm)"
	@command -v npm >/dev/null || $(BIN)/uv pip install --quiet --require-hashes -r requirements/node.txt
	@npm ci --silent --no-audit --no-fund --ignore-scripts || \
		{ echo "The npm packages could not be fetched. Accord needs the network, or a mirror that npm knows, once."; exit 1; }
	@touch $@

.venv/.fonts: .venv/.npm infra/setup/fonts.py layers/domain/accord/glyphs.json
	@$(BIN)/python -m infra.setup.fonts
	@touch $@

.venv/.browser: .venv/.packages infra/setup/browser.py
	@$(BIN)/python -m infra.setup.browser
	@touch $@

.venv/bin/accord: .venv/.packages infra/command/accord.sh
	@install -m 755 infra/command/accord.sh $@

setup: .venv/.packages .venv/.npm .venv/.fonts .venv/bin/accord

# --- everyday -------------------------------------------------------------------------------------------------

run: setup ## the whole application on this machine, with a sample portfolio; Ctrl-C ends it
	@$(LOCALLY) $(BIN)/python -m infra.local

test: setup .venv/.browser ## all tests
	@$(LOCALLY) $(BIN)/pytest -n auto --dist loadgroup -q

demo: setup ## one case from overdue event to active plan, as a timeline; the exit status tells
	@$(LOCALLY) $(BIN)/python -m infra.demo

audit: setup ## check a case's chain of events while `make run` is up: make audit CASE=its-id
	@test -n "$(CASE)" || { echo "Which case? make audit CASE=its-id; the page of executions lists the ids"; exit 2; }
	@$(LOCALLY) AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=ap-southeast-1 \
		$(BIN)/python -m accord.audit verify "$(CASE)" --stack accord-local \
		--endpoint-url "http://127.0.0.1:$(or $(ACCORD_AWS_PORT),4566)"

real: setup ## real accounts through the local stack: make real DATA=file.csv.gz [ROWS=300]
	@test -n "$(DATA)" || { echo "Which accounts? make real DATA=file.csv.gz"; exit 2; }
	@$(LOCALLY) $(BIN)/python -m infra.data.run_real --source "$(DATA)" --rows $(or $(ROWS),300)

train: setup ## train the early-warning card and ship it if it is no worse: make train DATA=file.csv.gz [FORCE=1]
	@test -n "$(DATA)" || { echo "Which accounts? make train DATA=file.csv.gz"; exit 2; }
	@$(BIN)/python -m infra.training.train "$(DATA)" $(if $(FORCE),--force)

model-card: setup ## measure everything in docs/model-card.md again: make model-card DATA=file.csv.gz
	@test -n "$(DATA)" || { echo "Which accounts? make model-card DATA=file.csv.gz"; exit 2; }
	@$(BIN)/python -m infra.training.model_card "$(DATA)"

lint: setup ## style, types, template, state machines
	@ruff check . && ruff format --check .
	@mypy layers/domain/accord layers/documents/accord_documents
	@lint-imports --no-logo
	@cfn-lint template.yaml --regions us-east-1 cn-north-1
	@cfn-lint infra/mail-events.yaml --regions us-east-1 eu-central-1 ap-southeast-1
	@sam validate --lint --template template.yaml --region us-east-1

bench: setup ## numbers of speed, measured
	@$(LOCALLY) $(BIN)/pytest tests/benchmarks --benchmark-only --benchmark-columns=min,median,max,rounds -q

exact: setup ## the rules of money against a slow exact oracle, on random cases: make exact [CASES=1000000] [SEED=1]
	@$(LOCALLY) $(BIN)/python tests/exact.py --cases $(or $(CASES),1000000) --seed $(or $(SEED),1)

pages: setup ## axe on every page and state of the customer pages, each in both languages, light and dark
	@$(LOCALLY) AXE_IN_EVERY_LANGUAGE=yes $(BIN)/pytest tests/browser/test_every_page.py -q

contacts: setup ## the contact gate against a slow oracle, on random histories: make contacts [CASES=100000] [SEED=1]
	@$(LOCALLY) $(BIN)/python tests/histories.py --cases $(or $(CASES),100000) --seed $(or $(SEED),1)

tampering: setup ## evidence altered by chance, and found out: make tampering [CASES=10000] [SEED=1]
	@$(LOCALLY) $(BIN)/python tests/tampering.py --cases $(or $(CASES),10000) --seed $(or $(SEED),1)

hostile: setup ## hostile requests against every page: make hostile [CASES=10000] [SEED=1]
	@$(LOCALLY) $(BIN)/python tests/hostile.py --cases $(or $(CASES),10000) --seed $(or $(SEED),1)

# --- deploying ------------------------------------------------------------------------------------------------

build: setup ## what is deployed, built for arm64 without Docker
	@sam build --template template.yaml

deploy: build ## build and deploy: make deploy ENV=dev (see samconfig.toml)
	@sam deploy --config-env $(or $(ENV),dev)

# --- upkeep ---------------------------------------------------------------------------------------------------

COMPILE := uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate
# Pillow serves pikepdf's pictures alone, and the documents have none that it makes.
lock: .venv/.packages ## choose new versions and lock them with hashes (UPGRADE=1 takes the newest)
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --python-version 3.11 requirements/uv.in -o requirements/uv.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --python-version 3.11 requirements/node.in -o requirements/node.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --python-version 3.11 requirements/dev.in -o requirements/dev.txt
	@for layer in domain documents; do \
		$(COMPILE) --python-version 3.13 -c requirements/dev.txt --no-emit-package pillow layers/$$layer/requirements.in \
			-o layers/$$layer/requirements.txt; done

holidays: setup ## write the table of public holidays again, for instance when a government has announced the next year's
	@$(LOCALLY) $(BIN)/python -m infra.setup.holidays

reviewed: setup ## enter the texts to customers into the register of what was reviewed, after a review
	@$(LOCALLY) $(BIN)/python -m infra.reviews

glyphs: .venv/.npm ## write the table of what the documents can draw, after a change of their fonts
	@$(BIN)/python -m infra.setup.fonts table

clean: ## remove everything that can be made again
	@rm -rf .venv .aws-sam node_modules layers/documents/fonts .pytest_cache .mypy_cache .ruff_cache .hypothesis
