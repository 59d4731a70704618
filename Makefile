# make test        run the test suite             make reproduce   data, training, report
# make venv        only the environment           make bench       speed beside PyTorch's
# make image       build the Docker image         make image-test  build it and try it
# make docs        build the documentation        make locks       pin every dependency anew
# make lint        look for what ruff, mypy and clang-format find
# make campaign    kill trainings and damage files for SECONDS=600
VENV ?= .venv
PYTHON = $(VENV)/bin/python
REQUIREMENTS = requirements.txt requirements-extras.txt

.PHONY: test campaign lint venv docs reproduce bench image image-test locks clean

test: $(VENV)/tests-installed
	$(PYTHON) -m nose2 -t . $(TESTS)

# Not a part of the tests: it takes as long as it is given, and finds more the longer it runs.
SECONDS ?= 600
campaign: $(VENV)/tests-installed
	$(PYTHON) -m tests.campaign --seconds $(SECONDS)

venv: $(VENV)/installed

$(VENV)/installed: setup.py package/__init__.py $(REQUIREMENTS) tools/make_venv.sh
	sh tools/make_venv.sh $(VENV) $(REQUIREMENTS)
	touch $@

$(VENV)/tests-installed: $(VENV)/installed requirements-dev.txt
	sh tools/make_venv.sh $(VENV) requirements-dev.txt
	touch $@

lint: $(VENV)/tests-installed
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check --quiet
	@# The root is the package, which mypy finds by its name.
	mkdir -p $(VENV)/typed && ln -sfn $(CURDIR) $(VENV)/typed/voxlstm
	MYPYPATH=$(VENV)/typed $(VENV)/bin/mypy -p voxlstm.lib -p voxlstm.models -p voxlstm.solvers -p voxlstm.tools
	$(VENV)/bin/clang-format --dry-run -Werror $$(git ls-files '*.h' '*.cpp' '*.cu')

# Every warning is an error, so that no page names what is not there.
docs: $(VENV)/tests-installed
	$(PYTHON) -m sphinx -q -E -W --keep-going -b html -d output/docs/.doctrees docs output/docs
	@echo output/docs/index.html

reproduce: venv
	$(PYTHON) tools/reproduce.py --out output/reproduce

bench: venv .venv-bench/installed
	$(PYTHON) benchmarks/bench.py --torch .venv-bench/bin/python --out output/bench.json

# PyTorch is only compared with, so it has an environment of its own.
.venv-bench/installed:
	python3.11 -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet torch==2.13.0 numpy
	touch $@

image:
	packaging/docker/build.sh

image-test:
	packaging/docker/test.sh

# Pin every dependency anew; needs pip-tools in the environment.
LOCK = $(PYTHON) -m piptools compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
locks: venv
	$(PYTHON) -m pip install --quiet pip-tools
	$(LOCK) -o requirements.txt setup.py
	$(LOCK) --constraint requirements.txt --extra data --extra report --extra fast --extra gpu --extra mpi --extra export --extra heic \
		-o requirements-extras.txt setup.py
	$(LOCK) --constraint requirements.txt --extra cudnn -o requirements-cudnn.txt setup.py
	$(LOCK) --constraint requirements.txt --extra nccl -o requirements-nccl.txt setup.py
	$(LOCK) -o requirements-dev.txt requirements-dev.in

clean:
	rm -rf $(VENV) output build *.egg-info
