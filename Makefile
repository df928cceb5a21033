# The two commands of this project. Everything else is a nox session: `.venv/bin/nox --list`.

TOOLS := 'nox[uv]>=2026.10,<2027' 'uv>=0.13,<0.14'

.PHONY: demo test

demo: .venv/bin/nox
	@exec .venv/bin/python -m nox --session demo

test: .venv/bin/nox
	@exec .venv/bin/python tests/sessions.py

# Takes the newest Python on PATH that is 3.11 or later and really runs (pyenv puts names on PATH that do not).
.venv/bin/nox:
	@for python in python3.14 python3.13 python3.12 python3.11 python3; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo 'Heliograph needs Python 3.11 or later, and there is none on PATH.' >&2; exit 1; \
	fi; \
	if ! $$found -m ensurepip --version >/dev/null 2>&1; then \
		echo "$$found comes without venv. On Debian and Ubuntu: apt-get install $$found-venv" >&2; exit 1; \
	fi; \
	echo "Making .venv with uv and nox ($$($$found --version))"; \
	$$found -m venv .venv && .venv/bin/python -m pip install --quiet --disable-pip-version-check $(TOOLS)
