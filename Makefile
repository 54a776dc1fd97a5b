# The two commands, and what they are made of. Everything else is in scripts/.
.PHONY: help demo test build

help:
	@echo 'make demo         set up, build, and show four nodes at work (KEEP=1 leaves them running)'
	@echo 'make test         set up and run every test'
	@echo 'make build        build both programs'
	@echo '.ci/run           make test, then the lints'

demo:
	@KEEP='$(KEEP)' scripts/demo.sh

test:
	@scripts/test.sh

build:
	cargo build --bins
