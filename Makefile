# Two commands matter: `make demo` and `make test`. Each sets up all it needs in .venv first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
DEMO_HOME ?= demo-home
PLATFORM ?= lendingclub

.PHONY: help setup pictures demo test wheel distributed torture mutation lint types imports unit real dags spark e2e docs docs-outputs notebook site check coverage lock lock-deploy lock-mlflow bounds bench bench-binning bench-scoring bench-serving bench-airflow lock-bench

help:
	@echo "make demo                      the whole loop on a synthetic portfolio, the last days through Airflow"
	@echo "make demo DATA=LoanStats.csv.gz  the same on a real loan file (PLATFORM=lendingclub)"
	@echo "make test                      every check: style, types, import directions, tests, real Airflow"
	@echo "make check                     style, types, import directions and the quick tests, for people at work"
	@echo "make site                      the documentation site, in build/site"
	@echo "make bench                     us and our peers on the same work, with a table and a picture in bench/results"
	@echo "make wheel                     the wheel and its digest, where deploy/Dockerfile takes them from"
	@echo "make distributed               five days on Celery, PostgreSQL and Redis, each killed once; writes what was measured"
	@echo "make torture                   every fault in full: kills, full disks, hostile files, rivals, broken feeds"
	@echo "make bounds                    the core tests at the lowest and the highest versions of the dependencies"
	@echo "make mutation                  small harmful changes of the rooms that decide, and whether a test notices each"

setup:
	@tools/set_up

demo: setup
	@$(BIN)/p2pcredit demo $(if $(DATA),"$(DATA)" --platform $(PLATFORM)) --home $(DEMO_HOME)

test: setup lint types imports unit real

# The faults that `make test` tries a few times, tried in full; the table of what was tried goes into the docs.
torture: setup
	rm -rf build/torture
	$(BIN)/pytest -q -n 2 --dist worksteal -m torture --torture --torture-results build/torture --ignore tests/dags --ignore tests/e2e --ignore tests/spark --ignore src/p2pcredit
	$(BIN)/pytest -q -p no:randomly -m torture --torture --torture-results build/torture tests/e2e
	$(BIN)/python tools/torture_table build/torture > docs/reference/torture.md

# What goes into the image of deploy/Dockerfile beside deploy/requirements.lock.
wheel: setup
	@$(BIN)/python deploy/make_wheel

# The topology of deploy/compose.yaml as processes of this machine; needs root, and Debian's postgresql and redis-server.
distributed: setup
	@tools/set_up deploy
	rm -rf build/distributed
	$(BIN)/pytest -q -p no:randomly tests/e2e/test_distributed.py --distributed build/distributed
	$(BIN)/python -m tools.distributed.page build/distributed > build/distributed/page.md
	cp build/distributed/page.md docs/reference/distributed.md

# Each change runs the tests that can notice it; a run that was cut short goes on where it was. All of them: WHOLE=1;
# some of them: ROOMS="monitoring jobs/monitoring/week.py"; bounded: MINUTES=30 (default 60), SAMPLE=20 of each module (default 40).
mutation: setup
	$(BIN)/python -m tools.mutation $(ROOMS) $(if $(WHOLE),--whole) $(if $(SAMPLE),--sample $(SAMPLE)) \
	  $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

# For people at work: what is quick and finds most. `make test` is what counts.
QUICK := contracts transforms retraining monitoring test_periods.py test_settings.py test_settings_reference.py test_errors.py test_contradicting_settings.py
check: setup lint types imports
	$(BIN)/pytest -q -n 2 --dist worksteal $(addprefix tests/unit/,$(QUICK)) \
	  $(addprefix src/p2pcredit/,contracts transforms retraining monitoring settings periods.py text.py names.py)

# Lines that the tests run, and the least share of them that they must (`fail_under` in pyproject.toml).
coverage: setup
	$(BIN)/pytest -q -n 2 --dist worksteal --cov --cov-report=term:skip-covered --cov-report=html:build/coverage \
	  --ignore tests/dags --ignore tests/e2e --ignore tests/spark --ignore src/p2pcredit/orchestration

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

unit: setup
	@tools/set_up deploy
	@tools/set_up mlflow
	$(BIN)/pytest -q -n 2 --dist worksteal --ignore tests/dags --ignore tests/e2e --ignore tests/spark --ignore src/p2pcredit/orchestration

# What starts Airflow or a JVM mostly waits, so two of these run at a time; each prints what it has to say at its end.
# What they need beside the rest is added before any of them, since nothing should be installed while tests run.
real: setup
	@tools/set_up spark
	@tools/set_up deploy
	@$(MAKE) --no-print-directory -j 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) e2e dags spark

# Airflow is configured by its environment before it is imported, so these have processes of their own.
dags: setup
	$(BIN)/pytest -q tests/dags

# One JVM serves all of these, so they have a process of their own; without Java they skip, and say so.
spark: setup
	@tools/set_up spark
	$(BIN)/pytest -q tests/spark

e2e: setup
	@tools/set_up deploy
	$(BIN)/pytest -q -p no:randomly tests/e2e

# Drawn by Chromium from the home that `make demo` left.
pictures: setup
	$(BIN)/python -m tools.pictures $(DEMO_HOME) docs/pictures

# Every generated page and drawing of the docs: commands, settings, tables, exit codes, files of a home, decision records.
docs: setup
	$(BIN)/python -m tools.docs

# What the commands of the tutorial print, written below them.
docs-outputs: setup
	$(BIN)/python -m tools.docs.running docs/tutorial.md

site: setup
	$(BIN)/python -m tools.docs.site

# Runs the cells of the notebook page on a small home, and writes below each what it printed.
notebook: setup
	$(BIN)/python tools/run_page.py docs/how-to/notebook.md

# Every pin with its hashes and no address. Resolved with the providers that companies have beside it, and then without them:
# nothing in the lock is refused by one of those. Asks the index that pip is set to, as no test does. The locks of deploy/
# hold what the first holds, in the same versions: the image's packages, and what the tests of deploy/ need beside the rest.
PLAIN := --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q
COMPILE = $(BIN)/uv pip compile pyproject.toml --extra airflow --extra export --extra spark --extra sql --extra warehouse --extra xlsx --group dev $(PLAIN) --upgrade \
  -c tools/bounds/held.txt
LOCKED = -c requirements.lock --generate-hashes $(PLAIN)
lock: setup
	mkdir -p build
	$(COMPILE) tools/bounds/beside.in -o build/beside.txt
	$(COMPILE) -c build/beside.txt --generate-hashes -o requirements.lock
	$(MAKE) lock-deploy
	$(MAKE) lock-mlflow
	awk '/^uv==/{on=1} on&&!/^uv==/&&!/^ /{exit} on' requirements.lock > tools/uv.lock.txt

lock-deploy:
	mkdir -p build
	$(BIN)/uv pip compile pyproject.toml --extra airflow --extra celery --extra kubernetes --extra sql $(LOCKED) -o deploy/requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra airflow --extra celery --extra kubernetes --group deploy $(LOCKED) -o build/deploy.lock
	awk 'FNR == NR {if (/^[a-z0-9]/) have[$$1] = 1; next} /^[a-z0-9]/{on = !($$1 in have)} on' \
	  requirements.lock build/deploy.lock > tools/deploy.lock.txt

# MLflow's server for the tests: what requirements.lock pins is kept but for three packages that it refuses;
# listed is what differs, with pandas and pytz, which the lock has for PySpark alone.
lock-mlflow:
	mkdir -p build
	awk '/^[a-z0-9]/ && !/^(cachetools|importlib-metadata|pyarrow)==/' requirements.lock | tr -d '\\' > build/beside-mlflow.txt
	$(BIN)/uv pip compile --group pyproject.toml:mlflow -c build/beside-mlflow.txt --generate-hashes $(PLAIN) -o build/mlflow.lock
	awk 'FNR == NR {if (/^[a-z0-9]/ && !/^(pandas|pytz)==/) have[$$1] = 1; next} /^[a-z0-9]/{on = !($$1 in have)} on' \
	  requirements.lock build/mlflow.lock > tools/mlflow.lock.txt

# The core tests at the lowest and at the highest versions that pyproject.toml allows, each in a virtual environment of its
# own; some of them: NAMES="lowest". Asks the index too. Then `make docs` writes docs/reference/versions.md.
bounds: setup
	$(BIN)/python -m tools.bounds $(NAMES)

# Us and our peers on the same work in the same run; see bench/README.md. `make bench ROWS=200000 PARTS="raw-to-gold scoring"`.
bench: setup
	@bench/set_up
	$(BIN)/python -m bench $(PARTS) $(if $(ROWS),--rows $(ROWS)) $(if $(PEER_ROWS),--peer-rows $(PEER_ROWS)) \
	  $(if $(REPEATS),--repeats $(REPEATS)) $(if $(LIKE_PUBLIC),--like-public) $(if $(DATA),--data "$(DATA)")

# Our bins against optbinning's. DATA is a LendingClub LoanStats file.
bench-binning: setup
	@bench/set_up
	bench/.venv/bin/python bench/studies/binning_against_optbinning.py "$(DATA)"

bench-scoring: setup
	$(BIN)/python bench/studies/scoring_speed.py

# The server under load: 200 requests a second from 8 clients, then 1,000 applications at once. HOME_DIR is a home with a champion.
bench-serving: setup
	@bench/set_up load
	$(BIN)/python bench/studies/serving_load.py "$(HOME_DIR)"

# What Airflow adds to the jobs; leave the machine alone meanwhile.
bench-airflow: setup
	$(BIN)/python bench/studies/airflow_overhead.py

lock-bench: setup
	for name in requirements requirements-evidently requirements-load; do $(BIN)/uv pip compile bench/$$name.in --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --upgrade \
	  -o bench/$$name.txt -q || exit 1; done
