# make demo    the whole experiment at toy size, in its own virtual environment
# make test    the checks and the tests
# make docs    the documentation site, in site/
# make paper   the paper's experiment at full size (days or weeks on CPUs)
# make environments   copy the versions in requirements.lock into the conda environments

VENV := .venv
PYTHON ?= python3
SNAKEMAKE := $(VENV)/bin/snakemake

.PHONY: demo test check docs paper environments clean

demo: $(VENV)/run
	$(SNAKEMAKE) --cores all --configfile config/demo.yaml
	$(SNAKEMAKE) --cores all --configfile config/demo.yaml --report results/report.html --quiet all
	@$(VENV)/bin/ssn3d tables --config config.yaml config/demo.yaml

test: check
	$(VENV)/bin/pytest -n 2 --dist loadscope

check: $(VENV)/develop
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/snakefmt --check Snakefile workflow

docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

paper: $(VENV)/run
	$(SNAKEMAKE) --cores all
	$(SNAKEMAKE) --cores all --report results/report.html --quiet all
	@$(VENV)/bin/ssn3d tables

environments:
	for file in envs/cpu.yaml envs/cuda.yaml; do \
	  { sed '/- pip:/q' $$file; sed -n 's/^[^#]*==/      - &/p' requirements.lock; } > $$file.new && mv $$file.new $$file; \
	done

clean:
	rm -rf $(VENV) results logs site .snakemake

# $(VENV)/run, $(VENV)/develop and $(VENV)/docs record when each lock was last installed.
$(VENV)/run: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet -r requirements.lock
	$(VENV)/bin/pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/develop: $(VENV)/run requirements-dev.lock
	$(VENV)/bin/pip install --quiet -r requirements-dev.lock
	@touch $@

$(VENV)/docs: $(VENV)/run requirements-docs.lock
	$(VENV)/bin/pip install --quiet -r requirements-docs.lock
	@touch $@
